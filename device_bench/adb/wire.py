"""The bytes under adb-shell: every byte sent, an end noticed at once, and one limit for a whole operation."""

import contextlib
import math
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError
from adb_shell.transport.base_transport import BaseTransport

_CHUNK = 1 << 20
_STALE_READS, _STALE_BYTES, _STALE_S = 256, 16384, 0.05
# A phone that vanished in the middle of a long silent command is noticed after about 20 s.
_KEEPALIVE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 20_000))


class WireClosed(Exception):
    """The other side is gone."""


class WireTimeout(Exception):
    """The other side was silent for as long as the operation may take."""


class _Limit:
    """The instant by which an operation has to be over."""

    def __init__(self) -> None:
        self._end = math.inf

    def set(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = min(self._end - time.monotonic(), 1e6)
        if left <= 0:
            raise WireTimeout
        return left


class TcpWire(BaseTransport):  # type: ignore[misc]
    """A socket to adbd. The timeouts adb-shell passes are ignored in favour of `limit`."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._limit = _Limit()
        self._socket: socket.socket | None = None

    def limit(self, seconds: float) -> None:
        """Gives everything from now on `seconds` in all."""
        self._limit.set(seconds)

    def connect(self, transport_timeout_s: float | None = None) -> None:
        """Opens the connection; OSError says why not."""
        try:
            connection = socket.create_connection((self.host, self.port), timeout=self._limit.left())
        except UnicodeError as error:
            raise OSError(f"{self.host!r} cannot be a host's name") from error
        self.adopt(connection)

    def adopt(self, connection: socket.socket) -> None:
        """Goes on with a connection that somebody else has opened."""
        # Nagle's algorithm and delayed acknowledgements together cost 40 ms a round trip.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._socket = connection

    def _connected(self) -> socket.socket:
        # Another thread may close meanwhile, so this is asked once.
        if (connection := self._socket) is None:
            raise WireClosed("not connected")
        return connection

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None = None) -> bytes:
        """Waits for up to `numbytes`; never returns none."""
        connection = self._connected()
        try:
            connection.settimeout(self._limit.left())
            data = connection.recv(min(numbytes, _CHUNK))
        except TimeoutError as error:
            # The kernel reports its own keep-alive giving up with the same exception type.
            raise (WireClosed("no sign of life") if error.errno else WireTimeout()) from error
        except OSError as error:
            raise WireClosed(error.strerror or str(error)) from error
        if not data:
            raise WireClosed("closed by the device")
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None = None) -> int:
        """Sends all of `data`."""
        connection = self._connected()
        try:
            connection.settimeout(self._limit.left())
            connection.sendall(data)
        except TimeoutError as error:
            raise (WireClosed("no sign of life") if error.errno else WireTimeout()) from error
        except OSError as error:
            raise WireClosed(error.strerror or str(error)) from error
        return len(data)

    def read_exactly(self, size: int) -> bytes:
        """Waits for `size` bytes; gives fewer when the other side ended first."""
        pieces, missing = [], size
        while missing:
            try:
                pieces.append(self.bulk_read(missing))
            except WireClosed:
                break
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def alive(self) -> bool:
        """Tells a connection that the other side has closed while it was idle."""
        if (connection := self._socket) is None or connection.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        return not poll.poll(0)

    def close(self) -> None:
        """Ends the connection; a second call does nothing."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                # Wakes a thread that waits for an answer, which closing alone does not.
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class UsbWire(BaseTransport):  # type: ignore[misc]
    """A USB interface of adb-shell's `UsbTransport`, with whole writes and the packet that ends a full transfer.

    Args:
        find: Looks for the phone, which has a new address after it was replugged; gives an
            `adb_shell.transport.usb_transport.UsbTransport` and the largest packet of its end points in bytes.
    """

    def __init__(self, find: Callable[[], tuple[Any, int]]) -> None:
        self._find = find
        self._limit = _Limit()
        self._handle: Any = None
        self._packet_bytes = 0

    def limit(self, seconds: float) -> None:
        """Gives everything from now on `seconds` in all."""
        self._limit.set(seconds)

    def connect(self, transport_timeout_s: float | None = None) -> None:
        """Claims the interface; a usb1.USBError says why not."""
        self._handle, self._packet_bytes = self._find()
        self._handle.connect(self._limit.left())
        # What the phone still wanted to say on a connection that broke is no answer to this one.
        with contextlib.suppress(UsbReadFailedError):
            for _ in range(_STALE_READS):
                self._handle.bulk_read(_STALE_BYTES, _STALE_S)

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None = None) -> bytes:
        """Waits for up to `numbytes`; never returns none."""
        if self._handle is None:
            raise WireClosed("not connected")
        while True:
            try:
                data: bytes = self._handle.bulk_read(numbytes, self._limit.left())
            except UsbReadFailedError as error:
                raise _usb_failure(error.usb_error) from error
            if data:
                return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None = None) -> int:
        """Sends all of `data`."""
        if self._handle is None:
            raise WireClosed("not connected")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._handle.bulk_write(bytes(rest), self._limit.left()) :]
            if len(data) % self._packet_bytes == 0:
                # Only a short packet tells the device that the transfer is over.
                self._handle.bulk_write(b"", self._limit.left())
        except UsbWriteFailedError as error:
            raise _usb_failure(error.args[1]) from error
        return len(data)

    def alive(self) -> bool:
        """USB tells of an end only when used."""
        return self._handle is not None

    def close(self) -> None:
        """Gives the interface back; a second call does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


def _usb_failure(error: Exception | None) -> Exception:
    name = type(error).__name__
    return WireTimeout() if name == "USBErrorTimeout" else WireClosed(f"USB: {name}" if error else "not connected")


Wire = TcpWire | UsbWire
