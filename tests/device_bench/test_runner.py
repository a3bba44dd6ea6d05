import math

import pytest

from device_bench.errors import BadRequest, RunnerError
from device_bench.runners.runner import BenchSpec, Session


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"runs": 0}, "runs is 0"),
        ({"warmup_runs": -1}, "warmup_runs -1"),
        ({"delegate": "quantum"}, "'quantum'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(values, words):
    with pytest.raises(BadRequest, match=words):
        BenchSpec(**values)


@pytest.mark.parametrize(("cores", "mask"), [(None, None), ("f0", 0xF0), ("0x3", 3), ("1", 1)])
def test_the_core_mask_is_hexadecimal(cores, mask):
    assert BenchSpec(cores=cores).core_mask == mask


@pytest.mark.parametrize("cores", ["big", "", "0", "-1", "g"])
def test_a_name_or_an_empty_mask_is_no_mask(cores):
    with pytest.raises(BadRequest, match="core mask"):
        _ = BenchSpec(cores=cores).core_mask


def test_a_session_of_samples_has_their_median():
    session = Session.of_samples([5, 1, 3], runtime="LiteRT 2.3.0", init_ms=2.0)
    assert (session.center_us, session.statistic, session.runs) == (3, "median", 3)
    assert session.samples_us == (5.0, 1.0, 3.0)
    assert session.init_ms == 2.0


@pytest.mark.parametrize("samples", [[], [1.0, 0.0], [1.0, -2.0], [math.nan], [math.inf]])
def test_impossible_samples_are_no_session(samples):
    with pytest.raises(RunnerError):
        Session.of_samples(samples, runtime="LiteRT 2.3.0")


@pytest.mark.parametrize(("center", "runs"), [(0.0, 5), (math.nan, 5), (math.inf, 5), (-1.0, 5), (3.0, 0)])
def test_an_impossible_summary_is_no_session(center, runs):
    with pytest.raises(RunnerError):
        Session(center, "mean", runs, "TFLite")
