"""A phone that lies about lengths or never stops: memory stays small, the end comes in time, in one line."""

import contextlib
import itertools
import socket
import struct
import threading
import time
import tracemalloc

import pytest
from adb_strangers import HELLO, LOOP, packet, refused, stranger

from device_bench.adb.scripts import SURVEYED
from device_bench.adb.transport import open_tcp
from device_bench.errors import BadRequest, DeviceLost, PushFailed, TransportError

_SMALL = 200 << 20
_OKAY = packet(b"OKAY", 7, 1)


def header(word, arg0, arg1, size):
    command = int.from_bytes(word, "little")
    return struct.pack("<6I", command, arg0, arg1, size, 0, command ^ 0xFFFFFFFF)


def shell(kind, data):
    return struct.pack("<BI", kind, len(data)) + data


@contextlib.contextmanager
def little_memory():
    """The body is given little memory, whatever it receives."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < _SMALL
    finally:
        tracemalloc.stop()


@contextlib.contextmanager
def flood(*first, pieces):
    """As `stranger`; after its answers it sends `pieces` for as long as somebody listens."""
    with socket.create_server((LOOP, 0)) as server:

        def serve():
            with contextlib.suppress(OSError, struct.error):
                connection, _ = server.accept()
                with connection:
                    for answer in first:
                        start = connection.recv(24, socket.MSG_WAITALL)
                        connection.recv(struct.unpack("<6I", start)[3], socket.MSG_WAITALL)
                        connection.sendall(answer)
                    for piece in pieces:
                        connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("word", [b"CNXN", b"AUTH", b"OKAY"])
@pytest.mark.parametrize("size", [0xFFFFFFFF, (1 << 20) + 1])
def test_a_length_that_nobody_agreed_upon_is_not_read(tmp_path, word, size):
    with little_memory(), flood(header(word, 1, 1, size), pieces=itertools.repeat(bytes(1 << 20))) as port:
        refused(port, TransportError, f"does not speak adb .a packet of {size} bytes was announced", tmp_path)


def test_a_banner_that_never_ends_is_given_up_in_time(tmp_path):
    with little_memory(), flood(header(b"CNXN", 1, 1 << 20, 1 << 20), pieces=dripping()) as port:
        refused(port, DeviceLost, "no answer", tmp_path)


def dripping():
    while True:
        time.sleep(0.05)
        yield b"."


@pytest.mark.parametrize("maxdata", [0, 1, 100, 4095])
def test_a_phone_that_takes_no_packets_is_refused(tmp_path, maxdata):
    with stranger(packet(b"CNXN", 0x01000000, maxdata, b"device::")) as port:
        refused(port, TransportError, f"packets of {maxdata} bytes at most, and adb's least is 4096", tmp_path)


@pytest.mark.parametrize("size", [0, 19, 21, 100_000])
def test_a_token_that_cannot_be_signed_is_not_adb(tmp_path, size):
    with stranger(packet(b"AUTH", 1, 0, bytes(size))) as port:
        refused(port, TransportError, "does not speak adb", tmp_path)


_FLOODS = {
    "of foreign streams": packet(b"WRTE", 8, 99, bytes(1 << 20)),
    "of ends of foreign streams": packet(b"CLSE", 8, 99),
    "of empty pieces": packet(b"WRTE", 7, 1),
    "of acknowledgements": _OKAY,
    "of greetings": HELLO,
}


@pytest.mark.parametrize("kind", _FLOODS)
def test_a_flood_is_cut_off(tmp_path, kind):
    with little_memory(), flood(HELLO, _OKAY, pieces=itertools.repeat(_FLOODS[kind])) as port:
        refused(port, DeviceLost, "garbled .64 packets in a row", tmp_path)


def test_output_that_never_ends_is_cut_off(tmp_path):
    # Each header announces nothing: a sum of lengths would never grow.
    piece = packet(b"WRTE", 7, 1, shell(1, b"") * 50_000)
    with little_memory(), flood(HELLO, _OKAY, pieces=itertools.repeat(piece)) as port:
        refused(port, TransportError, "more than 64 MiB", tmp_path)


@pytest.mark.parametrize("kind", [1, 2, 3, 9])
def test_an_output_of_4_gb_is_not_read(tmp_path, kind):
    announced = packet(b"WRTE", 7, 1, struct.pack("<BI", kind, 0xFFFFFFFF))
    with little_memory(), flood(HELLO, _OKAY + announced, pieces=()) as port:
        refused(port, TransportError, "more than 64 MiB", tmp_path)


def opened_by(*answers):
    """Answers up to and with the one that names the working directory, then `answers`."""
    found = packet(b"WRTE", 7, 1, shell(1, b"sha256sum /wd\n") + shell(3, bytes([SURVEYED])))
    return (HELLO, _OKAY + found, b"", packet(b"CLSE", 7, 1), *answers)


def stream(number, data):
    """A whole service: accepted, its data, its end; one message of ours asks for it, two more end it."""
    return (
        packet(b"OKAY", 7, number) + packet(b"WRTE", 7, number, data),
        b"",
        packet(b"CLSE", 7, number),
    )


def test_a_refusal_with_a_giant_length_is_still_a_refusal(tmp_path):
    fail = struct.pack("<4sI", b"FAIL", 0xFFFFFFFF) + b"\x1b[31mno\nroom\x07 " * 2000
    sync = (packet(b"OKAY", 7, 3), packet(b"WRTE", 7, 3, fail) + packet(b"OKAY", 7, 3), b"", packet(b"CLSE", 7, 3))
    answers = opened_by(*stream(2, shell(3, b"\0")), *sync, *stream(4, shell(3, b"\0")))
    with little_memory(), stranger(*answers) as port:
        transport = open_tcp(LOOP, port, key=tmp_path / "key", connect_s=2)
        with pytest.raises((PushFailed, DeviceLost)) as caught:
            transport.push(b"data", "file")
        assert len(str(caught.value)) < 1000
        assert str(caught.value).isprintable()
        transport.close()


def test_a_zero_byte_in_a_command_is_refused_here(tmp_path):
    with stranger(*opened_by()) as port:
        transport = open_tcp(LOOP, port, key=tmp_path / "key", connect_s=2)
        with pytest.raises(BadRequest, match="zero byte"):
            transport.shell(["echo", "a\0b"], timeout_s=5)
        transport.close()


def test_a_name_that_is_no_host_is_said_so(tmp_path):
    with pytest.raises(DeviceLost, match="cannot be a host's name"):
        open_tcp("a" * 70 + ".b", 5555, key=tmp_path / "key", connect_s=2)
