"""Answers that no sound phone gives to the question what it is and how it feels."""

import time

import pytest

from device_bench.probe import read_info, read_state
from device_bench.transport import Completed

_DIGITS = "9" * 5000


class Phone:
    """A transport that answers everything with one text."""

    name = "adb:X"

    def __init__(self, text):
        self.text = text

    def shell(self, argv, *, timeout_s):
        return Completed(0, self.text, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\x1b[2J\ufffd" * 1000,
        "## getprop\n" + "[\n" * 2_000_000,
        "## getprop\n" + "[a]: [\n" * 500_000,
        "## battery\n" + "\n" * 5_000_000,
        "## battery\n" + " " * 5_000_000,
        f"## battery\n  temperature: {_DIGITS}\n  level: {_DIGITS}\n",
        f"## memory\nMemTotal: {_DIGITS} kB\n",
        f"## present\n{_DIGITS}-{_DIGITS}\n0-{_DIGITS}\n",
        f"## zones\n/sys/class/thermal/thermal_zone0/temp:{_DIGITS}\n",
        f"## load\n{_DIGITS}.{_DIGITS}\n## thermal\nThermal Status: {_DIGITS}\n",
        f"## freq\n/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq:{_DIGITS}\n",
        "## uname\n" * 100_000,
    ],
    ids=range(13),
)
def test_it_is_read_in_time_and_nothing_is_made_up(text):
    began = time.monotonic()
    info, state = read_info(Phone(text)), read_state(Phone(text))
    assert time.monotonic() - began < 10
    assert (info.memory_mb, info.model) == (None, "")
    assert (state.battery_c, state.battery_percent, state.hottest_c) == (None, None, None)
