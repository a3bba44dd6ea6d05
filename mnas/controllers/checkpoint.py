"""A controller's state as a file: written whole after every update, refused when it is not this search's."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial

from mnas.controllers.adam import Slots
from mnas.controllers.controller import State
from mnas.controllers.settings import Settings, settings_for
from mnas.controllers.steps import Steps
from mnas.errors import SearchError
from mnas.files import read_npz, write_npz

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint's content.

    Attributes:
        state: The controller's.
        updates: Batches behind it.
        used: Numbers of the trials it learned from.
        chain: Their fingerprint.
        rewards: What made numbers of their values, one a goal, in words.
    """

    state: State
    updates: int
    used: tuple[int, ...]
    chain: str
    rewards: list[str]


def fingerprint(chain: str, trial: FrozenTrial) -> str:
    """The fingerprint of a list of trials, given that of the list without its last, ``""`` for the empty list."""
    params = sorted((name, repr(value)) for name, value in trial.params.items())
    text = json.dumps([chain, trial.number, params, [repr(value) for value in trial.values or ()]])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identity(steps: Steps | None, settings: Settings, seed: int) -> dict[str, Any]:
    """What must be equal for a checkpoint to be taken up; ``steps`` is ``None`` where they are learned."""
    named: list[list[str | int]] | None = None
    if steps is not None:
        named = [
            [name, size, *(steps.names[point] for point in steps.points(step))]
            for step, (name, size) in enumerate(zip(steps.names, steps.sizes, strict=True))
        ]
    # How steps point makes no difference where none does; older checkpoints of `ppo-paper` have it otherwise.
    settings = settings if steps is not None and steps.points_to else replace(settings, pointers=True)
    return {"format": _FORMAT, "seed": seed, "steps": named, "settings": asdict(settings)}


def begun_with(path: Path | None, settings: Settings) -> Settings:
    """The settings to resume with: a search that began when ``ppo`` had no screen goes on without one.

    Args:
        path: The checkpoint; there may be none.
        settings: As they are asked for.
    """
    screened, plain = (replace(settings_for(name), batch=settings.batch) for name in ("ppo", "ppo-plain"))
    if path is None or settings != screened or not path.exists():
        return settings
    try:
        stored = json.loads(str(read_npz(path)["about"]))["settings"]
        older = "screen" not in stored and asdict(Settings()) | stored == asdict(plain)
        return plain if older else settings
    except (SearchError, KeyError, ValueError, TypeError):
        return settings  # `load` says what is wrong with it


def save(path: Path, saved: Saved, about: dict[str, Any]) -> None:
    """Writes a checkpoint.

    Raises:
        SearchError: The folder cannot be written to.
    """
    state = saved.state
    write_npz(
        path,
        {
            "weights": state.weights,
            "first": state.slots.first,
            "second": state.slots.second,
            "baseline": state.baseline,
            "counts": np.array([saved.updates, state.slots.count], dtype=np.int64),
            "used": np.array(saved.used, dtype=np.int64),
            "chain": np.array(saved.chain),
            "rewards": np.array(json.dumps(saved.rewards)),
            "about": np.array(json.dumps(about)),
        },
    )


def load(path: Path, about: dict[str, Any]) -> Saved:
    """Reads a checkpoint.

    Raises:
        SearchError: The file is not a controller's checkpoint, or is that of another search.
    """
    advice = "give another path, or delete it and the controller is rebuilt from the trials"
    try:
        arrays = read_npz(path)
    except SearchError as error:
        raise SearchError(f"{error}: {advice}") from error
    try:
        theirs = json.loads(str(arrays["about"]))
        updates, count = (int(value) for value in arrays["counts"])
        slots = Slots(arrays["first"], arrays["second"], count)
        state = State(arrays["weights"], slots, arrays["baseline"])
        used = tuple(int(number) for number in arrays["used"])
        saved = Saved(state, updates, used, str(arrays["chain"]), list(json.loads(str(arrays["rewards"]))))
        same_shape = state.weights.shape == slots.first.shape == slots.second.shape
        # A setting that came later than the checkpoint had its default, which leaves the controller as it was.
        theirs["settings"] = asdict(Settings()) | theirs["settings"]
        if not (isinstance(theirs, dict) and same_shape and np.issubdtype(state.weights.dtype, np.floating)):
            raise ValueError("its arrays do not fit each other")
    except (KeyError, ValueError, TypeError) as error:
        raise SearchError(f"{path} is not a controller's checkpoint ({error}): {advice}") from error
    other = [name for name, value in about.items() if theirs.get(name) != value]
    if other:
        raise SearchError(f"checkpoint {path} is of a search with another {other[0]}: {advice}")
    return saved
