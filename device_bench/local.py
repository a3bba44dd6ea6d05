"""This machine as a transport."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from device_bench.errors import (
    BadRequest,
    CommandTimeout,
    DeviceLost,
    NoRoom,
    PullFailed,
    PushFailed,
    TransportError,
)
from device_bench.file_lock import held
from device_bench.transport import Completed
from device_bench.whole_files import write_whole

_GRACE_S = 5.0
_PREFIX, _LOCK, _FRESH_S = "device_bench-", ".in-use", 60.0


class LocalTransport:
    """Runs commands as children of this process, in a working directory that goes when it is closed.

    Args:
        name: Name of the device in results.
    """

    def __init__(self, name: str = "host") -> None:
        self.name = name
        _sweep()
        self.workdir = tempfile.mkdtemp(prefix=_PREFIX)
        self._lock: contextlib.ExitStack | None = contextlib.ExitStack()
        self._lock.enter_context(held(Path(self.workdir, _LOCK)))

    @property
    def connected(self) -> bool:
        """Until it is closed."""
        return self._lock is not None

    def hold(self, *, wait_s: float) -> None:
        """Nothing to do: a machine has many users, and their working directories are their own."""

    def shell(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Runs a command in its own process group, ended with all its children when its time is over."""
        if not Path(self.workdir).is_dir():
            raise DeviceLost(f"{self.name}: its working directory is gone; the connection was closed here")
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=self.workdir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            return Completed(127, "", f"{argv[0]}: {error.strerror}")
        except PermissionError as error:
            return Completed(126, "", f"{argv[0]}: {error.strerror}")
        except (ValueError, IndexError) as error:
            raise BadRequest(f"{argv!r} is not a command: {error}") from error
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOMEM):
                # Short of processes or memory: that says nothing about the command.
                raise TransportError(f"{self.name} cannot start {argv[0]}: {error.strerror}") from error
            return Completed(126, "", f"{argv[0]}: {error.strerror}")
        with process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                _end(process)
                raise CommandTimeout(f"{self.name}: {argv[0]} ran longer than {timeout_s:g} s and was ended") from None
            except BaseException:
                _end(process)
                raise
        code = process.returncode
        return Completed(128 - code if code < 0 else code, _text(stdout), _text(stderr))

    def push(self, data: bytes, path: str, *, mode: int = 0o644) -> None:
        """Writes a file aside, then renames it."""
        target = self._resolve(path)
        try:
            if not _holds(target, data):
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, data)
            target.chmod(mode)
        except OSError as error:
            reason = error.strerror or str(error)
            kind = NoRoom if error.errno in (errno.ENOSPC, errno.EDQUOT) else PushFailed
            raise kind(f"{self.name}: {target} could not be written: {reason}", reason) from error

    def pull(self, path: str) -> bytes:
        """Reads a file."""
        target = self._resolve(path)
        try:
            return target.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise PullFailed(f"{self.name}: {target} could not be read: {reason}", reason) from error

    def remove(self, path: str) -> None:
        """Removes a file or a directory with all it holds."""
        target = self._resolve(path)
        try:
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise TransportError(f"{self.name}: {target} could not be removed: {error.strerror}") from error

    def close(self) -> None:
        """Removes the working directory."""
        shutil.rmtree(self.workdir, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _resolve(self, path: str) -> Path:
        if "\0" in path:
            raise BadRequest(f"{path!r} is not a path")
        return Path(self.workdir, path)


def _sweep() -> None:
    """Removes working directories whose process was killed: nobody holds their lock any more."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), held(lock, wait_s=0):
            # A lock that was made a moment ago may not be held yet.
            if time.time() - lock.parent.stat().st_ctime > _FRESH_S:
                shutil.rmtree(lock.parent, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and its group, and waits until its pipes are closed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_GRACE_S)


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.stat().st_size == len(data) and target.read_bytes() == data
    except (FileNotFoundError, NotADirectoryError):
        return False


def _text(output: bytes) -> str:
    return output.decode(errors="replace")
