"""Records that installed packages offer through an entry-point group, beside those that come with this project."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Protocol, TypeVar


class Named(Protocol):
    """A record with a name of its own."""

    @property
    def name(self) -> str:
        """By which it is found."""


T = TypeVar("T", bound=Named)


def with_offered(ours: Mapping[str, T], group: str, kind: type[T], refusal: type[Exception]) -> dict[str, T]:
    """All records by name: ours, and those that installed packages announce.

    Args:
        ours: Those that come with this project.
        group: The entry-point group; the name of an entry is that of the record behind it.
        kind: The class of the records.
        refusal: The error to raise; its message is one line.

    Raises:
        Exception: Of class `refusal`: a package cannot be loaded, offers something else, or takes a name that is taken.
    """
    found, what = dict(ours), kind.__name__.lower()
    for entry in entry_points(group=group):
        where = f"the entry point {entry.name} = {entry.value} of {group}"
        try:
            one = entry.load()
        except Exception as error:
            reason = " ".join(str(error).split())
            raise refusal(f"{where} cannot be loaded: {type(error).__name__}: {reason}") from error
        if not isinstance(one, kind) or one.name != entry.name:
            raise refusal(f"{where} is not a {what} of that name")
        if one.name in found:
            raise refusal(f"{where} offers a {what} whose name is taken")
        found[one.name] = one
    return found
