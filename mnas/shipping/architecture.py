"""The network that a command names: a published one, block strings, JSON, or a trial of a search."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnas.errors import SearchError, quoted
from mnas.files import read_text
from mnas.run import Run
from mnas.search.standing import chosen_trial, front_trials
from search_spaces import (
    Arch,
    Shape,
    SpaceError,
    arch_hash,
    family_of,
    from_json,
    from_notation,
    published,
    published_names,
    restack,
    scale,
)

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_LONGEST_NAME = 40
_STACK = re.compile(r"([1-9][0-9]{0,3})@([1-9][0-9]{0,5})")
_FACTORS = re.compile(r"([0-9.]+)(?:x([0-9.]+))?")


@dataclass(frozen=True, slots=True)
class Named:
    """A network and how it came to be what it is.

    Attributes:
        arch: The network.
        notes: What was changed of what the name says, a sentence each.
    """

    arch: Arch
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A trial of a search.

    Attributes:
        run: The search.
        number: Of the trial.
        arch: Its network.
        weights: What its proxy training ended with.
    """

    run: Run
    number: int
    arch: Arch
    weights: Path


def network(text: str, shape: Shape) -> Named:
    """The network that `text` names, for images of `shape`.

    Args:
        text: A published name, with a factor on its filters and one on its layers (`mnasnet-a1`, `mnasnet-a1@0.5`,
            `mnasnet-a1@0.5x0.75`); block strings; an architecture's JSON; a file that holds either; or a trial of a
            search (`RUN:best`, `RUN:7`).
        shape: `(height, width, channels)`. Published networks get strides that leave small images their pixels; what
            is written out in full is taken as it is.

    Raises:
        SearchError: It names no network.
        SpaceError: No network can be so.
    """
    name, at, factors = text.partition("@")
    if name in published_names():
        return _published(name, factors if at else "1", shape)
    run, colon, trial = text.rpartition(":")
    if colon and _is(Path(run), folder=True):
        return Named(chosen(Path(run), trial)[0].arch)
    if _is(Path(text), folder=True):
        raise SearchError(f"{text} is a folder: name a trial of its search, as in {text}:best")
    return Named(_written(read_text(Path(text)) if _is(Path(text), folder=False) else text, text))


def stacked(named: Named, cells: str, shape: Shape) -> Named:
    """The cells of a network in another stack.

    Args:
        named: Any network of cells.
        cells: `N@P` of the NASNet paper: N normal cells in front of, between and behind the reductions, and P channels
            of the last map.
        shape: Of the images; those of 96 pixels and more get a strided stem.

    Raises:
        SearchError: It is not `N@P`.
        SpaceError: The network has no cells, or none that can be stacked so.
    """
    found = _STACK.fullmatch(cells)
    if found is None:
        raise SearchError(f"--cells {quoted(cells)} is not of the form N@P, such as 6@768")
    arch = restack(named.arch, int(found[1]), int(found[2]), shape)
    return Named(arch, (f"Its cells were stacked anew, {cells}, for images of {shape[0]}x{shape[1]} pixels.",))


def called(text: str, arch: Arch) -> str:
    """What a card calls a network: its name, or its family and the head of its hash where it was written out."""
    return text if len(text) <= _LONGEST_NAME else f"{family_of(arch).name}-{arch_hash(arch)[:8]}"


def chosen(path: Path, which: str) -> list[Chosen]:
    """Trials of a search.

    Args:
        path: The run directory.
        which: `best` (by the reward), `front` (all that no other beats in both objectives, the fastest first), or
            the number of a trial.

    Raises:
        SearchError: No such run or trial.
    """
    if not which.isdecimal() and which not in ("best", "front"):
        raise SearchError(f"{quoted(which)} is neither a trial's number nor best nor front")
    run = Run.open(path)
    if which == "front":
        trials = front_trials(run)
    else:
        trials = [chosen_trial(run, None if which == "best" else int(which))]
    return [_chosen(run, trial) for trial in trials]


def _chosen(run: Run, trial: FrozenTrial) -> Chosen:
    found = run.finished(trial)
    weights = run.candidate(found.arch_hash) / "weights.npz"
    return Chosen(run, trial.number, from_json(json.dumps(found.arch)), weights)


def _published(name: str, factors: str, shape: Shape) -> Named:
    found = _FACTORS.fullmatch(factors)
    try:
        width, depth = (float(factor) for factor in (found[1], found[2] or "1")) if found else (math.nan, math.nan)
    except ValueError:
        width = math.nan
    if math.isnan(width):
        raise SearchError(f"{quoted(factors)} is not a factor on the filters of {name}, such as {name}@0.5")
    wanted = scale(published(name), width, depth)
    fitted = family_of(wanted).strided(wanted, shape)
    height, wide, _ = shape
    note = f"Its earliest strides are 1, so that images of {height}x{wide} pixels keep enough of them to the end."
    return Named(fitted, () if fitted == wanted else (note,))


def _written(text: str, named: str) -> Arch:
    """What JSON or a notation says; `named` is what the command said, for messages."""
    if text.lstrip().startswith("{"):
        return from_json(text)
    try:
        return from_notation(text)
    except SpaceError as error:
        if "_" in text:
            raise
        raise SearchError(
            f"{quoted(named)} is neither a file nor a published network ({', '.join(published_names())}), block "
            f"strings, JSON, or a trial such as runs/demo:best"
        ) from error


def _is(path: Path, *, folder: bool) -> bool:
    try:
        return path.is_dir() if folder else path.is_file()
    except OSError:  # too long a name
        return False
