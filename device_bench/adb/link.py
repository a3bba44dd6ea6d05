"""A connection to a phone without an adb server between: made, proved, and told in words when it cannot be."""

from pathlib import Path
from typing import Protocol

from adb_shell import constants
from adb_shell.adb_device import AdbDevice
from adb_shell.exceptions import (
    AdbTimeoutError,
    InvalidChecksumError,
    InvalidCommandError,
    InvalidResponseError,
)

from device_bench.adb.keys import load_signer
from device_bench.adb.stream import SHELL, Packets, Refused, run_shell, send_file
from device_bench.adb.wire import TcpWire, Wire, WireClosed, WireTimeout
from device_bench.errors import AuthRequired, DeviceLost, TransportError

# ValueError: what is to be signed, or a field of a packet, has another length than it can have.
_GARBLED = (InvalidChecksumError, InvalidCommandError, InvalidResponseError, AdbTimeoutError, ValueError)
_WORDS = 200  # of what a stranger says, in a message

LONGEST_COMMAND = 100_000
"""Bytes that every Linux lets one argument of a process be: the phone's shell gets a command as one argument."""


class Link(Protocol):
    """A way to a phone's shell and files. After an exception other than `Refused` it is closed.

    Attributes:
        name: As the user spells the device.
        longest_command: The most bytes that `run` may be given.
    """

    name: str
    longest_command: int

    def connect(self) -> None:
        """Connects if it is not.

        Raises:
            DeviceLost: It cannot be reached now.
            AuthRequired: It has to let us in first.
        """

    def alive(self) -> bool:
        """Tells whether the connection stands, as far as can be known without a round trip."""

    def run(self, command: str, limit_s: float) -> tuple[int, bytes, bytes]:
        """Runs a line of shell; gives exit code, standard output, standard error.

        Raises:
            Refused: The phone has no shell that tells an exit code.
            DeviceLost: The connection broke, or nothing came for `limit_s`.
        """

    def send(self, data: bytes, path: str) -> None:
        """Writes a file, not yet under its final name.

        Raises:
            Refused: The phone's own words.
            DeviceLost: The connection broke.
        """

    def close(self) -> None:
        """Ends the connection; a second call does nothing."""


class DirectLink:
    """A phone through adb-shell, over TCP or USB."""

    def __init__(self, wire: Wire, name: str, *, key: Path | None, connect_s: float, auth_s: float) -> None:
        self.name = name
        self._wire, self._key = wire, key
        self._connect_s, self._auth_s = connect_s, auth_s
        self._device: AdbDevice | None = None
        self.longest_command = LONGEST_COMMAND

    def connect(self) -> None:
        """See `Link.connect`."""
        if self._device is not None:
            return
        signer = load_signer(self._key)
        device = AdbDevice(self._wire)
        device._io_manager = Packets(self._wire)
        asked = False

        def asking(_: object) -> None:
            nonlocal asked
            asked = True
            self._wire.limit(self._auth_s)

        self._wire.limit(self._connect_s)
        try:
            device.connect([signer], read_timeout_s=1e6, auth_timeout_s=1e6, auth_callback=asking)
            self._agree(device._maxdata)
        except BaseException as error:
            self._wire.close()
            if isinstance(error, Exception):
                raise self._words(error, asked) from error
            raise
        self._device = device

    def _agree(self, packet_bytes: int) -> None:
        """Takes the phone's own limit, which lies within the protocol's."""
        if packet_bytes < constants.MAX_LEGACY_ADB_DATA:
            least = constants.MAX_LEGACY_ADB_DATA
            raise InvalidResponseError(f"it takes packets of {packet_bytes} bytes at most, and adb's least is {least}")
        self.longest_command = min(LONGEST_COMMAND, packet_bytes - len(SHELL) - 1)

    def _words(self, error: Exception, asked: bool) -> TransportError:
        if isinstance(error, TransportError):
            return error
        if asked and isinstance(error, WireTimeout | WireClosed):
            return AuthRequired(
                f"{self.name}: the phone does not know this computer; unlock it, accept the prompt "
                "'Allow USB debugging?' ('always allow' saves asking again), then repeat the command"
            )
        if isinstance(error, InvalidCommandError) and "STLS" in str(error):
            return TransportError(
                f"{self.name}: the phone wants Android's wireless debugging, which needs an adb server: "
                "`adb pair` it and use adb-server:SERIAL, or `adb tcpip 5555` over USB once"
            )
        if isinstance(error, _GARBLED):
            return TransportError(f"{self.name}: what answers there does not speak adb ({str(error)[:_WORDS]})")
        reason = "no answer" if isinstance(error, WireTimeout | TimeoutError) else str(error)
        if isinstance(error, OSError | WireClosed | WireTimeout) and isinstance(self._wire, TcpWire):
            return DeviceLost(
                f"{self.name}: cannot connect ({getattr(error, 'strerror', None) or reason}); is the phone on, on this "
                "network, and listening (`adb tcpip 5555` over USB once)?"
            )
        return _usb_words(self.name, error)

    def alive(self) -> bool:
        """See `Link.alive`."""
        return self._device is not None and self._wire.alive()

    def run(self, command: str, limit_s: float) -> tuple[int, bytes, bytes]:
        """See `Link.run`."""
        self._wire.limit(limit_s)
        try:
            return run_shell(self._connected(), command)
        except BaseException as error:
            raise self._broken(error, f"within {limit_s:g} s") from error

    def send(self, data: bytes, path: str) -> None:
        """See `Link.send`."""
        self._wire.limit(self._connect_s)
        try:
            send_file(self._connected(), self._wire, data, path)
        except BaseException as error:
            raise self._broken(error, "while a file was sent") from error

    def _connected(self) -> AdbDevice:
        if self._device is None:
            raise WireClosed("not connected")
        return self._device

    def _broken(self, error: BaseException, when: str) -> BaseException:
        """Closes the connection, which ends what the phone was doing for us, and says what happened."""
        if isinstance(error, Refused):
            return error
        self.close()
        if isinstance(error, WireTimeout):
            return DeviceLost(f"{self.name}: the phone did not answer {when}")
        if isinstance(error, WireClosed):
            return DeviceLost(f"{self.name}: the connection broke ({error})")
        if isinstance(error, _GARBLED):
            return DeviceLost(f"{self.name}: the connection is garbled ({str(error)[:_WORDS]})")
        return error

    def close(self) -> None:
        """See `Link.close`."""
        self._wire.close()
        self._device = None


def _usb_words(name: str, error: Exception) -> TransportError:
    kind = type(error).__name__
    if kind == "USBErrorBusy":
        return TransportError(
            f"{name}: another program holds the phone's USB interface, most likely an adb server; "
            "stop it (`adb kill-server`) or go through it with adb-server:SERIAL"
        )
    if kind == "USBErrorAccess":
        return TransportError(
            f"{name}: no right to open the USB device; install Android's udev rules and plug the phone in again"
        )
    return DeviceLost(f"{name}: cannot connect over USB ({kind} {error}); is it plugged in, with USB debugging on?")
