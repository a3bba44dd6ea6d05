import os

import pytest
from android_commands import AndroidCommands

from device_bench.errors import DeviceLost
from device_bench.local import LocalTransport
from device_bench.probe import read_info
from device_bench.timing.steady import give_back, steady


@pytest.fixture
def host():
    transport = LocalTransport()
    yield transport
    transport.close()


@pytest.fixture
def android(tmp_path, monkeypatch):
    commands = AndroidCommands(tmp_path / "android")
    monkeypatch.setenv("PATH", f"{commands.folder}{os.pathsep}{os.environ['PATH']}")
    return commands


def test_a_phone_is_held_and_given_back(host, android):
    with steady(host, read_info(host)):
        assert (android.setting("stay_on"), android.setting("fixed")) == ("7", "true")
    assert (android.setting("stay_on"), android.setting("fixed")) == ("0", "false")


def test_what_the_user_had_set_comes_back(host, android):
    (android.folder / "stay_on").write_text("3\n")
    with steady(host, read_info(host)):
        assert android.setting("stay_on") == "7"
    assert android.setting("stay_on") == "3"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, DeviceLost])
def test_it_is_given_back_when_something_breaks(host, android, error):
    with pytest.raises(error), steady(host, read_info(host)):
        raise error("stop")
    assert (android.setting("stay_on"), android.setting("fixed")) == ("0", "false")


def test_a_run_that_was_killed_is_given_back_by_the_next(host, android):
    (android.folder / "stay_on").write_text("2\n")
    killed = steady(host, read_info(host))
    killed.__enter__()  # and never left
    assert android.setting("stay_on") == "7"
    with steady(host, read_info(host)):
        pass
    assert (android.setting("stay_on"), android.setting("fixed")) == ("2", "false")
    assert not give_back(host)


def test_a_phone_without_a_fixed_mode_is_still_held_awake(host, android):
    (android.folder / "no-fixed").touch()
    with steady(host, read_info(host)):
        assert (android.setting("stay_on"), android.setting("fixed")) == ("7", "false")
    assert android.setting("stay_on") == "0"


def test_a_phone_that_hides_its_settings_is_told_to_sleep_again(host, android):
    (android.folder / "settings").write_text("#!/bin/sh\nexit 1\n")
    with steady(host, read_info(host)):
        pass
    assert android.told()[-1] == "svc power stayon false"


def test_other_systems_are_left_alone(host):
    with steady(host, read_info(host)):
        pass
    assert not give_back(host)


def test_a_phone_that_does_not_take_its_settings_back_is_asked_again_by_the_next_run(host, android):
    (android.folder / "stay_on").write_text("3\n")
    settings = android.folder / "settings"
    sound = settings.read_text()
    with steady(host, read_info(host)):
        settings.write_text(sound.replace("if [", "[ $1 = put ] && exit 1\nif [", 1))
    assert android.setting("stay_on") == "7"
    # The note holds the user's setting, also when the next run cannot put it back either.
    with steady(host, read_info(host)):
        settings.write_text(sound)
    assert (android.setting("stay_on"), android.setting("fixed")) == ("3", "false")
    assert not give_back(host)


@pytest.mark.parametrize("noted", ["\u00b2", "9" * 30, "3; reboot", "\x1b[31m3", "x" * 100_000])
def test_a_note_that_is_no_setting_of_ours_is_not_put(host, android, noted):
    host.push(noted.encode(), "before-benchmark")
    assert give_back(host)
    assert android.told()[-1] == "svc power stayon false"
