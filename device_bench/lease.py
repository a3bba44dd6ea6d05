"""One user a device: a lock file that goes with the process that holds it."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from device_bench.errors import BenchError

_POLL_S = 0.2


class DeviceBusy(BenchError):
    """Another process measures on the device."""


@contextlib.contextmanager
def lease(device: str, *, wait_s: float = 0.0) -> Iterator[None]:
    """Holds a device against every other process (and thread) of this user on this computer.

    The route does not matter: "adb:X" and "adb-server:X" are one phone.

    Raises:
        DeviceBusy: Somebody else holds it and did not let go within `wait_s`.
    """
    path = (
        _folder() / hashlib.sha256(device.rpartition("adb-server:")[2].removeprefix("adb:").encode()).hexdigest()[:16]
    )
    deadline = time.monotonic() + wait_s
    with path.open("a+") as file:
        while not _locked(file.fileno()):
            if time.monotonic() >= deadline:
                file.seek(0)
                raise DeviceBusy(f"{device} is in use by process {file.read().strip() or '?'}; wait for it or end it")
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        # The lock goes with the file object; the file stays, for a waiting process may hold it open.
        yield


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
