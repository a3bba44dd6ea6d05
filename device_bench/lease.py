"""One user per device: a lock file that goes with the process that holds it."""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from device_bench.errors import BenchError

_POLL_S = 0.2
_WORD = re.compile("[0-9a-f]{16}")


class DeviceBusy(BenchError):
    """Somebody else measures on the device."""


@contextlib.contextmanager
def lease(device: str, *, wait_s: float = 0.0, key: str | None = None) -> Iterator[str]:
    """Holds a device against every other process (and thread) of this user on this computer.

    The route does not matter: "adb:X" and "adb-server:X" are one phone.

    Args:
        device: Its name, for messages.
        wait_s: How long to wait for another user.
        key: What two users of the device have in common; None: its name without the route.

    Yields:
        A word by which this computer's users of the device know what an earlier one of them left on it.

    Raises:
        DeviceBusy: Somebody else holds it and did not let go within `wait_s`.
    """
    key = key or device.rpartition("adb-server:")[2].removeprefix("adb:")
    path = _folder() / hashlib.sha256(key.encode()).hexdigest()[:16]
    deadline = time.monotonic() + wait_s
    with path.open("a+") as file:
        while not _locked(file.fileno()):
            if time.monotonic() >= deadline:
                holder, _ = _content(file)
                raise DeviceBusy(f"{device} is in use by process {holder}; wait for it or end it")
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
        _, word = _content(file)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n{word}\n")
        file.flush()
        # The lock goes with the file object; the file stays, for a waiting process may hold it open.
        yield word


def _content(file: TextIO) -> tuple[str, str]:
    """Process and word that a lease names; a word is made where there is none."""
    file.seek(0)
    holder, word, *_ = [*file.read().splitlines(), "", ""]
    return holder.strip() or "?", word if _WORD.fullmatch(word) else secrets.token_hex(8)


def _folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"mnas-leases-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
