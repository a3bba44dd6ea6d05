import json
from dataclasses import FrozenInstanceError, replace

import pytest

from device_bench.errors import BenchError
from device_bench.timing.timing import Timing

_TIMING = Timing(
    median_ms=4.2,
    low_ms=4.1,
    high_ms=4.4,
    runs=250,
    sessions=5,
    device="host",
    runtime="LiteRT 2.3.0",
    precision="int8",
    threads=1,
    conditions={"cores": "f0", "governors": ["schedutil"]},
)


def test_it_survives_json():
    assert Timing.from_dict(json.loads(json.dumps(_TIMING.to_dict()))) == _TIMING


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        _TIMING.median_ms = 1.0


def test_an_unknown_verdict_is_refused():
    with pytest.raises(BenchError, match="'fine'"):
        replace(_TIMING, verdict="fine")


@pytest.mark.parametrize("verdict", ["valid", "noisy", "throttled"])
def test_without_a_number_it_has_failed(verdict):
    with pytest.raises(BenchError, match="must be failed"):
        replace(_TIMING, median_ms=None, verdict=verdict)
    assert replace(_TIMING, median_ms=None, verdict="failed", reason="it crashed").median_ms is None


def test_a_stored_timing_of_other_fields_is_refused():
    values = _TIMING.to_dict()
    with pytest.raises(BenchError, match="colour"):
        Timing.from_dict({**values, "colour": "red"})
    del values["runs"]
    with pytest.raises(BenchError, match="runs"):
        Timing.from_dict(values)
