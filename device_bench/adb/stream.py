"""One service of one phone at a time: adb's streams, the shell protocol and the file transfer on them.

Built on adb-shell's packets (`adb-shell` is pinned below 0.5 for it). After any exception the connection is in the
middle of something and must be closed: the phone then ends what it was doing. Whatever the phone sends, the memory
it is given is bounded: by `constants.MAX_ADB_DATA` per packet, `_STRAY` packets that are not awaited, `OUTPUT_LIMIT`.

Source: the Android project's adb documentation, protocol.txt, SYNC.TXT and shell_protocol.h.
"""

import struct
import time
from collections.abc import Callable, Iterator

import numpy as np
from adb_shell import constants
from adb_shell.adb_device import AdbDevice, _AdbIOManager
from adb_shell.adb_message import AdbMessage
from adb_shell.exceptions import InvalidResponseError
from adb_shell.hidden_helpers import _AdbTransactionInfo

from device_bench.adb.wire import Wire, WireClosed
from device_bench.errors import TransportError

_NEVER = 1e6  # adb-shell's own limits; the wire's limit is the one that counts
STALL_S = 30.0
_SYNC_CHUNK = 64 * 1024
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_STRAY = 64  # packets in a row that bring nothing; a sound phone sends a few at most
_EMPTY_COSTS = 4096  # what a piece of output without content counts for, or there could be any number of them
_REASON = 1024
SHELL = "shell,v2,raw:"
OUTPUT_LIMIT = 64 << 20


class Refused(Exception):
    """The phone does not offer this service, or turned the file down; the words are its own."""


class Packets(_AdbIOManager):  # type: ignore[misc]
    """adb-shell's packets, none of them larger than what was agreed upon when the connection was made."""

    def _read_bytes_from_device(self, length: int, adb_info: _AdbTransactionInfo) -> bytes:
        if length > constants.MAX_ADB_DATA:
            raise InvalidResponseError(f"a packet of {length} bytes was announced")
        data: bytes = super()._read_bytes_from_device(length, adb_info)
        return data


class _Message(AdbMessage):  # type: ignore[misc]
    @property
    def checksum(self) -> int:
        # The same sum as adb-shell's, which takes as long for a megabyte as sending it does.
        return int(np.frombuffer(self.data, dtype=np.uint8).sum(dtype=np.uint32))


class Stream:
    """A stream to a service such as `sync:`; both directions, no packet lost.

    Attributes:
        max_bytes: The most one `write` may carry.
    """

    def __init__(self, device: AdbDevice, service: str) -> None:
        self._io = device._io_manager
        self.max_bytes: int = min(device._maxdata, constants.MAX_ADB_DATA)
        device._local_id = device._local_id % 0xFFFFFFFF + 1
        self._info = _AdbTransactionInfo(device._local_id, None, _NEVER, _NEVER, None)
        self._arrived = bytearray()
        self._open = True
        self._send(constants.OPEN, 0, service.encode(errors="surrogateescape") + b"\0")
        command, remote, _ = self._take(constants.OKAY, constants.CLSE)
        if command == constants.CLSE:
            raise Refused(f"the device offers no service {service.partition(':')[0]!r}")
        self._info.remote_id = remote

    def _send(self, command: bytes, remote: int, data: bytes = b"") -> None:
        self._io.send(_Message(command, self._info.local_id, remote, data), self._info)

    def _take(self, *commands: bytes) -> tuple[bytes, int, bytes]:
        """The next packet of this stream; others are nobody's, for there is one stream at a time, and are dropped."""
        for _ in range(_STRAY):
            command, remote, local, data = self._io._read_packet_from_device(self._info)
            if command in commands and self._info.args_match(remote, local, allow_zeros=True):
                return command, remote, data
        raise InvalidResponseError(f"{_STRAY} packets in a row that belong to nothing")

    def _step(self) -> bytes:
        """Takes one packet in; acknowledges and keeps what it brought."""
        command, _, data = self._take(constants.OKAY, constants.WRTE, constants.CLSE)
        if command == constants.WRTE:
            self._arrived += data
            self._send(constants.OKAY, self._info.remote_id)
        elif command == constants.CLSE:
            self._open = False
            self._send(constants.CLSE, self._info.remote_id)
        return command

    def _steps(self) -> Iterator[bytes]:
        """Takes packets in for as long as the stream is open, up to the number after which nothing is to be hoped."""
        for _ in range(_STRAY):
            if not self._open:
                return
            yield self._step()
        raise InvalidResponseError(f"{_STRAY} packets in a row that bring nothing")

    def read_exactly(self, size: int) -> bytes:
        """Gives `size` bytes, fewer only at the stream's end."""
        while self._open and len(self._arrived) < size:
            before = len(self._arrived)
            for _ in self._steps():
                if len(self._arrived) > before:
                    break
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def write(self, data: bytes) -> bool:
        """Sends one packet's worth and waits for its acknowledgement; False when the phone has something to say."""
        if self._open and not self._arrived:
            self._send(constants.WRTE, self._info.remote_id, data)
            for command in self._steps():
                if command == constants.OKAY:
                    break
        return self._open and not self._arrived

    def close(self) -> None:
        """Closes the stream from this side, reading what is still under way."""
        if self._open:
            self._open = False
            self._send(constants.CLSE, self._info.remote_id)
            for _ in range(_STRAY):
                if self._take(constants.CLSE, constants.WRTE)[0] == constants.CLSE:
                    return
            raise InvalidResponseError("the phone does not stop talking")


def read_shell(read_exactly: Callable[[int], bytes]) -> tuple[int, bytes, bytes]:
    """Reads a command's outputs and end from the shell protocol; gives exit code, standard output, standard error.

    Args:
        read_exactly: Gives as many bytes as asked for, fewer only at the end.

    Raises:
        TransportError: It printed more than `OUTPUT_LIMIT` bytes.
        WireClosed: It ended without an exit code.
    """
    output: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: []}
    printed = 0
    while len(header := read_exactly(5)) == 5:
        kind, size = struct.unpack("<BI", header)
        printed += size or _EMPTY_COSTS
        if printed > OUTPUT_LIMIT:
            raise TransportError(f"the command printed more than {OUTPUT_LIMIT >> 20} MiB")
        data = read_exactly(size)
        if kind == _EXIT and data:
            return data[0], b"".join(output[_STDOUT]), b"".join(output[_STDERR])
        if kind in output and data:
            output[kind].append(data)
    raise WireClosed("the command ended without an exit code")


def run_shell(device: AdbDevice, command: str) -> tuple[int, bytes, bytes]:
    """Runs a line in the device's shell; gives what `read_shell` does.

    Raises:
        Refused: The device has no shell protocol 2 (Android 6 and older).
        TransportError: See `read_shell`.
    """
    stream = Stream(device, SHELL + command)
    result = read_shell(stream.read_exactly)
    stream.close()
    return result


def packets(data: bytes, path: str, size: int) -> Iterator[bytes]:
    """The transfer of a file, readable by its owner only, in packets of up to `size` bytes."""
    target = f"{path},{0o100600}".encode()
    packet: list[bytes | memoryview] = [struct.pack("<4sI", b"SEND", len(target)), target]
    filled = 8 + len(target)
    chunk = min(_SYNC_CHUNK, size // 2)
    view = memoryview(data)
    for start in range(0, len(data), chunk):
        piece = view[start : start + chunk]
        if filled + 8 + len(piece) + 8 > size:
            yield b"".join(packet)
            packet, filled = [], 0
        packet += [struct.pack("<4sI", b"DATA", len(piece)), piece]
        filled += 8 + len(piece)
    packet.append(struct.pack("<4sI", b"DONE", int(time.time())))
    yield b"".join(packet)


def check_sent(read_exactly: Callable[[int], bytes]) -> None:
    """Reads the device's answer to a transfer.

    Raises:
        Refused: The file could not be written; the words are the device's own.
    """
    header = read_exactly(8)
    word, size = struct.unpack("<4sI", header.ljust(8, b"\0"))
    if word == b"FAIL":
        raise Refused(read_exactly(min(size, _REASON)).decode(errors="replace"))
    if word != b"OKAY":
        raise Refused(f"the device answered {header!r}")


def send_file(device: AdbDevice, wire: Wire, data: bytes, path: str) -> None:
    """Writes a file, readable by its owner only; each packet may take up to half a minute.

    Raises:
        Refused: The device could not write it; the words are its own.
    """
    stream = Stream(device, "sync:")
    for packet in packets(data, path, stream.max_bytes):
        wire.limit(STALL_S)
        if not stream.write(packet):
            break
    try:
        check_sent(stream.read_exactly)
    finally:
        stream.close()
