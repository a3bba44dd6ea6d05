"""Phones and boards whose shell and programs differ: commands end there as they should, or the phone is refused."""

import contextlib

import numpy as np
import pytest
from android_commands import AndroidCommands
from tiny_model import tiny_model
from trouble import EACH_PHONE, bounded, later, wait_until, works_again

from device_bench.adb.checksum import CHECKSUMS
from device_bench.adb.transport import open_tcp
from device_bench.device import Device
from device_bench.errors import CommandTimeout, DeviceLost, PullFailed, PushFailed, TransportError
from device_bench.probe import read_info
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec
from device_bench.timing.measurement import measure
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.steady import steady

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]
_ANDROID = pytest.mark.parametrize("mortal_phone", ["android"], indirect=True)


@pytest.fixture
def transport(mortal_phone):
    with contextlib.closing(open_tcp(mortal_phone.host, mortal_phone.port, connect_s=2.0)) as opened:
        yield opened


def drop(phone, *programs):
    for program in programs:
        (phone.files / "usr/bin" / program).unlink()


def refusal(phone):
    with pytest.raises(TransportError) as caught:
        open_tcp(phone.host, phone.port)
    return str(caught.value)


@_ANDROID
def test_commands_run_as_they_do_for_adb_shell(mortal_phone, transport):
    assert transport.shell(["id", "-u"], timeout_s=5).stdout == "2000\n"


@EACH_PHONE
def test_what_a_command_leaves_in_the_background_neither_delays_it_nor_outlives_it(mortal_phone, transport):
    with bounded(5):
        assert transport.shell(["sh", "-c", "sleep 73 & echo started"], timeout_s=30).stdout == "started\n"
    wait_until(lambda: mortal_phone.processes() == [])
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_missing_file_is_not_pulled_as_an_empty_one(mortal_phone, transport):
    with pytest.raises(PullFailed, match="No such file"):
        transport.pull("absent")


@EACH_PHONE
def test_a_benchmark_that_crashes_after_good_lines_has_failed(mortal_phone, transport):
    line = '{"format": 1, "runtime": "r", "threads": 1, "delegate": "cpu", "cores": null, "samples_us": [2000.0]}'
    transport.push(f"#!/bin/sh\necho '{line}'\nkill -SEGV $$\n".encode(), "crasher", mode=0o755)
    device = Device(transport, JsonRunner("crasher", (f"{transport.workdir}/crasher",)))
    protocol, spec = TimingProtocol(canary_limit=None), BenchSpec(runs=1, warmup_runs=0)
    timing = measure(device, {"tiny": tiny_model()}, protocol, spec, rng=np.random.default_rng(0))["tiny"]
    assert (timing.verdict, timing.median_ms) == ("failed", None)
    assert "exit code 139" in timing.reason


@EACH_PHONE
def test_what_the_user_had_set_comes_back_when_the_phone_is_lost_for_a_moment(mortal_phone, transport):
    android = AndroidCommands(mortal_phone.files / "android", here="/android")
    android.set("stay_on", "3")
    info = read_info(transport)

    def kill():
        wait_until(lambda: "sleep 60" in mortal_phone.processes())
        mortal_phone.kill_adbd()

    with later(0, kill), pytest.raises(DeviceLost), steady(transport, info):
        transport.shell(["sleep", "60"], timeout_s=60)
    assert (android.setting("stay_on"), android.setting("fixed")) == ("3", "false")
    assert android.told()[:2] == ["svc power stayon true", "cmd power set-fixed-performance-mode-enabled true"]


@EACH_PHONE
def test_what_the_user_had_set_comes_back_with_the_run_after_one_that_was_killed(mortal_phone, transport):
    android = AndroidCommands(mortal_phone.files / "android", here="/android")
    android.set("stay_on", "3")
    killed = steady(transport, read_info(transport))
    killed.__enter__()  # and never left
    assert android.setting("stay_on") == "7"
    with steady(transport, read_info(transport)):
        pass
    assert (android.setting("stay_on"), android.setting("fixed")) == ("3", "false")


@_ANDROID
def test_a_phone_without_setsid_and_timeout_is_as_good(mortal_phone):
    drop(mortal_phone, "setsid", "timeout", "sha256sum")
    with contextlib.closing(open_tcp(mortal_phone.host, mortal_phone.port)) as transport:
        assert transport.shell(["sh", "-c", "kill -SEGV $$"], timeout_s=5).exit_code == 139
        with pytest.raises(CommandTimeout):
            transport.shell(["sh", "-c", "sleep 61 & sleep 62"], timeout_s=1)
        works_again(mortal_phone, transport)


@_ANDROID
def test_a_lesser_checksum_is_used_where_the_better_ones_are_missing(mortal_phone, monkeypatch):
    for number, program in enumerate(CHECKSUMS):
        with contextlib.closing(open_tcp(mortal_phone.host, mortal_phone.port)) as transport:
            assert transport.checksum == program
            data = bytes(range(256)) * 1000 + bytes([number])
            transport.push(data, "file")
            assert transport.pull("file") == data
            # A link that damages what it sends: the same content is not sent again, other content is not accepted.
            send = transport._link.send
            monkeypatch.setattr(transport._link, "send", lambda data, path, send=send: send(data[:-1] + b"?", path))
            transport.push(data, "file")
            with pytest.raises(PushFailed, match=f"not what was sent, by {program}"):
                transport.push(data[::-1], "file")
        drop(mortal_phone, program)
    assert "none of these programs works there: sha256sum sha1sum md5sum cksum" in refusal(mortal_phone)


@_ANDROID
def test_a_phone_that_lacks_programs_is_refused_by_their_names(mortal_phone):
    drop(mortal_phone, "mv", "wc")
    assert refusal(mortal_phone).endswith("these programs are missing there: mv wc")


def test_a_phone_without_a_directory_to_write_in_is_refused(mortal_phone):
    for parent in ("/data/local/tmp", "/tmp"):
        mortal_phone.mount_tmpfs(parent, "ro")
    assert refusal(mortal_phone).endswith("can be written: /data/local/tmp/mnas /tmp/mnas")


@pytest.mark.parametrize("program", ["setsid", "timeout"])
def test_a_board_whose_shell_needs_a_program_that_is_missing_is_refused_by_its_name(mortal_phone, program):
    drop(mortal_phone, program)
    assert program in refusal(mortal_phone).partition("; needed")[0]


def test_a_board_whose_exit_codes_do_not_arrive_is_refused(mortal_phone):
    mortal_phone.put("/usr/bin/setsid", '#!/bin/sh\n/usr/bin/env "$@" &\n')
    assert "exit code 0 came instead of 71" in refusal(mortal_phone)
