"""Our ways to a device are held to what every one promises. A new one joins by its name in `_TRANSPORTS`."""

import pytest

from device_bench.local import LocalTransport
from device_bench.testing import TransportTestCase

_PHONE = pytest.mark.xdist_group("adbd")
_TRANSPORTS = [
    "host_transport",
    pytest.param("adb_transport", marks=_PHONE),
    pytest.param("android_transport", marks=_PHONE),
    pytest.param("server_transport", marks=_PHONE),
]


@pytest.fixture
def host_transport():
    transport = LocalTransport()
    yield transport
    transport.close()


class TestTransports(TransportTestCase):
    @pytest.fixture(params=_TRANSPORTS)
    def transport(self, request):
        return request.getfixturevalue(request.param)
