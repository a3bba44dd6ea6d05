"""Locks that go with the process that holds them, however it ends."""

import contextlib
import fcntl
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

_POLL_S = 0.2


@contextlib.contextmanager
def held(path: Path, *, wait_s: float = math.inf) -> Iterator[int]:
    """Holds a file against every other process, and every other thread of this one, that asks for it in this way.

    Args:
        path: A folder, or a file, which is made where there is none and keeps its content. Nobody removes it
            afterwards, for somebody else may be waiting on it.
        wait_s: How long to wait for whoever holds it.

    Yields:
        The descriptor of the open file.

    Raises:
        BlockingIOError: Somebody else holds it and did not let go within `wait_s`.
        OSError: It cannot be opened, or its file system has no locks.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        _lock(descriptor, wait_s)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait_s: float) -> None:
    if wait_s == math.inf:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return None
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
