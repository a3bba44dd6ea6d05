"""What is to be made, as `order.json` keeps it: the same order resumes where it stopped, another one is refused."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from device_bench.file_lock import held
from device_bench.kinds import Interface, Precision
from device_bench.validation import problem
from mnas.config import DataSection
from mnas.errors import SearchError, quoted
from mnas.files import read_json, write_json
from mnas.records import FORMAT, check_format
from mnas.tasks import DEFAULT
from mnas.training.recipe import Recipe

Quantize = Literal["auto", "ptq", "qat"]


_BEGUN = ("training", "weights.npz")
"""What a folder holds from the first step of its training on."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Subject(_Part):
    """The network and its images.

    Attributes:
        arch: The network, by `search_spaces.to_json`.
        task: What it is trained and judged on.
        data: The images; None where they are those of a search.
        run: The search that the network and the images are from.
        trial: Its number there.
    """

    arch: str
    task: str = DEFAULT
    data: DataSection | None = None
    run: Path | None = None
    trial: int | None = None


class TrainingOrder(_Part):
    """How the network gets its weights.

    Attributes:
        epochs: How often the images are passed over; None for what the recipe has, 0 for the weights of the search.
        minutes: How long to train, in place of a number of epochs.
        recipe: What differs from the recipe of a full training.
        weights: What the training starts from: see `mnas.training.transfer.initial_weights`; empty for a random start.
        freeze: The block up to which the start stays as it is.
        prune: Share of the weights that become zero.
        seed: Of the splits, the weights, the order of the images and their variation.
    """

    epochs: int | None = Field(default=None, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    recipe: dict[str, Any] = {}
    weights: str = ""
    freeze: str = ""
    prune: float = Field(default=0.0, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)


class FilesOrder(_Part):
    """What is made of the weights.

    Attributes:
        precisions: One file each.
        quantize: How int8 files are made: by calibration (`ptq`), by a training that knows of it (`qat`), or by the
            second where the first loses too much (`auto`).
        calibration: Images of the train split that set the ranges of int8 activations.
        interface: What apps hand to int8 files and get from them.
        colour: Whether networks for grey images get an input of three channels.
        diagnose: Whether int8 is compared with float, operator by operator, and repaired.
        floor: The metric that a repair has to reach.
        device: Where the files are timed; `none` for nowhere.
        threads: How many the runtime uses.
        target_ms: Latency aimed at.
    """

    precisions: tuple[Precision, ...]
    quantize: Quantize = "auto"
    calibration: int = Field(default=200, ge=1)
    interface: Interface = "uint8"
    colour: bool = True
    diagnose: bool = False
    floor: float | None = None
    device: str = "host"
    threads: int = Field(default=1, ge=1, le=256)
    target_ms: float | None = Field(default=None, gt=0)


class Order(_Part):
    """The whole order.

    Attributes:
        subject: The network and its images.
        training: How it gets its weights.
        files: What is made of them.
        named: The network as it was named, for the card.
        notes: What was changed of it, a sentence each.
        command: The command line that makes the same again.
    """

    subject: Subject
    training: TrainingOrder
    files: FilesOrder
    named: str
    notes: tuple[str, ...] = ()
    command: str = ""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads what `write` wrote.

        Raises:
            SearchError: The file is damaged, or of another format.
        """
        values = read_json(path)
        if not isinstance(values, dict):
            raise SearchError(f"{path} is not an order: delete it, or choose another directory")
        check_format(values.pop("format", None), path)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SearchError(f"{path}: {problem(error)}; it is damaged or was changed by hand") from None

    def write(self, path: Path) -> None:
        """Writes the order, whole or not at all."""
        write_json(path, {"format": FORMAT, **self.model_dump(mode="json")})


@contextlib.contextmanager
def claimed(folder: Path, order: Order) -> Iterator[None]:
    """Makes `folder` the order's own while it is worked on, and writes the order there.

    Raises:
        SearchError: Somebody works there already, or it holds something else.
    """
    path = folder / "order.json"
    if folder.exists() and not path.exists() and any(one.name != ".lock" for one in folder.iterdir()):
        raise SearchError(f"{folder} exists and is not of mnas: choose another directory with -o")
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder / ".lock", wait_s=0))
        except BlockingIOError:
            raise SearchError(f"another process works in {folder}: wait for it or stop it") from None
        if path.exists():
            differing = _differences(Order.read(path), order)
            if differing and not any((folder / name).exists() for name in _BEGUN):
                shutil.rmtree(folder / "data", ignore_errors=True)
            elif differing:
                raise SearchError(
                    f"{folder} holds another training ({'; '.join(differing)}): ask for the same to resume it, or "
                    "choose another directory with -o"
                )
        order.write(path)
        yield


def _differences(theirs: Order, ours: Order) -> list[str]:
    """What makes the weights other ones, in words."""
    there, here = (
        {**one.subject.model_dump(mode="json"), **one.training.model_dump(mode="json")} for one in (theirs, ours)
    )
    keys = [key for key in here if there[key] != here[key]]
    shown = {"arch": ("network", theirs.named, ours.named)}
    words = [shown.get(key, (key, there[key], here[key])) for key in keys]
    return [f"{name} was {_brief(was)}, is now {_brief(now)}" for name, was, now in words]


def _brief(value: Any) -> str:
    return "another" if isinstance(value, dict) and len(value) > 2 else quoted(value)


def recipe_changes(words: Iterable[str]) -> dict[str, Any]:
    """What `KEY=VALUE` words change of a recipe, checked.

    Raises:
        SearchError: A word of another form, an unknown key or an impossible value.
    """
    known = [key for key in asdict(Recipe()) if key != "weights"]  # an option of its own
    values: dict[str, str] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or key not in known:
            raise SearchError(f"--recipe {quoted(word)} is not of the form KEY=VALUE with a KEY of: {', '.join(known)}")
        values[key] = text
    checked = changed(Recipe(), values)
    return {key: getattr(checked, key) for key in values}


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some of its values changed.

    Raises:
        SearchError: An impossible value.
    """
    try:
        return _recipes().validate_python({**asdict(recipe), **changes})
    except ValidationError as error:
        raise SearchError(f"--recipe: {problem(error)}") from None


@cache
def _recipes() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)
