import threading
import time
from collections import Counter

import numpy as np
import pytest
from tiny_model import tiny_model
from told_runner import ToldRunner

from device_bench.device import Device
from device_bench.errors import BadRequest, BenchError, DeviceLost
from device_bench.fleet import Fleet
from device_bench.local import LocalTransport
from device_bench.protocol import TimingProtocol
from device_bench.runner import BenchSpec

_MODELS = {f"m{number}": tiny_model(operators=number) for number in range(1, 9)}
_PROTOCOL = TimingProtocol(min_sessions=2, canary_limit=None)
_SPEC = BenchSpec(runs=2, warmup_runs=0)


class Cuttable(LocalTransport):
    """This machine on a cable that can be pulled."""

    cut = frozenset()

    def shell(self, argv, *, timeout_s):
        if self.name in Cuttable.cut:
            raise DeviceLost(f"{self.name}: the cable is out")
        return super().shell(argv, timeout_s=timeout_s)


@pytest.fixture
def told(tmp_path):
    yield ToldRunner(tmp_path)
    Cuttable.cut = frozenset()


@pytest.fixture
def opener(told):
    return lambda name: Device(Cuttable(name), told.install())


def _measure(fleet, models=_MODELS, **others):
    return fleet.measure(models, _PROTOCOL, _SPEC, rng=np.random.default_rng(0), **others)


def test_equal_phones_share_the_work_and_the_time(opener, told):
    told.tell(sleep=0.1)
    seconds = []
    for names in (["a"], ["a", "b"]):
        with Fleet(names, opener=opener) as fleet:
            start = time.monotonic()
            found = _measure(fleet)
            seconds.append(time.monotonic() - start)
        assert list(found) == list(_MODELS)
        assert {timing.verdict for timing in found.values()} == {"valid"}
    assert Counter(timing.device for timing in found.values()) == {"a": 4, "b": 4}
    assert seconds[1] <= 0.6 * seconds[0]


def test_one_that_dies_leaves_its_share_to_the_others(opener, told):
    said, seen = [], []

    def record(device, one):
        seen.append(device)
        if seen.count("a") == 4:
            Cuttable.cut = frozenset("a")

    with Fleet(["a", "b"], opener=opener, tell=said.append) as fleet:
        found = _measure(fleet, record=record)
        assert {timing.device for timing in found.values()} == {"b"}
        assert fleet.live == ("b",)
        assert "a is lost (a: the cable is out); 1 left" in said
        assert {timing.device for timing in _measure(fleet).values()} == {"b"}


def test_one_that_comes_back_works_again(opener, told, monkeypatch):
    with Fleet(["a", "b"], opener=opener) as fleet:
        Cuttable.cut = frozenset("a")
        _measure(fleet)
        Cuttable.cut = frozenset()
        monkeypatch.setattr("device_bench.fleet._TRY_AGAIN_S", 0)
        assert {timing.device for timing in _measure(fleet).values()} == {"a", "b"}


def test_all_lost_is_an_error(opener, told):
    with Fleet(["a", "b"], opener=opener) as fleet:
        Cuttable.cut = frozenset("ab")
        with pytest.raises(DeviceLost, match="no device is left of a, b"):
            _measure(fleet)
        Cuttable.cut = frozenset()
        assert len(_measure(fleet)) == 8


def test_fewer_models_than_phones(opener, told):
    with Fleet(["a", "b", "c"], opener=opener) as fleet:
        assert len(_measure(fleet, {"m1": _MODELS["m1"]})) == 1
        assert _measure(fleet, {}) == {}


def test_a_bad_model_is_told_and_no_phone_is_lost(opener, told):
    with Fleet(["a", "b"], opener=opener) as fleet:
        with pytest.raises(BadRequest, match="no TFLite file"):
            _measure(fleet, {"m1": _MODELS["m1"], "bad": b"nothing"})
        assert fleet.live == ("a", "b")


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_names_are_checked(opener, names):
    with pytest.raises(BadRequest, match="name each one once"):
        Fleet(names, opener=opener)


def test_different_phones_do_not_share(opener, told):
    def of_its_own_model(name):
        device = opener(name)
        device.info = type("Info", (), {"model": f"Pixel {name}"})
        return device

    with pytest.raises(BadRequest, match=r"a \(Pixel a\) and b \(Pixel b\) are different devices"):
        Fleet(["a", "b"], opener=of_its_own_model)


def test_one_that_is_not_there_at_the_beginning_closes_the_others(opener):
    opened = []

    def some(name):
        if name == "b":
            raise BenchError("b does not answer")
        opened.append(opener(name))
        return opened[-1]

    with pytest.raises(BenchError, match="does not answer"):
        Fleet(["a", "b"], opener=some)
    with pytest.raises(DeviceLost):
        opened[0].state()
    assert threading.active_count() < 20
