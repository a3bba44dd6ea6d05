"""The route through a stock adb server, to a real adbd."""

import builtins
import os
import time

import pytest

from device_bench.adb.names import list_adb, open_adb
from device_bench.adb.server import open_server, server_serials
from device_bench.errors import CommandTimeout, DeviceLost, PullFailed, PushFailed, TransportError

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]


@pytest.fixture
def serial(adb_server, mortal_phone):
    name = f"{mortal_phone.host}:{mortal_phone.port}"
    assert "connected" in adb_server.run("connect", name)
    adb_server.run("-s", name, "wait-for-device")
    return name


def test_it_does_what_the_direct_route_does(serial, mortal_phone):
    transport = open_adb(f"adb-server:{serial}")
    done = transport.shell(["sh", "-c", "echo out; echo err >&2; exit 7"], timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")
    data = os.urandom(2_000_001)
    transport.push(data, "deep/file", mode=0o755)
    assert transport.pull("deep/file") == data
    assert transport.shell(["sh", "-c", "kill -ABRT $$"], timeout_s=5).exit_code == 134
    with pytest.raises(PullFailed, match="No such file"):
        transport.pull("missing")
    with pytest.raises(PushFailed, match="refused"):
        transport.push(b"x", "/proc/nothing/file")
    began = time.monotonic()
    with pytest.raises(CommandTimeout):
        transport.shell(["sh", "-c", "sleep 71 & sleep 72"], timeout_s=1)
    assert time.monotonic() - began < 6
    assert mortal_phone.processes() == []
    transport.close()


def test_the_phones_it_knows_are_listed(serial):
    assert server_serials() == (serial,)
    names, _ = list_adb()
    assert f"adb-server:{serial}" in names


def test_an_unknown_phone_is_named_with_those_that_are_known(serial):
    with pytest.raises(DeviceLost, match=f"adb-server:R58M: .* as missing; phones it knows: {serial}"):
        open_server("R58M")


def test_a_phone_lost_in_the_middle_is_found_again(serial, adb_server, mortal_phone):
    transport = open_server(serial)
    mortal_phone.put("/kill_me", "#!/bin/sh\nkill -9 $(pgrep -x adbd)\nsleep 60\n")
    began = time.monotonic()
    with pytest.raises(DeviceLost):
        transport.shell(["/kill_me"], timeout_s=20)
    assert time.monotonic() - began < 25
    mortal_phone.await_adbd()
    adb_server.run("connect", serial)
    assert transport.shell(["echo", "back"], timeout_s=5).stdout == "back\n"
    assert mortal_phone.processes() == []
    transport.close()


def test_without_a_server_it_says_how_to_start_one(monkeypatch):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "5098")
    with pytest.raises(TransportError, match=r"no adb server runs at 127.0.0.1:5098; start one"):
        open_server("R58M")
    assert server_serials() == ()


def test_without_adbutils_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "adbutils":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TransportError, match=r"pip install 'mnas\[server\]'"):
        open_server("R58M")
