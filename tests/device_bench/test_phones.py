"""The matrix and the protocol on real phones: adbd behind a link, with our C runner."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_model import tiny_model

from device_bench.adb.transport import open_tcp
from device_bench.cli import bench, devices
from device_bench.device import Device, open_device
from device_bench.errors import BadRequest
from device_bench.matrix.cells import Axes, cells
from device_bench.matrix.matrix import Plan, run_matrix
from device_bench.matrix.results import Results, read_results
from device_bench.pool import PoolSettings
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec
from device_bench.timing.measurement import measure
from device_bench.timing.protocol import TimingProtocol

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]
_PROTOCOL = TimingProtocol(min_sessions=3, max_sessions=4, canary_limit=None)
_SLEEPER = b"""#!/bin/sh
sleep 0.2
echo '{"format": 1, "runtime": "sleeper", "threads": 1, "delegate": "cpu", "cores": null, "samples_us": [200000.0]}'
"""


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def names(phone, second_phone):
    return tuple(f"adb:{one.host}:{one.port}" for one in (phone, second_phone))


def _sleeping(transport):
    transport.push(_SLEEPER, "sleeper", mode=0o755)
    return JsonRunner("sleeper", (f"{transport.workdir}/sleeper",))


def _matrix(names, results):
    models = {f"m{number}": tiny_model(operators=number) for number in range(1, 5)}
    plan = Plan(models, Axes(names), _PROTOCOL, BenchSpec(runs=1, warmup_runs=0))
    start = time.monotonic()
    left = run_matrix(plan, cells(models, plan.axes), results, lambda name: open_device(name, _sleeping))
    assert left == []
    return time.monotonic() - start


def test_two_phones_finish_in_little_more_than_half_the_time(names):
    one_after_the_other = sum(_matrix((name,), Results()) for name in names)
    # What else runs on the machine adds to the time of both at once: the shortest of three counts.
    for _ in range(3):
        results = Results()
        together = _matrix(names, results)
        if together <= 0.55 * one_after_the_other:
            break
    assert together <= 0.55 * one_after_the_other
    frame = results.frame()
    assert len(frame) == 8
    assert set(frame["median_ms"]) == {200.0}


def test_a_phone_is_measured_by_the_protocol(names):
    with open_device(names[0]) as device:
        spec = BenchSpec(runs=10, cores="all")
        timing = measure(
            device, {"tiny": tiny_model()}, TimingProtocol(max_sessions=6), spec, rng=np.random.default_rng(0)
        )
    assert timing["tiny"].verdict in ("valid", "noisy", "throttled"), timing
    assert timing["tiny"].median_ms > 0
    assert timing["tiny"].runtime.startswith("LiteRT")
    assert timing["tiny"].conditions["cores"]


def test_core_names_need_speeds_and_cores_that_are_online(names, phone):
    system = phone.files / "sys/devices/system/cpu"
    with open_device(names[0]) as device:
        with pytest.raises(BadRequest, match="cores 'big': the device does not tell the speed of core 0"):
            device.resolve(BenchSpec(cores="big"))
        (system / "cpu0/cpufreq").mkdir(parents=True)
        (system / "cpu0/cpufreq/cpuinfo_max_freq").write_text("1803000\n")
        (system / "online").write_text("0\n")
        try:
            assert device.resolve(BenchSpec(cores="little")).cores == "1"
            assert device.info.identity.max_mhz == (1803,)
            with pytest.raises(BadRequest, match=r"core mask 'ff' names cores that are not online.* the mask 1"):
                device.resolve(BenchSpec(cores="ff"))
        finally:
            shutil.rmtree(system / "cpu0")
            (system / "online").unlink()


def test_the_command_line_from_end_to_end(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.tflite").write_bytes(tiny_model())
    words = [
        "tiny.tflite",
        "--device",
        ",".join(names),
        "--threads",
        "1,2",
        "-o",
        "r.csv",
        "--runs",
        "5",
        "--interval",
        "9",
    ]
    done = CliRunner().invoke(bench, [*words, "--sessions", "2,3", "--no-canary"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    frame = read_results(Path("r.csv"))
    assert sorted(set(frame["device"])) == sorted(names)
    assert len(frame) == 4
    assert set(frame["verdict"]) == {"valid"}
    assert len(list(Path("r.csv.raw").iterdir())) == 2


def test_devices_shows_a_phone(names):
    done = CliRunner().invoke(devices, ["--device", ",".join(names)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert all(name in done.output for name in names)
    assert "x86_64" in done.output


def test_a_phone_that_dies_half_way_leaves_its_cells_open(names, mortal_phone, tmp_path):
    mortal = f"adb:{mortal_phone.host}:{mortal_phone.port}"
    models = {f"m{number}": tiny_model(operators=number) for number in range(1, 11)}
    plan = Plan(models, Axes((names[0], mortal)), _PROTOCOL, BenchSpec(runs=1, warmup_runs=0))
    results = Results(tmp_path / "r.csv")

    def finished(cell, timing):
        if cell.device == mortal and mortal_phone.pid:
            mortal_phone.close()

    def open_quickly(name):
        host, port = name.removeprefix("adb:").split(":")
        transport = open_tcp(host, int(port), connect_s=1, reconnect_s=1)
        return Device(transport, _sleeping(transport))

    settings = PoolSettings(attempts=2, back_off_s=0.1, looks=2)
    todo = cells(models, plan.axes)
    left = run_matrix(plan, todo, results, open_quickly, finished=finished, settings=settings)
    assert {cell.device for cell in left} == {mortal}
    assert len(left) == 2
    frame = read_results(tmp_path / "r.csv")
    assert len(frame.query("device == @names[0]")) == 10
    assert set(results.open(todo)) == set(left)
