"""Command lines that people can paste into a shell."""

from __future__ import annotations

import os
import shlex
import string
from collections.abc import Iterable
from pathlib import Path

_PLAIN = frozenset((string.ascii_letters + string.digits + " -_./:=,+@%[]").encode())


def pasteable(words: Iterable[str]) -> str:
    """The words as one line of bash or zsh, quoted where a shell would read them otherwise."""
    return " ".join(shlex.quote(word) if word.isprintable() else _escaped(word) for word in words)


def argument(path: Path) -> str:
    """A path as an argument, which no program takes for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _escaped(word: str) -> str:
    """As `$'...'`, which holds line breaks, control characters and bytes that are no text."""
    escaped = [chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in os.fsencode(word)]
    return f"$'{''.join(escaped)}'"
