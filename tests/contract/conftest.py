import pytest
from adbd_rig.fixtures import adb_server, at_desk, desk, phone, running_adb_server

from device_bench.adb.server import open_server
from device_bench.adb.transport import open_tcp

__all__ = ["adb_server", "at_desk", "desk", "phone", "running_adb_server"]


@pytest.fixture
def adb_transport(at_desk, phone):
    """A real adbd over TCP."""
    transport = open_tcp(phone.host, phone.port)
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
