"""File names and classes in messages: one line of text, whatever bytes they hold."""

from collections.abc import Sequence
from pathlib import Path

_EXAMPLES = 2


def shown(name: str | Path) -> str:
    """A name that any terminal and any file takes: what cannot be printed is escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in str(name)
    )


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun: `1 class`, `3 classes`."""
    return f"{count} {one if count == 1 else many}"


def examples(names: Sequence[str | Path]) -> str:
    """The first names, and a sign that there are more."""
    more = ", ..." if len(names) > _EXAMPLES else ""
    return ", ".join(shown(name) for name in names[:_EXAMPLES]) + more
