import json

import pytest

from device_bench.errors import BadRequest, RunnerError
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec, OperatorTime
from device_bench.transport import Completed

_RUNNER = JsonRunner("tool", ("/tmp/tool",), profiles=True, delegates=("cpu", "gpu"))
_SPEC = BenchSpec(threads=2, cores="f0", warmup_runs=1, runs=3)
_LINE = {
    "format": 1,
    "runtime": "LiteRT 2.3.0",
    "threads": 2,
    "delegate": "cpu",
    "cores": "f0",
    "warmup_us": [9.0],
    "samples_us": [3.0, 1.0, 2.0],
    "init_ms": 4.5,
    "peak_mb": 12.5,
    "operators": [],
}


def _completed(changes=None, *, before="", missing=None):
    line = {**_LINE, **(changes or {})}
    line.pop(missing, None)
    return Completed(0, before + json.dumps(line) + "\n", "")


def test_the_command_says_everything():
    spec = BenchSpec(threads=4, delegate="gpu", cores="F0", warmup_runs=2, runs=7, op_profile=True)
    command = " ".join(_RUNNER.argv(spec, "/data/m.tflite"))
    assert command == (
        "/tmp/tool --model /data/m.tflite --threads 4 --warmup 2 --runs 7 --delegate gpu --cores f0 --profile"
    )


def test_no_mask_no_flag():
    assert "--cores" not in _RUNNER.argv(BenchSpec(), "m")


@pytest.mark.parametrize(("spec", "words"), [(BenchSpec(delegate="npu"), "npu"), (BenchSpec(cores="big"), "big")])
def test_what_it_cannot_do_is_refused_before_it_runs(spec, words):
    with pytest.raises(BadRequest, match=words):
        _RUNNER.argv(spec, "m")
    with pytest.raises(BadRequest, match="operator profile"):
        JsonRunner("plain", ("plain",)).argv(BenchSpec(op_profile=True), "m")


def test_a_good_line_is_a_session():
    session = _RUNNER.parse(_SPEC, _completed(before="INFO: something\n"))
    assert (session.center_us, session.runs, session.samples_us) == (2.0, 3, (3.0, 1.0, 2.0))
    assert (session.runtime, session.init_ms, session.peak_mb) == ("LiteRT 2.3.0", 4.5, 12.5)


def test_what_the_tool_does_not_know_stays_open():
    session = _RUNNER.parse(_SPEC, _completed({"peak_mb": None}, missing="init_ms"))
    assert (session.init_ms, session.peak_mb) == (None, None)


def test_the_profile_comes_along():
    spec = BenchSpec(threads=2, cores="f0", warmup_runs=1, runs=3, op_profile=True)
    rows = [{"name": "conv", "kind": "CONV_2D", "mean_us": 1.5, "calls": 2}]
    assert _RUNNER.parse(spec, _completed({"operators": rows})).operators == (OperatorTime("conv", "CONV_2D", 1.5, 2),)
    with pytest.raises(RunnerError, match="no operator profile"):
        _RUNNER.parse(spec, _completed())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 1}, "threads 1 instead of 2"),
        ({"delegate": "gpu"}, "delegate 'gpu'"),
        ({"cores": None}, "cores None"),
        ({"samples_us": [1.0, 2.0]}, "timed 2 inferences instead of 3"),
        ({"samples_us": [1.0, 2.0, 0.0]}, "not an inference time"),
        ({"samples_us": [1.0, 2.0, "fast"]}, "garbles"),
        ({"samples_us": [1.0, 2.0, float("nan")]}, "not an inference time"),
        ({"samples_us": None}, "garbles"),
        ({"format": 2}, "another format"),
        ({"operators": [{"name": "conv"}]}, "kind"),
    ],
)
def test_what_was_not_asked_is_no_measurement(changes, words):
    with pytest.raises(RunnerError, match=words):
        _RUNNER.parse(_SPEC, _completed(changes))


@pytest.mark.parametrize("missing", ["format", "runtime", "threads", "delegate", "cores", "samples_us"])
def test_a_line_that_misses_something_is_no_measurement(missing):
    with pytest.raises(RunnerError):
        _RUNNER.parse(_SPEC, _completed(missing=missing))


@pytest.mark.parametrize("delegated", [0, None])
def test_a_delegate_that_took_nothing_is_no_measurement(delegated):
    spec = BenchSpec(threads=2, cores="f0", warmup_runs=1, runs=3, delegate="gpu")
    with pytest.raises(RunnerError, match="took no node"):
        _RUNNER.parse(spec, _completed({"delegate": "gpu", "delegated": delegated}))
    assert _RUNNER.parse(spec, _completed({"delegate": "gpu", "delegated": 5})).runs == 3


@pytest.mark.parametrize("output", ["", "\n", "hello", "[1, 2]", '{"format": 1', "null"])
def test_garbage_is_no_measurement(output):
    with pytest.raises(RunnerError):
        _RUNNER.parse(_SPEC, Completed(0, output, ""))


def test_a_good_line_and_a_bad_exit_is_no_measurement():
    good = _completed().stdout
    with pytest.raises(RunnerError, match="exit code 1: invoke failed"):
        _RUNNER.parse(_SPEC, Completed(1, good, "INFO: hello\ninvoke failed\n"))
    with pytest.raises(RunnerError, match="exit code 134"):
        _RUNNER.parse(_SPEC, Completed(134, "", ""))
