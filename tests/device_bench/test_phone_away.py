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


def _matrix(phone, models, install=_sleeping, **more):
    protocol = TimingProtocol(min_sessions=2, max_sessions=2, canary_limit=None)
    plan = Plan(models, Axes((f"adb:{phone.host}",), (1, 2)), protocol, BenchSpec(runs=1, warmup_runs=0))
    events = []
    todo = cells(models, plan.axes)
    left = run_matrix(plan, todo, Results(), lambda name: open_device(name, install), event=events.append, **more)
    return left, [one.kind for one in events], events


class Leaving:
    """Has a phone leave once, for longer than its attempts take."""

    def __init__(self, phone):
        self.phone, self.gone = phone, False

    def leave(self):
        adbd = self.phone.files / "usr/sbin/adbd"
        aside = adbd.with_name("adbd.away")
        adbd.rename(aside)
        self.phone.kill_adbd()
        threading.Timer(2.5, lambda: aside.rename(adbd)).start()

    def at_work(self, now):
        if now.sessions and not self.gone:
            self.gone = True
            threading.Timer(0.2, self.leave).start()

    def while_opened(self, transport):
        if not self.gone:
            self.gone = True
            threading.Timer(0.4, self.leave).start()
            transport.shell(["sleep", "60"], timeout_s=60)
        return _sleeping(transport)


@pytest.mark.parametrize("moment", ["at work", "while it is opened for the first time"])
def test_a_phone_away_for_longer_than_its_attempts_take_is_found_again(mortal_phone, moment):
    leaving = Leaving(mortal_phone)
    more = {"progress": leaving.at_work} if moment == "at work" else {"install": leaving.while_opened}
    models = {f"m{number}": tiny_model(operators=number) for number in (1, 2)}
    left, kinds, _ = _matrix(mortal_phone, models, settings=PoolSettings(back_off_s=0.05), **more)
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
