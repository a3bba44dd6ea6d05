"""One user per device: a lock file that goes with the process that holds it."""

import contextlib
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from device_bench.errors import BenchError
from device_bench.file_lock import held

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
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(path, wait_s=wait_s))
        except BlockingIOError:
            holder, _ = _content(path)
            raise DeviceBusy(f"{device} is in use by process {holder}; wait for it or end it") from None
        _, word = _content(path)
        path.write_text(f"{os.getpid()}\n{word}\n")
        yield word


def _content(path: Path) -> tuple[str, str]:
    """Process and word that a lease names; a word is made where there is none."""
    holder, word, *_ = [*path.read_text(errors="replace").splitlines(), "", ""]
    return holder.strip() or "?", word if _WORD.fullmatch(word) else secrets.token_hex(8)


def _folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(base) / f"mnas-leases-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
