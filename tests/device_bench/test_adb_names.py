import pytest

from device_bench.adb import names as adb_names
from device_bench.adb import server as adb_server
from device_bench.adb.names import list_adb, open_adb
from device_bench.errors import BadRequest, TransportError


@pytest.fixture
def opened(monkeypatch):
    calls = []
    monkeypatch.setattr(adb_names, "open_tcp", lambda host, port: calls.append(("tcp", host, port)))
    monkeypatch.setattr(adb_names, "open_usb", lambda serial: calls.append(("usb", serial)))
    monkeypatch.setattr(adb_server, "open_server", lambda serial: calls.append(("server", serial)))
    return calls


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adb:192.168.1.7:5555", ("tcp", "192.168.1.7", 5555)),
        ("adb:192.168.1.7", ("tcp", "192.168.1.7", 5555)),
        ("adb:phone.local:37123", ("tcp", "phone.local", 37123)),
        ("adb:[fe80::1]:5556", ("tcp", "fe80::1", 5556)),
        ("adb:[::1]", ("tcp", "::1", 5555)),
        ("adb:R58M12ABCDE", ("usb", "R58M12ABCDE")),
        ("adb:emulator-5554", ("usb", "emulator-5554")),
        ("adb-server:R58M12ABCDE", ("server", "R58M12ABCDE")),
        ("adb-server:192.168.1.7:5555", ("server", "192.168.1.7:5555")),
    ],
)
def test_a_name_says_the_route(opened, name, expected):
    open_adb(name)
    assert opened == [expected]


@pytest.mark.parametrize(
    "name", ["", "adb", "adb:", "adb-server:", "usb:R58M", "adb:h:0", "adb:h:70000", "adb:a:b:c", "adb:[x"]
)
def test_what_names_no_phone_is_refused(opened, name):
    with pytest.raises(BadRequest, match="use adb:SERIAL, adb:HOST:PORT or adb-server:SERIAL"):
        open_adb(name)
    assert opened == []


def test_the_list_names_phones_and_problems(monkeypatch):
    def no_usb():
        raise TransportError("USB needs the library")

    monkeypatch.setattr(adb_names, "usb_serials", no_usb)
    monkeypatch.setattr(adb_server, "server_serials", lambda: ("R58M",))
    assert list_adb() == (("adb-server:R58M",), ("USB needs the library",))
