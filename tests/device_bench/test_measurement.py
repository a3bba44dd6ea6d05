import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from android_commands import AndroidCommands
from tiny_graph import Body, Node, Tensor, chain, tiny_graph
from tiny_model import tiny_model
from told_runner import ToldRunner

from device_bench.device import open_device
from device_bench.errors import BadRequest
from device_bench.runners.runner import BenchSpec
from device_bench.timing.canary import canary_model
from device_bench.timing.measurement import measure
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import (
    BlockRecord,
    GateRecord,
    SessionRecord,
    appender,
    from_line,
    measurements,
    to_line,
)
from device_bench.timing.verdict import judge
from device_bench.transport import model_path

_QUICK = TimingProtocol(min_sessions=3, cool_down_s=0.01, gate_poll_s=0.05, gate_timeout_s=5)
_SPEC = BenchSpec(runs=3, warmup_runs=0)
_MODELS = {"one": tiny_model(operators=1), "two": tiny_model(operators=2), "three": tiny_model(operators=3)}


@pytest.fixture
def told(tmp_path):
    return ToldRunner(tmp_path / "runner")


@pytest.fixture
def device(told):
    with open_device("host", told.install) as opened:
        yield opened


@pytest.fixture
def phone(tmp_path, monkeypatch, told):
    """An Android phone whose runner does as it is told."""
    android = AndroidCommands(tmp_path / "android")
    monkeypatch.setenv("PATH", f"{android.folder}:/usr/bin:/bin")
    with open_device("host", told.install) as opened:
        opened.android = android
        yield opened


def _measure(device, models=None, protocol=_QUICK, spec=_SPEC, *, seed=0, record=None, progress=None):
    rng = np.random.default_rng(seed)
    return measure(device, models or {"one": _MODELS["one"]}, protocol, spec, rng=rng, record=record, progress=progress)


def test_this_machine_really_times_a_model():
    with open_device("host") as host:
        timing = _measure(host, protocol=TimingProtocol(min_sessions=3, max_sessions=4, canary_limit=None))["one"]
    assert timing.verdict in ("valid", "noisy")
    assert timing.low_ms <= timing.median_ms <= timing.high_ms
    assert timing.sessions >= 3
    assert timing.runtime.startswith("LiteRT")
    assert timing.conditions["model"]


def test_what_the_runner_says_is_what_is_measured(device, told):
    timing = _measure(device)["one"]
    assert (timing.median_ms, timing.low_ms, timing.high_ms, timing.verdict) == (1.0, 1.0, 1.0, "valid")
    assert (timing.sessions, timing.runs) == (3, 9)


def test_models_take_turns_in_an_order_of_the_random_source(device, told):
    _measure(device, _MODELS, TimingProtocol(min_sessions=6, canary_limit=None))
    order = [row[0] for row in told.log()]
    rounds = [tuple(order[start : start + 3]) for start in range(0, 18, 3)]
    assert all(len(set(one)) == 3 for one in rounds)
    assert len(set(rounds)) > 1
    before = len(order)
    _measure(device, _MODELS, TimingProtocol(min_sessions=6, canary_limit=None))
    assert [row[0] for row in told.log()][before:] == order


def test_a_noisy_model_gets_more_sessions_and_the_others_do_not(device, told):
    noisy = Path(model_path(device.transport, _MODELS["two"])).stem
    told.tell(before=f'[ $name = {noisy} ] && {{ date +%N | tail -c 4 | sed "s/^/1/" > "$HERE/us-$name"; }}')
    found = _measure(
        device, _MODELS, TimingProtocol(min_sessions=3, max_sessions=8, precision=0.001, canary_limit=None)
    )
    starts = Counter(row[0] for row in told.log())
    assert starts[noisy] == 8
    assert set(starts.values()) == {3, 8}
    assert (found["two"].verdict, found["one"].verdict) == ("noisy", "valid")


def test_a_slower_device_is_waited_for_and_its_sessions_dropped(device, told):
    _measure(device)
    start = len(told.log())
    slow = f'n=$(wc -l < "$HERE/log"); [ $n -gt {start + 2} ] && [ $n -lt {start + 9} ] && us=1500 || us=1000'
    told.tell(before=f'{slow}; echo $us > "$HERE/us"')
    seen = []
    timing = _measure(device, record=seen.append)["one"]
    assert (timing.verdict, timing.median_ms) == ("valid", 1.0)
    assert timing.conditions["dropped_sessions"] >= 3
    assert any(one.after_us == 1500 for one in seen if isinstance(one, BlockRecord))


def test_a_device_that_stays_slow_is_throttled(device, told):
    _measure(device)
    told.tell(us=1500)
    timing = _measure(device, protocol=TimingProtocol(min_sessions=3, max_sessions=4, cool_down_s=0))["one"]
    assert timing.verdict == "throttled"
    assert timing.median_ms == 1.5
    assert "1.50 times slower than when this device was fresh" in timing.reason


def test_a_hot_phone_is_waited_for(phone, told):
    phone.android.feel(status=2)
    threading.Timer(0.4, phone.android.feel).start()
    seen, doing = [], []
    timing = _measure(phone, record=seen.append, progress=doing.append)["one"]
    [gate] = [one for one in seen if isinstance(one, GateRecord)]
    assert gate.passed
    assert gate.waited_s >= 0.3
    assert "thermal status 2" in gate.reason
    assert timing.verdict == "valid"
    assert ("waiting", gate.reason) in [(one.doing, one.detail) for one in doing]


def test_a_phone_that_stays_hot_gives_no_number(phone, told):
    phone.android.feel(battery_c=47)
    timing = _measure(phone, protocol=TimingProtocol(gate_timeout_s=0.2, gate_poll_s=0.05))["one"]
    assert (timing.verdict, timing.median_ms) == ("failed", None)
    assert "the battery has 47 C" in timing.reason
    assert told.log() == []
    assert phone.android.setting("fixed") == "false"


def test_a_phone_that_gets_hot_meanwhile_drops_the_block(phone, told):
    folder = phone.android.folder
    told.tell(before=f"[ $(wc -l < $HERE/log) = 4 ] && cp {folder}/hot {folder}/thermalservice.txt")
    (folder / "hot").write_text("Thermal Status: 3\n")

    def cool(record):
        if isinstance(record, BlockRecord):
            phone.android.feel()

    timing = _measure(phone, record=cool)["one"]
    assert (timing.verdict, timing.conditions["dropped_sessions"]) == ("valid", 3)


def test_a_phone_that_is_hot_in_the_middle_of_a_block_drops_it(phone, told):
    folder = phone.android.folder
    hot = f'n=$(wc -l < "$HERE/log"); s=0; [ $n = 4 ] && s=2; echo "Thermal Status: $s" > {folder}/thermalservice.txt'
    told.tell(before=hot)
    seen = []
    timing = _measure(phone, record=seen.append)["one"]
    first = next(one for one in seen if isinstance(one, BlockRecord))
    assert (first.state_before.thermal_status, first.state_after.thermal_status) == (0, 0)
    assert (timing.verdict, timing.conditions["dropped_sessions"]) == ("valid", 3)


def test_a_phone_whose_battery_is_nearly_empty_is_not_timed(phone, told):
    phone.android.feel(level=5)
    timing = _measure(phone, protocol=TimingProtocol(gate_timeout_s=0.2, gate_poll_s=0.05))["one"]
    assert (timing.verdict, told.log()) == ("failed", [])
    assert "the battery is at 5 %, less than 15 %" in timing.reason


def test_a_time_that_was_not_waited_for_is_no_latency(device, told):
    told.tell(us=4)
    timing = _measure(
        device, {"one": canary_model()}, replace(_QUICK, canary_limit=None), replace(_SPEC, delegate="gpu")
    )
    assert (timing["one"].verdict, timing["one"].median_ms) == ("failed", None)
    assert "4 us is not an inference time" in timing["one"].reason
    assert _measure(device, spec=replace(_SPEC, delegate="gpu"))["one"].conditions["note"].startswith("no canary: 4 us")


def test_what_is_chosen_is_recorded(device, told):
    models = {"open": tiny_graph(chain(["FLOAT32"] * 2, shape=(-1, -1, -1, 3)))}
    with pytest.raises(BadRequest, match="open: inputs of an open shape: 't0'"):
        _measure(device, models)
    seen = []
    timing = _measure(device, models, spec=replace(_SPEC, shapes=("1,4,4,3",)), record=seen.append)["open"]
    assert (timing.conditions["shape"], timing.conditions["signature"]) == ("t0=1,4,4,3", "")
    assert judge([from_line(to_line(one)) for one in seen])["open"] == timing


def test_a_failure_names_operators_that_the_runtime_may_lack(device, told):
    tensors = [Tensor((1, 4)), Tensor((1, 4))]
    told.tell(before="echo status 3 >&2; exit 1")
    models = {"one": tiny_graph(Body(tensors, [Node("CUSTOM", [0], [1], "MyOwnOp")]))}
    assert "status 3; the model has operators" in _measure(device, models)["one"].reason
    assert "'MyOwnOp'" in _measure(device, models)["one"].reason
    told.tell(before="echo 'ERROR: Encountered unresolved custom op: MyOwnOp.' >&2; echo status 3 >&2; exit 1")
    assert _measure(device, models)["one"].reason.endswith("status 3: Encountered unresolved custom op: MyOwnOp.")


def test_a_canary_that_cannot_run_is_done_without_and_said(device, told):
    canary = Path(model_path(device.transport, canary_model())).stem
    told.tell(before=f"[ $name = {canary} ] && exit 134")
    timing = _measure(device)["one"]
    assert (timing.verdict, timing.median_ms) == ("valid", 1.0)
    assert "no canary: told_runner failed with exit code 134" in timing.conditions["note"]
    assert timing.conditions["canary_drift"] is None


def test_the_phone_is_held_steady_while_it_is_measured(phone, told):
    told.tell(before=f'cat {phone.android.folder}/fixed >> "$HERE/seen"')
    _measure(phone)
    assert set((told.folder / "seen").read_text().split()) == {"true"}
    assert (phone.android.setting("fixed"), phone.android.setting("stay_on")) == ("false", "0")


@pytest.mark.parametrize("before", ["exit 134", "echo garbage; exit 0", "kill -11 $$"])
def test_a_runner_that_fails_gives_no_number(device, told, before):
    told.tell(before=before)
    timing = _measure(device, protocol=TimingProtocol(canary_limit=None))["one"]
    assert (timing.verdict, timing.median_ms) == ("failed", None)
    assert "told_runner" in timing.reason
    assert len(told.log()) == 2


def test_a_session_that_hangs_is_ended(device, told):
    told.tell(sleep=60)
    start = time.monotonic()
    timing = _measure(device, protocol=TimingProtocol(canary_limit=None, session_timeout_s=0.3))["one"]
    assert time.monotonic() - start < 20
    assert timing.verdict == "failed"
    assert "ran longer than 0.3 s" in timing.reason


def test_one_failing_model_does_not_spoil_the_others(device, told):
    bad = Path(model_path(device.transport, _MODELS["two"])).stem
    told.tell(before=f"[ $name = {bad} ] && exit 135")
    found = _measure(device, _MODELS)
    assert [found[name].verdict for name in _MODELS] == ["valid", "failed", "valid"]


def test_out_of_time_says_so(device, told):
    told.tell(sleep=0.2)
    timing = _measure(device, protocol=TimingProtocol(min_sessions=20, canary_limit=None, time_limit_s=0.7))["one"]
    assert timing.verdict == "noisy"
    assert "of 20 sessions count" in timing.reason


def test_core_names_reach_the_runner_as_a_mask(device, told):
    timing = _measure(device, spec=BenchSpec(runs=2, cores="all"))["one"]
    mask = f"{sum(one.mask for one in device.info.clusters):x}"
    assert {row[3] for row in told.log()} == {f'"{mask}"'}
    assert timing.conditions["cores"] == mask


@pytest.mark.parametrize(
    ("spec", "model", "words"),
    [
        (BenchSpec(delegate="npu"), _MODELS["one"], "not on npu"),
        (BenchSpec(cores="medium"), _MODELS["one"], "unknown cores"),
        (_SPEC, b"no model at all", "one: .*not a TFLite file"),
    ],
)
def test_bad_requests_are_told_before_anything_runs(device, told, spec, model, words):
    with pytest.raises(BadRequest, match=words):
        _measure(device, {"one": model}, spec=spec)
    assert told.log() == []


def test_no_models_no_work(device, told):
    assert measure(device, {}, _QUICK, _SPEC, rng=np.random.default_rng(0)) == {}
    assert told.log() == []


def test_the_verdict_can_be_found_again_from_the_file(device, told, tmp_path):
    path = tmp_path / "raw.jsonl"
    found = [_measure(device, _MODELS, record=appender(path), seed=seed) for seed in range(2)]
    again = [judge(records) for records in measurements(path.read_text().splitlines())]
    assert again == found


def test_a_model_is_pushed_once(device, told):
    _measure(device)
    path = Path(model_path(device.transport, _MODELS["one"]))
    before = path.stat().st_mtime_ns
    _measure(device)
    assert path.stat().st_mtime_ns == before


def test_an_interrupt_leaves_what_was_seen(device, told):
    seen = []

    def interrupt(record):
        seen.append(record)
        if isinstance(record, SessionRecord):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _measure(device, record=interrupt)
    timing = judge(seen)["one"]
    assert (timing.verdict, timing.reason, timing.median_ms) == ("failed", "it was cut short", None)
