"""Where a training stands, as one file that is whole or not there: the same training resumes from it bit by bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device_bench.whole_files import remove_leftovers
from mnas.errors import SearchError
from mnas.files import read_npz, write_npz
from mnas.tasks.task import Data

if TYPE_CHECKING:
    import tensorflow as tf

_ABOUT = "about"


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch that a training went through.

    Attributes:
        loss: Mean over its steps.
        value: The task's metric on the validation split behind it.
    """

    loss: float
    value: float


@dataclass(slots=True)
class Standing:
    """Where a training stands.

    Attributes:
        epochs: How many it is to have.
        steps: Of each epoch.
        step: Behind which it stands, over all epochs.
        losses: Of the steps of the epoch at hand, summed.
        history: The epochs behind it.
        seconds: What they took, of all processes that worked on it.
        ended: Why it ended before its last epoch; empty while it did not.
    """

    epochs: int
    steps: int
    step: int = 0
    losses: float = 0.0
    history: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    ended: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self.ended) or len(self.history) == self.epochs


class Checkpoint:
    """The file of one training."""

    def __init__(self, path: Path, identity: Mapping[str, Any], groups: Mapping[str, Sequence[tf.Variable]]) -> None:
        """Prepares; nothing is read yet.

        Args:
            path: The file; no other process writes it.
            identity: What tells this training from others, in values of JSON; the keys are nouns for messages.
            groups: Name -> variables that change in training, always in the same order.
        """
        self._path, self._groups = path, groups
        self._identity: dict[str, Any] = json.loads(json.dumps(identity))

    def save(self, standing: Standing) -> None:
        """Writes all variables and where the training stands.

        Raises:
            RunFailed: The file cannot be written; the one before it stays.
        """
        about = {"identity": self._identity, **_plain(standing)}
        arrays = {name: one.numpy() for name, one in self._variables().items()}
        write_npz(self._path, {_ABOUT: np.array(json.dumps(about)), **arrays})

    def restore(self) -> Standing | None:
        """Gives all variables their stored values; None where there is no file.

        Raises:
            SearchError: The file is damaged, or of another training.
        """
        remove_leftovers(self._path)
        if not self._path.exists():
            return None
        advice = "delete it to train from the beginning"
        try:
            arrays = read_npz(self._path)
            about = json.loads(str(arrays.pop(_ABOUT)))
            identity = about.pop("identity")
            standing = Standing(**{**about, "history": [Epoch(**one) for one in about["history"]]})
        except SearchError as error:
            raise SearchError(f"{error}; {advice}") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise SearchError(f"{self._path} is not the checkpoint of a training: {advice}") from None
        expected = self._variables()
        other = [name for name, value in self._identity.items() if identity.get(name) != value]
        if not other and _shapes(expected) != _shapes(arrays):
            other = ["network"]
        if other:
            raise SearchError(
                f"{self._path} is of a training with another {other[0]}: choose another directory, or {advice}"
            )
        for name, variable in expected.items():
            variable.assign(arrays[name])
        return standing

    def _variables(self) -> dict[str, tf.Variable]:
        return {f"{name}/{index}": one for name, group in self._groups.items() for index, one in enumerate(group)}


def data_identity(data: Data) -> list[Any]:
    """What tells the data of a training from others, for the identity of its checkpoint."""
    splits = [hashlib.sha256(one.targets.tobytes()).hexdigest() for one in (data.train, data.validation)]
    return [data.name, list(data.input_shape), data.outputs, *splits]


def _shapes(arrays: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in arrays.items()}


def _plain(standing: Standing) -> dict[str, Any]:
    names = ("epochs", "steps", "step", "losses", "seconds", "ended")
    history = [{"loss": one.loss, "value": one.value} for one in standing.history]
    return {**{name: getattr(standing, name) for name in names}, "history": history}
