"""Files that appear whole or not at all: written aside, fsynced, renamed."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

_END = ".aside"


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """Gives an empty file beside `path`, which takes its place when the body has ended well.

    A reader, or a machine that lost power, sees the old file or the new one.

    Args:
        path: In a folder that exists.
        mode: Rights of the file, less the process's mask.

    Raises:
        OSError: The folder cannot be written to, or the disk is full; the old file is as it was.
    """
    aside = path.with_name(f"{_beginning(path)}{secrets.token_hex(6)}{_END}")
    try:
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        yield aside
        _sync(aside)
        aside.replace(path)
        # A rename alone may be lost with the power.
        _sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Puts `data` at `path`; arguments and errors as for `whole_file`."""
    with whole_file(path, mode=mode) as aside:
        aside.write_bytes(data)


def remove_leftovers(path: Path) -> None:
    """Removes what processes that were killed while they wrote `path` have left; nobody else may write it now."""
    for entry in path.parent.iterdir() if path.parent.is_dir() else ():
        if entry.name.startswith(_beginning(path)) and entry.name.endswith(_END):
            entry.unlink(missing_ok=True)


def _beginning(path: Path) -> str:
    return f".{path.name[:200]}."


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
