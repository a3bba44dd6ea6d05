"""Answers that no phone here gives: wireless debugging, an Android too old, a connection that garbles."""

import struct

from adb_strangers import HELLO, LOOP, packet, refused, stranger

from device_bench.adb.scripts import SURVEYED
from device_bench.adb.transport import open_tcp
from device_bench.errors import DeviceLost, TransportError


def test_wireless_debugging_is_recognized(tmp_path):
    with stranger(packet(b"STLS", 0x01000000)) as port:
        refused(port, TransportError, r"wireless debugging.*`adb pair`.*adb tcpip 5555", tmp_path)


def test_an_android_without_exit_codes_is_too_old(tmp_path):
    with stranger(HELLO, packet(b"CLSE", 0, 1)) as port:
        refused(port, TransportError, "offers no service 'shell,v2,raw'; Android 7 or newer is needed", tmp_path)


def test_a_garbled_answer_is_no_answer(tmp_path):
    with stranger(HELLO, packet(b"WRTE", 7, 1, b"noise", checksum=1)) as port:
        refused(port, DeviceLost, "the connection is garbled", tmp_path)


def test_a_phone_that_closes_without_an_exit_code_is_lost(tmp_path):
    answer = packet(b"OKAY", 7, 1) + packet(b"CLSE", 7, 1)
    with stranger(HELLO, answer) as port:
        refused(port, DeviceLost, "ended without an exit code", tmp_path)


def test_output_may_come_in_any_pieces(tmp_path):
    text = struct.pack("<BI", 1, 14) + b"sha256sum /wd\n" + struct.pack("<BIB", 3, 1, SURVEYED)
    pieces = b"".join(packet(b"WRTE", 7, 1, bytes([one])) for one in text)
    with stranger(HELLO, packet(b"OKAY", 7, 1) + pieces + packet(b"CLSE", 7, 1)) as port:
        transport = open_tcp(LOOP, port, key=tmp_path / "key", connect_s=2)
        assert (transport.checksum, transport.workdir) == ("sha256sum", "/wd")
        transport.close()
