"""The wire against real sockets, and against a stand-in for USB, which no test machine has."""

import os
import socket
import threading
import time

import pytest
from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

from device_bench.adb import transport as adb
from device_bench.adb.link import DirectLink
from device_bench.adb.wire import TcpWire, UsbWire, WireClosed, WireTimeout
from device_bench.errors import DeviceLost, TransportError


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    wire = TcpWire("here", 1)
    wire._socket = ours
    yield wire, theirs
    wire.close()
    theirs.close()


def test_every_byte_is_sent_to_a_slow_reader(pair):
    wire, theirs = pair
    data = os.urandom(3_000_000)
    got = bytearray()

    def read_slowly():
        while len(got) < len(data):
            got.extend(theirs.recv(20_000))

    thread = threading.Thread(target=read_slowly)
    thread.start()
    wire.limit(20)
    assert wire.bulk_write(data) == len(data)
    thread.join(20)
    assert bytes(got) == data


def test_an_end_is_noticed_at_once(pair):
    wire, theirs = pair
    wire.limit(30)
    assert wire.alive()
    theirs.close()
    began = time.monotonic()
    with pytest.raises(WireClosed):
        wire.bulk_read(24)
    assert time.monotonic() - began < 1
    assert not wire.alive()


def test_an_end_behind_unread_bytes_is_noticed(pair):
    wire, theirs = pair
    theirs.sendall(b"late")
    assert wire.alive()
    theirs.close()
    assert not wire.alive()


def test_one_limit_holds_for_many_reads(pair):
    wire, theirs = pair
    wire.limit(0.6)

    def drip():
        for _ in range(20):
            time.sleep(0.1)
            try:
                theirs.sendall(b".")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    with pytest.raises(WireTimeout):
        wire.read_exactly(100)
    assert time.monotonic() - began < 1.5
    wire.close()
    thread.join(5)


def test_a_full_pipe_ends_with_the_limit(pair):
    wire, _ = pair
    wire.limit(0.3)
    with pytest.raises(WireTimeout):
        wire.bulk_write(bytes(50_000_000))


def test_closing_wakes_a_reader_on_another_thread(pair):
    wire, _ = pair
    wire.limit(30)
    threading.Timer(0.2, wire.close).start()
    began = time.monotonic()
    with pytest.raises(WireClosed):
        wire.bulk_read(1)
    assert time.monotonic() - began < 3
    wire.close()


def test_read_exactly_gives_what_came_before_the_end(pair):
    wire, theirs = pair
    wire.limit(5)
    theirs.sendall(b"abc")
    theirs.close()
    assert wire.read_exactly(10) == b"abc"


def test_a_wire_that_is_not_connected_is_closed():
    wire = TcpWire("here", 1)
    wire.limit(1)
    assert not wire.alive()
    for act in (lambda: wire.bulk_read(1), lambda: wire.bulk_write(b"x")):
        with pytest.raises(WireClosed, match="not connected"):
            act()


class USBErrorTimeout(Exception):
    pass


class USBErrorNoDevice(Exception):
    pass


class USBErrorBusy(Exception):
    pass


class USBErrorAccess(Exception):
    pass


class Handle:
    """What adb-shell's UsbTransport offers, taking at most 700 bytes at once."""

    serial_number = "R58M"

    def __init__(self, *, stale=(), reads=(), fails=None):
        self.written, self.stale, self.reads, self.fails, self.closed = [], list(stale), list(reads), fails, 0

    def connect(self, timeout_s):
        if self.fails:
            raise self.fails

    def bulk_write(self, data, timeout_s):
        if self.fails:
            raise UsbWriteFailedError("could not send", self.fails)
        self.written.append(data[:700])
        return len(data[:700])

    def bulk_read(self, size, timeout_s):
        if size == 16384 and not self.stale:
            raise UsbReadFailedError("could not receive", USBErrorTimeout())
        if self.stale:
            return self.stale.pop(0)
        if not self.reads:
            raise UsbReadFailedError("could not receive", self.fails or USBErrorTimeout())
        return self.reads.pop(0)

    def close(self):
        self.closed += 1


def usb(handle):
    wire = UsbWire(lambda: (handle, 512))
    wire.limit(5)
    wire.connect()
    return wire


def test_usb_writes_are_whole_and_end_with_a_short_packet():
    handle = Handle()
    assert usb(handle).bulk_write(bytes(1024)) == 1024
    assert [len(one) for one in handle.written] == [700, 324, 0]
    handle = Handle()
    usb(handle).bulk_write(bytes(1000))
    assert [len(one) for one in handle.written] == [700, 300]


def test_usb_reads_pass_over_empty_packets():
    assert usb(Handle(reads=[b"", b"", b"data"])).bulk_read(24) == b"data"


def test_usb_failures_are_told_apart():
    with pytest.raises(WireTimeout):
        usb(Handle()).bulk_read(24)
    handle = Handle()
    wire = usb(handle)
    handle.fails = USBErrorNoDevice()
    with pytest.raises(WireClosed, match="USBErrorNoDevice"):
        wire.bulk_write(b"x")
    wire.close()
    wire.close()
    assert (handle.closed, wire.alive()) == (1, False)
    for act in (lambda: wire.bulk_read(1), lambda: wire.bulk_write(b"x")):
        with pytest.raises(WireClosed, match="not connected"):
            act()


def test_what_was_left_in_the_usb_pipe_is_no_answer():
    assert usb(Handle(stale=[b"half of an old packet", b"more"], reads=[b"new"])).bulk_read(24) == b"new"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (USBErrorBusy(), TransportError, "most likely an adb server; stop it .*adb-server:SERIAL"),
        (USBErrorAccess(), TransportError, "udev rules"),
        (USBErrorNoDevice(), DeviceLost, "is it plugged in"),
    ],
)
def test_a_usb_device_that_cannot_be_had_says_what_to_do(tmp_path, error, kind, words):
    handle = Handle(fails=error)
    link = DirectLink(UsbWire(lambda: (handle, 512)), "adb:R58M", key=tmp_path / "key", connect_s=1, auth_s=1)
    with pytest.raises(kind, match=words):
        link.connect()
    assert not link.alive()
    assert handle.closed


def test_a_phone_on_usb_that_is_silent_is_lost(tmp_path, monkeypatch):
    handle = Handle()
    monkeypatch.setattr(adb, "_usb_handles", lambda: {"R58M": (handle, 512)})
    assert adb.usb_serials() == ("R58M",)
    with pytest.raises(DeviceLost, match="adb:R58M: cannot connect over USB"):
        adb.open_usb("R58M", key=tmp_path / "key", connect_s=0.5)
    assert handle.closed
