"""Pytest fixtures around the rig; a conftest imports the ones its tests use."""

import contextlib

import pytest

from adbd_rig.arm_files import aarch64_files
from adbd_rig.desk import Desk
from adbd_rig.phone import Phone
from adbd_rig.prerequisites import require
from adbd_rig.roots import build_root
from adbd_rig.server import Server

# The setsid of Android 11 and 12 (toybox 0.8.3 and 0.8.4): its parent exits with 0 at once.
FORKING_SETSID = '#!/bin/sh\ntoybox setsid "$@" &\n'


@contextlib.contextmanager
def _phone(desk, folder, name, *, arch="amd64", adbd=None, kind="debian"):
    phone = Phone(desk, build_root(arch, kind.partition("-")[0]), folder, name, adbd=adbd)
    try:
        if kind == "android-11":
            phone.put("/usr/bin/setsid", FORKING_SETSID)
        yield phone
    finally:
        phone.close()


@pytest.fixture(scope="session")
def desk():
    """The network the phones hang on."""
    if reason := require():
        pytest.skip(reason)
    made = Desk()
    yield made
    made.close()


@pytest.fixture
def at_desk(desk):
    """Put the test, and what it starts, where the phones can be reached."""
    with desk.sit():
        yield


@pytest.fixture(scope="session")
def phone(desk, tmp_path_factory):
    """A phone that lets everybody in."""
    with _phone(desk, tmp_path_factory.mktemp("phone"), "first") as made:
        yield made


@pytest.fixture(scope="session")
def second_phone(desk, tmp_path_factory):
    with _phone(desk, tmp_path_factory.mktemp("phone"), "second") as made:
        yield made


@pytest.fixture(scope="session")
def android_phone(desk, tmp_path_factory):
    """A phone with the shell, the programs and the user of today's Android."""
    with _phone(desk, tmp_path_factory.mktemp("phone"), "android", kind="android") as made:
        yield made


@pytest.fixture
def mortal_phone(request, desk, tmp_path):
    """A phone of this test's own, to be broken: "debian", or what `parametrize` asks for with `indirect`."""
    with _phone(desk, tmp_path / "phone", "mortal", kind=getattr(request, "param", "debian")) as made:
        yield made


@pytest.fixture
def locked_phone(desk, tmp_path):
    """A phone that knows no key; put public keys into its /adb_keys."""
    adbd = build_root("amd64").demanding_keys()
    if adbd is None:
        pytest.skip("Debian's adbd is not the build in which the rig can turn authentication on")
    with _phone(desk, tmp_path / "phone", "locked", adbd=adbd) as made:
        yield made


@pytest.fixture(scope="session")
def arm_phone(desk, tmp_path_factory):
    """An aarch64 phone under qemu-user: for what it does, never for how fast."""
    if reason := require(aarch64=True):
        pytest.skip(reason)
    with _phone(desk, tmp_path_factory.mktemp("phone"), "arm", arch="arm64") as made:
        yield made


@pytest.fixture(scope="session")
def arm_files(arm_phone):
    """The C runner and LiteRT's own library for the aarch64 phone."""
    return aarch64_files()


@pytest.fixture(scope="session")
def running_adb_server(desk, tmp_path_factory):
    made = Server(desk, tmp_path_factory.mktemp("adb"))
    yield made
    made.close()


@pytest.fixture
def adb_server(running_adb_server, at_desk, monkeypatch):
    """A stock adb server, found by everything this test starts."""
    for name, value in running_adb_server.variables.items():
        monkeypatch.setenv(name, value)
    yield running_adb_server
    running_adb_server.run("disconnect")
