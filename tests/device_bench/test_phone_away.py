"""A phone that goes away for a while in the middle of a matrix, and a phone that is full, on a real adbd."""

import threading

import pytest
from tiny_model import tiny_model

from device_bench.device import open_device
from device_bench.matrix.cells import Axes, cells
from device_bench.matrix.matrix import Plan, run_matrix
from device_bench.matrix.results import Results
from device_bench.pool import PoolSettings
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]
_SLEEPER = b"""#!/bin/sh
sleep 0.4
echo '{"format": 1, "runtime": "sleeper", "threads": 1, "delegate": "cpu", "cores": null, "samples_us": [400000.0]}'
"""


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def _sleeping(transport):
    transport.push(_SLEEPER, "sleeper", mode=0o755)
    return JsonRunner("sleeper", (f"{transport.workdir}/sleeper",))


def _matrix(phone, models, **more):
    protocol = TimingProtocol(min_sessions=2, max_sessions=2, canary_limit=None)
    plan = Plan(models, Axes((f"adb:{phone.host}",), (1, 2)), protocol, BenchSpec(runs=1, warmup_runs=0))
    events = []
    todo = cells(models, plan.axes)
    left = run_matrix(plan, todo, Results(), lambda name: open_device(name, _sleeping), event=events.append, **more)
    return left, [one.kind for one in events], events


def test_a_phone_away_for_longer_than_its_attempts_take_is_found_again(mortal_phone):
    away_s, back_off_s = 2.5, 0.05
    adbd = mortal_phone.files / "usr/sbin/adbd"
    aside = adbd.with_name("adbd.away")
    gone = []

    def leave():
        adbd.rename(aside)
        mortal_phone.kill_adbd()
        threading.Timer(away_s, lambda: aside.rename(adbd)).start()

    def progress(now):
        if not gone and now.sessions:
            gone.append(now)
            threading.Timer(0.2, leave).start()

    models = {f"m{number}": tiny_model(operators=number) for number in (1, 2)}
    left, kinds, _ = _matrix(mortal_phone, models, progress=progress, settings=PoolSettings(back_off_s=back_off_s))
    assert left == []
    assert kinds.count("lost") > PoolSettings().attempts
    assert "aside" not in kinds


def test_a_full_phone_is_set_aside_at_once_and_says_so(mortal_phone):
    mortal_phone.mount_tmpfs("/data/local/tmp/mnas", "size=2m")
    models = {"large": tiny_model() + bytes(4 << 20)}
    left, kinds, events = _matrix(mortal_phone, models)
    assert len(left) == 2
    assert kinds == ["ready", "aside"]
    assert "no room for" in events[-1].reason
