"""Phones and boards over adb: commands that end with us, files that are whole or absent, connections that come back."""

import contextlib
import posixpath
import secrets
import shlex
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tenacity

from device_bench.adb.checksum import CHECKSUMS
from device_bench.adb.link import DirectLink, Link
from device_bench.adb.lock import IDENTITY, IDLE_S, PhoneLock, owner
from device_bench.adb.scripts import (
    CHECK_PUSH,
    FINISH_PUSH,
    PREPARE_PUSH,
    SURVEY,
    SURVEYED,
    UNFIT,
    WORKDIRS,
    guarded,
    script,
    whole_seconds,
)
from device_bench.adb.stream import Refused
from device_bench.adb.wire import TcpWire, UsbWire
from device_bench.adb.words import plain, refusal
from device_bench.errors import (
    BadRequest,
    CommandTimeout,
    DeviceLost,
    PullFailed,
    TransportError,
)
from device_bench.lease import DeviceBusy, lease
from device_bench.transport import Completed

DEFAULT_PORT = 5555
_GRACE_S = 5.0  # for the phone to report the end of a command that it ended itself
_HOUSEKEEPING_S = 60.0
_MOST_IDENTITY = 4096
_LOCK_POLL_S, _RELEASE_S = 1.0, 5.0
_KILLED = 137
_CLOCKS_APART = 1e-3  # the most by which a device's clock may run faster than ours


class AdbTransport:
    """A `Transport` over any adb link. Calls from several threads take turns.

    A connection that broke is made again before the next command, with back-off; a command is never repeated.

    Attributes:
        name: As the user spells the device.
        workdir: An existing directory on the device for our files.
        checksum: The program there that tells whether a file arrived whole; one of `CHECKSUMS`.
    """

    def __init__(self, link: Link, *, reconnect_s: float) -> None:
        self.name = link.name
        self._link, self._reconnect_s = link, reconnect_s
        self._turn = threading.Lock()
        self._litter: set[str] = set()
        self._closed = False
        self._lock: PhoneLock | None = None
        self._held = contextlib.ExitStack()
        self.workdir = self.checksum = ""
        try:
            link.connect()
            self.checksum, self.workdir = self._survey()
        except BaseException:
            link.close()
            raise

    def _survey(self) -> tuple[str, str]:
        """The device's checksum program and a directory for our files, found by the first command that it runs."""
        found = self._run(script(SURVEY, " ".join(CHECKSUMS), *WORKDIRS), _HOUSEKEEPING_S)
        said = plain(found.stderr)
        if found.exit_code == UNFIT:
            raise TransportError(f"{self.name}: {said}")
        if found.exit_code != SURVEYED:
            raise TransportError(
                f"{self.name}: commands cannot be kept to their time limit there, nor tell how they ended "
                f"({said or f'exit code {found.exit_code} came instead of {SURVEYED}'}); needed are a `sh` with job "
                "control, or `setsid` that does not fork, and a `sh` with `read -t`, or `timeout --foreground`"
            )
        checksum, _, workdir = found.stdout.strip().partition(" ")
        return checksum, workdir

    @property
    def connected(self) -> bool:
        """See `Transport.connected`."""
        return not self._closed and self._link.alive()

    def hold(self, *, wait_s: float) -> None:
        """See `Transport.hold`; the phone is known by what it is, not by the route to it."""
        deadline = time.monotonic() + wait_s
        with self._turn:
            self._ensure()
            identity = self._identity()
            word = self._held.enter_context(lease(self.name, wait_s=wait_s, key=identity))
            lock = PhoneLock(self.workdir, word, identity)
            while who := owner(*self._raw(lock.take(), _HOUSEKEEPING_S)[:2]):
                if time.monotonic() >= deadline:
                    raise DeviceBusy(f"{self.name} is in use by {plain(who)} (user@computer:process); wait or end it")
                time.sleep(_LOCK_POLL_S)
            self._lock = lock

    def _identity(self) -> str:
        return self._run(script(IDENTITY, self.workdir), _HOUSEKEEPING_S).stdout[:_MOST_IDENTITY]

    def shell(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """See `Transport.shell`."""
        with self._turn:
            self._ensure()
            return self._run(argv, timeout_s)

    def push(self, data: bytes, path: str, *, mode: int = 0o644) -> None:
        """See `Transport.push`."""
        target = posixpath.join(self.workdir, path)
        parent = posixpath.dirname(target)
        with self._turn:
            self._ensure()
            checked = self._run(script(PREPARE_PUSH, parent, target, str(len(data)), self.checksum), _HOUSEKEEPING_S)
            if checked.exit_code:
                raise refusal(self.name, target, checked.stderr)
            there = checked.stdout.split()
            if there and there[0] == CHECKSUMS[self.checksum](data):
                self._run(("chmod", f"{mode:o}", target), _HOUSEKEEPING_S)
            else:
                self._send(data, target, mode)

    def _send(self, data: bytes, target: str, mode: int) -> None:
        aside = f"{target}.{secrets.token_hex(4)}.part"
        self._litter.add(aside)
        # Both ends hash at the same time, which takes about as long as half the transfer.
        with ThreadPoolExecutor(1) as other:
            digest = other.submit(CHECKSUMS[self.checksum], data)
            try:
                self._link.send(data, aside)
                arrived = self._run(script(CHECK_PUSH, aside, self.checksum), _HOUSEKEEPING_S)
                if arrived.stdout.split()[:1] != [digest.result()]:
                    wrong = f"the content that arrived is not what was sent, by {self.checksum}"
                    raise Refused(arrived.stderr or wrong)
                finished = self._run(script(FINISH_PUSH, aside, target, f"{mode:o}"), _HOUSEKEEPING_S)
                if finished.exit_code:
                    raise Refused(finished.stderr)
            except Refused as error:
                self._sweep()
                raise refusal(self.name, target, str(error)) from error
        self._litter.discard(aside)

    def pull(self, path: str) -> bytes:
        """See `Transport.pull`."""
        target = posixpath.join(self.workdir, path)
        with self._turn:
            self._ensure()
            exit_code, data, stderr = self._raw(("cat", "--", target), _HOUSEKEEPING_S)
        if exit_code:
            reason = plain(stderr.decode(errors="replace"))
            raise PullFailed(f"{self.name}: {target} cannot be read ({reason})", reason)
        return data

    def remove(self, path: str) -> None:
        """See `Transport.remove`."""
        target = posixpath.join(self.workdir, path)
        done = self.shell(("rm", "-rf", "--", target), timeout_s=_HOUSEKEEPING_S)
        if done.exit_code:
            raise TransportError(f"{self.name}: {target} cannot be removed ({plain(done.stderr)})")

    def close(self) -> None:
        """See `Transport.close`."""
        # Another thread may be waiting for a command, which closing ends: then there is no asking.
        lock, self._lock = self._lock, None
        if lock and self.connected and self._turn.acquire(blocking=False):
            try:
                with contextlib.suppress(TransportError):
                    self._run(lock.release(), _RELEASE_S)
            finally:
                self._turn.release()
        self._closed = True
        self._link.close()
        self._held.close()

    def _ensure(self) -> None:
        """Makes the connection again if it broke, trying for `reconnect_s`, and removes what was left lying."""
        if self._closed:
            raise DeviceLost(f"{self.name}: the connection was closed here")
        if not self._link.alive():
            self._link.close()
            self._reconnect()
        self._sweep()

    def _reconnect(self) -> None:
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(DeviceLost),
            wait=tenacity.wait_exponential(multiplier=0.1, max=3.0) + tenacity.wait_random(0.0, 0.1),
            stop=tenacity.stop_after_delay(self._reconnect_s),
            reraise=True,
        )
        attempts(self._link.connect)
        if self._lock and self._identity() != self._lock.identity:
            raise self._not_ours("the phone has restarted, or another one answers there")

    def _not_ours(self, why: str) -> TransportError:
        """Lets go of a phone whose state is not what we left: another command would not go on where the last ended."""
        self._closed = True
        self._link.close()
        return TransportError(f"{self.name}: {why}; open it again")

    def _sweep(self) -> None:
        if self._litter:
            self._run(("rm", "-f", "--", *sorted(self._litter)), _HOUSEKEEPING_S)
            self._litter.clear()

    def _raw(self, argv: Sequence[str], timeout_s: float) -> tuple[int, bytes, bytes]:
        if not argv:
            raise BadRequest("an empty command")
        limit_s = whole_seconds(timeout_s)
        line = guarded(argv, limit_s)
        if self._lock:
            line = self._lock.around(line, limit_s)
        line = self._fitting(line)
        began = time.monotonic()
        try:
            exit_code, stdout, stderr = self._link.run(line, limit_s + _GRACE_S)
        except Refused as error:
            raise TransportError(f"{self.name}: {error}; Android 7 or newer is needed") from error
        if self._lock and (who := owner(exit_code, stderr)):
            raise self._not_ours(f"{plain(who)} has taken over what was not used for {IDLE_S} s from here")
        if exit_code == _KILLED and time.monotonic() - began >= limit_s * (1 - _CLOCKS_APART):
            raise CommandTimeout(f"{self.name}: {argv[0]} ran longer than {limit_s} s and was ended there")
        return exit_code, stdout, stderr

    def _fitting(self, line: str) -> str:
        """The line, or one that has the phone's shell read it from a file, where it is longer than a command may be."""
        content = line.encode(errors="surrogateescape")
        if b"\0" in content:
            raise BadRequest(f"{self.name}: a command holds a zero byte, which no shell can take")
        if len(content) <= self._link.longest_command:
            return line
        aside = f"{self.workdir}/{secrets.token_hex(8)}.part"
        self._litter.add(aside)
        try:
            self._link.send(f"rm -f {shlex.quote(aside)}; ".encode() + content, aside)
        except Refused as error:
            raise refusal(self.name, "a long command", str(error)) from error
        return f". {shlex.quote(aside)}"

    def _run(self, argv: Sequence[str], timeout_s: float) -> Completed:
        exit_code, stdout, stderr = self._raw(argv, timeout_s)
        return Completed(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def open_tcp(
    host: str,
    port: int = DEFAULT_PORT,
    *,
    key: Path | None = None,
    connect_s: float = 10.0,
    auth_s: float = 30.0,
    reconnect_s: float = 20.0,
) -> AdbTransport:
    """Connects to a phone or board whose adbd listens on the network.

    Args:
        host: Name or address.
        port: Its port.
        key: The RSA key to show; None: see `device_bench.adb.keys.default_key`.
        connect_s: Limit of one attempt to connect.
        auth_s: How long to wait for somebody to accept the prompt on the phone.
        reconnect_s: How long to try again, later, when the connection broke.

    Raises:
        DeviceLost: Nothing answers there.
        AuthRequired: The phone has to accept our key first.
        TransportError: It cannot be used: what to do is said.
    """
    link = DirectLink(TcpWire(host, port), f"adb:{host}:{port}", key=key, connect_s=connect_s, auth_s=auth_s)
    return AdbTransport(link, reconnect_s=reconnect_s)


def open_usb(
    serial: str,
    *,
    key: Path | None = None,
    connect_s: float = 10.0,
    auth_s: float = 30.0,
    reconnect_s: float = 20.0,
) -> AdbTransport:
    """Connects to a phone on a USB cable; arguments and errors as for `open_tcp`."""

    def find() -> tuple[Any, int]:
        found = _usb_handles().get(serial)
        if found is None:
            raise DeviceLost(f"adb:{serial}: no such phone on USB; is it plugged in, with USB debugging on?")
        return found

    link = DirectLink(UsbWire(find), f"adb:{serial}", key=key, connect_s=connect_s, auth_s=auth_s)
    return AdbTransport(link, reconnect_s=reconnect_s)


def usb_serials() -> tuple[str, ...]:
    """Serial numbers of the phones on USB, whoever holds them; none where there is no USB.

    Raises:
        TransportError: libusb is missing.
    """
    return tuple(sorted(_usb_handles()))


def _usb_handles() -> dict[str, tuple[Any, int]]:
    """The phones on USB: serial number, adb-shell's handle, largest packet in bytes."""
    try:
        # Opens libusb as it is imported.
        import usb1
        from adb_shell.transport.usb_transport import UsbTransport
    except (ImportError, OSError) as error:
        reason = "USB needs the library libusb-1.0; install it (Debian: libusb-1.0-0), or reach the phone over TCP"
        raise TransportError(reason) from error
    handles = {}
    try:
        for handle in UsbTransport.find_all_adb_devices():
            packet_bytes = max(one.getMaxPacketSize() for one in handle._setting.iterEndpoints())
            handles[handle.serial_number] = (handle, packet_bytes)
    except usb1.USBErrorAccess as error:
        raise TransportError("no right to open a phone on USB; install Android's udev rules and replug it") from error
    except usb1.USBError as error:
        raise TransportError(f"USB cannot be searched for phones ({error})") from error
    return handles
