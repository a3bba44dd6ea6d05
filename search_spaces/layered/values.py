"""What the JSON values of layered networks may be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from search_spaces.errors import SpaceError

MOST_LAYERS, MOST_FILTERS = 100, 8192


@contextmanager
def reading() -> Iterator[None]:
    """Turns what wrong values break into one line.

    Raises:
        SpaceError: They are not those of an architecture.
    """
    try:
        yield
    except (TypeError, KeyError, ValueError) as error:
        raise SpaceError(f"not an architecture: {' '.join(str(error).split())}") from None


def only_keys(values: Any, known: Collection[str]) -> None:
    """Raises `ValueError` where the values are not a dictionary of these keys at most."""
    if not isinstance(values, dict):
        raise ValueError(f"{values!r} is not an object")
    if unknown := sorted(values.keys() - set(known)):
        raise ValueError(f"unknown key {unknown[0]!r}")


def checked_number(value: Any) -> int:
    """A whole number; raises `ValueError` for anything else."""
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def checked_numbers(values: Any) -> tuple[int, ...]:
    """A list of whole numbers; raises `ValueError` for anything else."""
    if not isinstance(values, list):
        raise ValueError(f"{values!r} is not a list")
    return tuple(map(checked_number, values))
