import json
from collections import Counter

import pytest
from tiny_model import tiny_model
from told_runner import ToldRunner

from device_bench.device import Device
from device_bench.errors import DeviceLost
from device_bench.local import LocalTransport
from device_bench.matrix.cells import Axes, cells
from device_bench.matrix.matrix import Plan, run_matrix
from device_bench.matrix.results import Results
from device_bench.pool import PoolSettings
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import measurements
from device_bench.timing.verdict import judge

_MODELS = {f"m{number}": tiny_model(operators=number) for number in range(1, 11)}
_PROTOCOL = TimingProtocol(min_sessions=2, canary_limit=None, cool_down_s=0)
_QUICK = PoolSettings(attempts=2, back_off_s=0.01)


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def phones(tmp_path):
    """Runners of the phones a and b, and how to open these."""
    told = {name: ToldRunner(tmp_path / name) for name in "ab"}

    def open_device(name):
        return Device(LocalTransport(name), told[name].install())

    return told, open_device


def _plan(axes, models=None, raw=None):
    return Plan(models or dict(list(_MODELS.items())[:2]), axes, _PROTOCOL, BenchSpec(runs=2, warmup_runs=0), raw=raw)


def _run(plan, results, open_device, **others):
    todo = results.open(cells(plan.models, plan.axes))
    return run_matrix(plan, todo, results, open_device, settings=_QUICK, **others)


def test_every_cell_is_measured_as_it_says(phones, tmp_path):
    told, open_device = phones
    told["b"].tell(us=2000)
    plan = _plan(Axes(("a", "b"), (1, 4), ("cpu", "gpu"), "all"))
    results, finished = Results(tmp_path / "r.csv"), []
    assert _run(plan, results, open_device, finished=lambda cell, timing: finished.append((cell, timing))) == []
    frame = results.frame()
    assert len(frame) == len(finished) == 16
    assert set(frame["verdict"]) == {"valid"}
    assert dict(frame.groupby("device")["median_ms"].first()) == {"a": 1.0, "b": 2.0}
    starts = Counter((threads, delegate) for _, threads, delegate, _ in told["a"].log())
    assert starts == dict.fromkeys([("1", "cpu"), ("1", "gpu"), ("4", "cpu"), ("4", "gpu")], 4)
    assert all(cell.threads == timing.threads and cell.device == timing.device for cell, timing in finished)


def test_models_of_one_side_are_measured_together_a_few_at_a_time(phones, tmp_path):
    told, open_device = phones
    raw = tmp_path / "raw"
    _run(_plan(Axes(("a",)), _MODELS, raw), Results(), open_device)
    sizes = [len(records[0].precisions) for records in measurements((raw / "a.jsonl").read_text().splitlines())]
    assert sizes == [8, 2]
    assert len(told["a"].log()) == 20


def test_verdicts_can_be_found_again_from_what_is_kept(phones, tmp_path):
    _, open_device = phones
    results = Results()
    _run(_plan(Axes(("a", "b")), raw=tmp_path / "raw"), results, open_device)
    for device in "ab":
        [records] = measurements((tmp_path / "raw" / f"{device}.jsonl").read_text().splitlines())
        medians = {name: timing.median_ms for name, timing in judge(records).items()}
        rows = results.frame().query("device == @device")
        assert medians == dict(zip(rows["model"], rows["median_ms"], strict=True))


def test_a_matrix_that_was_interrupted_goes_on_with_its_open_cells(phones, tmp_path):
    told, open_device = phones
    plan = _plan(Axes(("a",), (1, 2, 3)))

    def interrupt(cell, timing):
        if cell.threads == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(plan, Results(tmp_path / "r.csv"), open_device, finished=interrupt)
    kept = Results(tmp_path / "r.csv")
    assert sorted(kept.frame()["threads"]) == [1, 1, 2, 2]
    before = len(told["a"].log())
    assert _run(plan, kept, open_device) == []
    assert {row[1] for row in told["a"].log()[before:]} == {"3"}
    assert len(Results(tmp_path / "r.csv").frame()) == 6


def test_a_lost_phone_leaves_its_cells_open_and_the_other_goes_on(phones, tmp_path):
    _, open_device = phones
    lost, events = [], []

    def open_or_lose(name):
        if name == "b" and lost:
            raise DeviceLost("b: gone")
        return open_device(name)

    def finished(cell, timing):
        if cell.device == "b":
            lost.append(cell)
            raise DeviceLost("b: gone")

    plan = _plan(Axes(("a", "b"), (1, 2)))
    results = Results(tmp_path / "r.csv")
    left = _run(plan, results, open_or_lose, finished=finished, event=events.append)
    assert {cell.device for cell in left} == {"b"}
    assert len(results.frame().query("device == 'a'")) == 4
    assert [one.kind for one in events if one.device == "b"][-1] == "aside"
    lost.clear()
    again = Results(tmp_path / "r.csv")
    assert len(again.open(cells(plan.models, plan.axes))) == 2
    assert _run(plan, again, open_device) == []
    assert again.open(cells(plan.models, plan.axes)) == []


def test_what_a_device_cannot_do_is_a_failed_cell_and_not_the_end(phones):
    _, open_device = phones
    results = Results()
    assert _run(_plan(Axes(("a",), (1,), ("cpu", "npu"))), results, open_device) == []
    frame = results.frame().sort_values("delegate")
    assert frame["verdict"].tolist() == ["valid", "valid", "failed", "failed"]
    assert frame["median_ms"].isna().tolist() == [False, False, True, True]
    assert "not on npu" in frame["reason"].iloc[-1]


def test_a_device_name_cannot_leave_the_folder(phones, tmp_path):
    told, _ = phones

    def open_device(name):
        return Device(LocalTransport(name), told["a"].install())

    _run(_plan(Axes(("../x:1/y",)), raw=tmp_path / "raw"), Results(), open_device)
    [file] = (tmp_path / "raw").iterdir()
    assert file.name == ".._x_1_y.jsonl"
    assert json.loads(file.read_text().splitlines()[0])["device"] == "../x:1/y"
