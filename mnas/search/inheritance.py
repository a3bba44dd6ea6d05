"""The trained parent whose pieces every candidate of a search starts from: read once, kept in the run directory."""

from __future__ import annotations

from pathlib import Path

from mnas.config import Config
from mnas.errors import SearchError, quoted
from mnas.run import Run
from mnas.search.parents import place_of
from mnas.training.weight_files import Weights, read_weights, store_weights

PARENT = "parent.npz"
"""The parent's weights in a run directory."""


def asked_parent(config: Config) -> Weights | None:
    """The parent that `train.weights` names, or None where it names none.

    Raises:
        SearchError: It names nothing, or what cannot be read.
    """
    source = config.train.weights
    if not source:
        return None
    if source.partition(":")[0] == "imagenet":
        raise SearchError(
            f"train.weights {quoted(source)}: train a network from them first (mnas train --weights {source}), and "
            "give the directory of that training"
        )
    return read_weights(place_of(source))


def kept_parent(run: Run, asked: Weights | None) -> tuple[Path, str] | None:
    """The parent's file in the run directory, written now where it is new, and its digest.

    Raises:
        SearchError: The run began with other weights than `train.weights` now names.
    """
    if asked is None:
        return None
    place = run.path / PARENT
    if not place.exists():
        store_weights(asked, place)
    elif read_weights(place).digest != asked.digest:
        raise SearchError(
            f"{run.path} began with other weights than those that train.weights {quoted(run.config.train.weights)} now "
            "names: restore them, or choose another directory with -o search.run=DIR"
        )
    return place, asked.digest


def check_parents(asked: Weights | None, name: str) -> None:
    """Refuses trials of an earlier run whose candidates started from other weights.

    Args:
        asked: The parent of the search.
        name: The earlier run's directory, as `search.start` has it.

    Raises:
        SearchError: They did.
    """
    place = Path(name) / PARENT
    if asked is not None and place.exists() and read_weights(place).digest != asked.digest:
        raise SearchError(f"search.start {quoted(name)} is a run of another kind (train.weights: other numbers)")
