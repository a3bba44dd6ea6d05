"""A phone as a search's latency source: an Android shell whose runner does as it is told."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from android_commands import AndroidCommands
from tiny_model import tiny_model
from told_runner import ToldRunner

import device_bench.device
from device_bench.errors import BadRequest, DeviceLost
from mnas.config import LatencySection
from mnas.latency.source import PhoneLatency


@pytest.fixture
def android(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AndroidCommands:
    """Behind the name adb:told."""
    told, commands = ToldRunner(tmp_path / "runner"), AndroidCommands(tmp_path / "android")
    told.tell(sleep=0.1)
    monkeypatch.setenv("PATH", f"{commands.folder}:/usr/bin:/bin")
    opened = device_bench.device.open_device
    monkeypatch.setattr(device_bench.device, "open_device", lambda name: opened("host", told.install))
    return commands


def test_a_phone_is_given_back_as_it_was_when_the_search_stops(android: AndroidCommands, tmp_path: Path) -> None:
    (android.folder / "stay_on").write_text("3\n")
    settings = LatencySection(device="adb:told", target_ms=1, min_sessions=500, max_sessions=500, runs=2, warmup_runs=0)
    latency, errors = PhoneLatency(settings, lambda text: None), list[BaseException]()

    def measure() -> None:
        try:
            latency.measure({"one": tiny_model()}, np.random.default_rng(0), tmp_path)
        except DeviceLost as error:
            errors.append(error)

    thread = threading.Thread(target=measure)
    thread.start()
    while android.setting("fixed") != "true":
        time.sleep(0.01)
        assert thread.is_alive()
    latency.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert (android.setting("fixed"), android.setting("stay_on")) == ("false", "3")
    assert len(errors) == 1
    with pytest.raises(DeviceLost, match="stopped"):
        latency.measure({"one": tiny_model()}, np.random.default_rng(0), tmp_path)


def test_another_phone_under_the_same_address_is_noticed(android: AndroidCommands, tmp_path: Path) -> None:
    latency = PhoneLatency(LatencySection(device="adb:told", target_ms=1), lambda text: None)
    properties = android.folder / "getprop.txt"
    properties.write_text(properties.read_text().replace("Pixel 7", "Pixel 8"))
    with pytest.raises(BadRequest, match=r"adb:told is now a .*Pixel 8"):
        latency.measure({"one": tiny_model()}, np.random.default_rng(0), tmp_path)
