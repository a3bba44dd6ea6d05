"""One phone, one user: by whatever route, from whatever computer, for as long as the user lives."""

import subprocess
import sys
import time

import pytest

from device_bench.adb.lock import IDLE_S
from device_bench.adb.transport import open_tcp
from device_bench.device import open_device
from device_bench.errors import TransportError
from device_bench.lease import DeviceBusy
from device_bench.runners.json_runner import JsonRunner

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Leases of this computer."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "here"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """What follows is done by a computer that shares no lease file with this one."""

    def go(name="elsewhere"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / name))

    return go


def opened(name, wait_s=0.0):
    return open_device(name, lambda transport: JsonRunner("none", ("true",)), wait_s=wait_s)


def lease_file(phone):
    return phone.files / "data/local/tmp/mnas/lease"


def age(phone, **changes):
    """Rewrites the line as if it had been written otherwise."""
    names = ("word", "renewed", "until", "process", "start", "owner")
    words = dict(zip(names, lease_file(phone).read_text().split(), strict=False)) | changes
    lease_file(phone).write_text(" ".join(words[name] for name in names) + "\n")


def test_two_spellings_of_one_phone_are_one_lease(mortal_phone, adb_server):
    serial = f"{mortal_phone.host}:{mortal_phone.port}"
    adb_server.run("connect", serial)
    adb_server.run("-s", serial, "wait-for-device")
    names = [f"adb:{mortal_phone.host}", f"adb:{serial}", f"adb-server:{serial}"]
    for held in names:
        with opened(held):
            for other in names:
                with pytest.raises(DeviceBusy, match="in use by process"):
                    opened(other)
    with opened(names[0]):
        pass


def test_phones_with_one_serial_number_are_two(phone, second_phone):
    for one in (phone, second_phone):
        one.put("/usr/bin/getprop", "#!/bin/sh\necho 0123456789ABCDEF\n")
    try:
        with opened(f"adb:{phone.host}"), opened(f"adb:{second_phone.host}"):
            pass
    finally:
        for one in (phone, second_phone):
            (one.files / "usr/bin/getprop").unlink()


def test_another_computer_is_noticed_and_may_follow(mortal_phone, elsewhere):
    name = f"adb:{mortal_phone.host}"
    with opened(name) as device:
        elsewhere()
        with pytest.raises(DeviceBusy, match=r"in use by \S+@\S+:\d+ "):
            opened(name)
        assert device.transport.shell(("echo", "mine"), timeout_s=5).stdout == "mine\n"
    assert not lease_file(mortal_phone).exists()
    with opened(name):
        pass


def test_another_computer_may_wait(mortal_phone, elsewhere):
    name = f"adb:{mortal_phone.host}"
    first = opened(name)
    elsewhere()
    age(mortal_phone, renewed="0")
    with opened(name, wait_s=20):
        pass
    first.close()


def test_a_killed_user_is_followed_at_once_here_and_in_time_elsewhere(mortal_phone, elsewhere):
    name = f"adb:{mortal_phone.host}"
    program = (
        "import sys, time; from device_bench.device import open_device; "
        "from device_bench.runners.json_runner import JsonRunner; "
        "device = open_device(sys.argv[1], lambda transport: JsonRunner('none', ('true',))); "
        "device.transport.shell(('sleep', '78'), timeout_s=99)"
    )
    with subprocess.Popen([sys.executable, "-c", program, name]) as child:
        deadline = time.monotonic() + 20
        while "sleep 78" not in mortal_phone.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        age(mortal_phone, renewed="0")
        with pytest.raises(DeviceBusy, match="in use by process"):
            opened(name)
        elsewhere()
        with pytest.raises(DeviceBusy, match=r"@"):
            opened(name)
        child.kill()
    deadline = time.monotonic() + 5
    while "sleep 78" in mortal_phone.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    with opened(name):
        pass


def test_who_was_killed_here_is_followed_at_once(mortal_phone, elsewhere):
    first = opened(f"adb:{mortal_phone.host}")
    # As the end of the process would: the lease file is let go, the phone is told nothing.
    first.transport._link.close()
    first.close()
    assert lease_file(mortal_phone).exists()
    with opened(f"adb:{mortal_phone.host}"):
        pass
    first = opened(f"adb:{mortal_phone.host}")
    first.transport._link.close()
    first.close()
    elsewhere()
    with pytest.raises(DeviceBusy):
        opened(f"adb:{mortal_phone.host}")


def test_who_was_away_too_long_is_told_so_and_disturbs_nobody(mortal_phone, elsewhere):
    name = f"adb:{mortal_phone.host}"
    asleep = opened(name)
    age(mortal_phone, renewed="0")
    elsewhere()
    with opened(name) as device:
        with pytest.raises(TransportError, match=f"taken over what was not used for {IDLE_S} s"):
            asleep.transport.shell(("sh", "-c", "echo disturbed >/disturbed"), timeout_s=5)
        asleep.close()
        assert not (mortal_phone.files / "disturbed").exists()
        assert device.transport.shell(("echo", "mine"), timeout_s=5).stdout == "mine\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "another"},
        {"renewed": "9" * 9, "process": "0"},
        {"renewed": "x"},
        {"word": ""},
        {"renewed": "0", "until": "9" * 40},
    ],
)
def test_what_a_restart_or_a_fault_left_holds_nobody_up(mortal_phone, elsewhere, changes):
    name = f"adb:{mortal_phone.host}"
    opened(name).transport._link.close()
    elsewhere()
    age(mortal_phone, **({"process": "0"} | changes))
    with opened(name):
        pass


def test_commands_renew_the_lock_and_survive_its_removal(mortal_phone):
    with opened(f"adb:{mortal_phone.host}") as device:
        age(mortal_phone, renewed="0")
        assert device.transport.shell(("sh", "-c", "exit 7"), timeout_s=5).exit_code == 7
        assert lease_file(mortal_phone).read_text().split()[1] != "0"
        lease_file(mortal_phone).unlink()
        assert device.transport.shell(("sh", "-c", "kill -SEGV $$"), timeout_s=5).exit_code == 139
        assert lease_file(mortal_phone).exists()


def test_another_phone_at_the_address_is_not_taken_for_the_first(mortal_phone):
    device = opened(f"adb:{mortal_phone.host}")
    mortal_phone.put("/usr/bin/getprop", "#!/bin/sh\necho ANOTHER\n")
    device.transport._link.close()
    with pytest.raises(TransportError, match="restarted, or another one answers"):
        device.transport.shell(("true",), timeout_s=5)
    device.close()


def test_a_phone_that_is_only_looked_at_is_not_held(mortal_phone):
    with opened(f"adb:{mortal_phone.host}"):
        looking = open_tcp(mortal_phone.host)
        assert looking.shell(("echo", "look"), timeout_s=5).stdout == "look\n"
        looking.close()
