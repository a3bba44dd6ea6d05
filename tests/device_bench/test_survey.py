import pytest

from device_bench.errors import TransportError
from device_bench.survey import named_devices


@pytest.fixture
def attached(monkeypatch):
    """Sets what is on USB and at the adb server."""

    def attach(usb=(), server=()):
        def look(found):
            def looked():
                if isinstance(found, Exception):
                    raise found
                return tuple(found)

            return looked

        monkeypatch.setattr("device_bench.adb.names.usb_serials", look(usb))
        monkeypatch.setattr("device_bench.adb.server.server_serials", look(server))

    return attach


def test_named_devices_stay_as_they_are():
    assert named_devices(("b", "a", "b"), host_too=True) == (("b", "a"), ())


def test_all_is_what_is_attached(attached):
    attached(usb=("X",), server=("Y",))
    assert named_devices(("all",), host_too=True)[0] == ("host", "adb:X", "adb-server:Y")
    assert named_devices(("all",), host_too=False)[0] == ("adb:X", "adb-server:Y")
    assert named_devices(("adb:10.0.0.1:5555", "all"), host_too=False)[0][0] == "adb:10.0.0.1:5555"


def test_a_phone_that_a_server_holds_comes_once(attached):
    attached(usb=("X", "Z"), server=("X",))
    assert named_devices(("all",), host_too=False)[0] == ("adb:Z", "adb-server:X")


def test_a_route_that_cannot_be_searched_is_said(attached):
    attached(usb=TransportError("libusb is missing"), server=("X",))
    assert named_devices(("all",), host_too=False) == (("adb-server:X",), ("libusb is missing",))
