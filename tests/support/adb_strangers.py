"""What is not a sound phone: a port that answers adb with bytes of the test's choice."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from device_bench.adb.transport import open_tcp

LOOP = "127.0.0.1"


def packet(word, arg0=0, arg1=0, data=b"", *, checksum=None):
    command = int.from_bytes(word, "little")
    total = sum(data) if checksum is None else checksum
    return struct.pack("<6I", command, arg0, arg1, len(data), total, command ^ 0xFFFFFFFF) + data


HELLO = packet(b"CNXN", 0x01000000, 1 << 20, b"device::")


@contextlib.contextmanager
def stranger(*answers):
    """A port that gives one answer for each message it gets, then stays silent."""
    with socket.create_server((LOOP, 0)) as server:

        def serve():
            with contextlib.suppress(OSError, struct.error):
                connection, _ = server.accept()
                with connection:
                    for answer in answers:
                        header = connection.recv(24, socket.MSG_WAITALL)
                        connection.recv(struct.unpack("<6I", header)[3], socket.MSG_WAITALL)
                        connection.sendall(answer)
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def refused(port, kind, words, tmp_path):
    began = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        open_tcp(LOOP, port, key=tmp_path / "key", connect_s=2)
    assert time.monotonic() - began < 6
    assert "\n" not in str(caught.value)
