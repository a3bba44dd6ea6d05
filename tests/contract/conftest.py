import pytest
from adbd_rig.fixtures import (
    adb_server,
    android_phone,
    at_desk,
    desk,
    phone,
    running_adb_server,
)

from device_bench.adb.server import open_server
from device_bench.adb.transport import open_tcp

__all__ = ["adb_server", "android_phone", "at_desk", "desk", "phone", "running_adb_server"]


@pytest.fixture
def adb_transport(at_desk, phone):
    """A real adbd over TCP."""
    transport = open_tcp(phone.host, phone.port)
    yield transport
    transport.close()


@pytest.fixture
def android_transport(at_desk, android_phone):
    """The same, with the shell and the programs of today's Android."""
    transport = open_tcp(android_phone.host, android_phone.port)
    yield transport
    transport.close()


@pytest.fixture
def server_transport(adb_server, phone):
    """A real adbd through a stock adb server."""
    serial = f"{phone.host}:{phone.port}"
    adb_server.run("connect", serial)
    adb_server.run("-s", serial, "wait-for-device")
    transport = open_server(serial)
    yield transport
    transport.close()
