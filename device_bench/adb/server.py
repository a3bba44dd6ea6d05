"""Phones through an adb server that runs already: it holds the USB interface, or has paired over Wi-Fi.

Needs the optional package adbutils, which knows the server's protocol in all its versions (extra `server`).
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from device_bench.adb.stream import SHELL, STALL_S, check_sent, packets, read_shell
from device_bench.adb.transport import AdbTransport
from device_bench.adb.wire import TcpWire, WireClosed, WireTimeout
from device_bench.errors import AuthRequired, DeviceLost, TransportError

if TYPE_CHECKING:
    from adbutils import AdbClient

_PACKET = 256 * 1024
_SERVER_S = 10.0  # for the server itself, which is on this machine, to answer


class ServerLink:
    """A `Link` through the adb server; each service has a connection of its own to it."""

    def __init__(self, serial: str, *, connect_s: float) -> None:
        self.name = f"adb-server:{serial}"
        self._serial, self._connect_s = serial, connect_s
        self._known = False
        # The server's protocol tells a length in four hexadecimal digits.
        self.longest_command = 0xFFFF - len(SHELL)

    def connect(self) -> None:
        """See `Link.connect`."""
        self._known = False
        client = _client()
        with self._words(f"within {self._connect_s:g} s"):
            states = {one.serial: one.state for one in client.list()}
        state = states.get(self._serial, "missing")
        if state == "unauthorized":
            raise AuthRequired(f"{self.name}: unlock the phone and accept the prompt 'Allow USB debugging?'")
        if state != "device":
            there = ", ".join(states) or "none"
            raise DeviceLost(f"{self.name}: the adb server sees this phone as {state}; phones it knows: {there}")
        self._known = True

    def alive(self) -> bool:
        """See `Link.alive`."""
        return self._known

    def run(self, command: str, limit_s: float) -> tuple[int, bytes, bytes]:
        """See `Link.run`."""
        with self._service(SHELL + command, limit_s) as wire:
            return read_shell(wire.read_exactly)

    def send(self, data: bytes, path: str) -> None:
        """See `Link.send`."""
        with self._service("sync:", self._connect_s) as wire:
            for packet in packets(data, path, _PACKET):
                wire.limit(STALL_S)
                wire.bulk_write(packet)
            check_sent(wire.read_exactly)

    @contextlib.contextmanager
    def _service(self, service: str, limit_s: float) -> Iterator[TcpWire]:
        wire = TcpWire(self.name, 0)
        wire.limit(limit_s)
        connection = None
        with self._words(f"within {limit_s:g} s"):
            try:
                connection = _client().device(self._serial).open_transport(timeout=self._connect_s)
                words = service.encode(errors="surrogateescape")
                connection.conn.sendall(b"%04x%s" % (len(words), words))
                connection.check_okay()
                wire.adopt(connection.conn)
                yield wire
            finally:
                wire.close()
                if connection is not None:
                    connection.close()

    @contextlib.contextmanager
    def _words(self, when: str) -> Iterator[None]:
        """Says in our words what adbutils or the connection says in its own."""
        from adbutils import AdbError, AdbTimeout

        try:
            yield
        except (AdbTimeout, WireTimeout, TimeoutError) as error:
            self._known = False
            raise DeviceLost(f"{self.name}: the phone did not answer {when}") from error
        except (AdbError, WireClosed, OSError, EOFError) as error:
            self._known = False
            raise DeviceLost(f"{self.name}: {' '.join(str(error).split()) or 'the connection broke'}") from error

    def close(self) -> None:
        """See `Link.close`."""
        self._known = False


def _address() -> tuple[str, int]:
    host = os.environ.get("ANDROID_ADB_SERVER_HOST", "127.0.0.1")
    return host, int(os.environ.get("ANDROID_ADB_SERVER_PORT", "5037"))


def _client() -> "AdbClient":
    """A client of the running server; one is never started behind the user's back, as adbutils would."""
    try:
        from adbutils import AdbClient
    except ImportError as error:
        raise TransportError("an adb server needs the package adbutils: pip install 'mnas[server]'") from error
    host, port = _address()
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        raise TransportError(f"no adb server runs at {host}:{port}; start one with `adb start-server`") from error
    client: Any = AdbClient(host=host, port=port, socket_timeout=_SERVER_S)
    return client


def open_server(serial: str, *, connect_s: float = 10.0, reconnect_s: float = 20.0) -> AdbTransport:
    """Connects to a phone that the adb server at ANDROID_ADB_SERVER_HOST:PORT (127.0.0.1:5037) knows.

    Args:
        serial: As `adb devices` shows it.
        connect_s: Limit of one attempt to connect.
        reconnect_s: How long to try again, later, when the phone was lost.

    Raises:
        DeviceLost: The server does not know the phone, or cannot reach it.
        AuthRequired: The phone has to accept the server's key first.
        TransportError: There is no server, or no adbutils.
    """
    return AdbTransport(ServerLink(serial, connect_s=connect_s), reconnect_s=reconnect_s)


def server_serials() -> tuple[str, ...]:
    """Serial numbers of the phones the adb server can use now; none when no server runs or adbutils is missing."""
    try:
        client = _client()
    except TransportError:
        return ()
    return tuple(sorted(one.serial for one in client.list() if one.state == "device"))
