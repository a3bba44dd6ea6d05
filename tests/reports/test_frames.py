from dataclasses import asdict

import numpy as np
import optuna
import pandas as pd
import pytest

from device_bench.latency_table.check import CheckedNetwork
from device_bench.matrix.cells import Cell
from device_bench.matrix.results import Results
from device_bench.timing.timing import Timing
from mnas.files import write_json
from mnas.run import Run
from reports import ReportError, frame, pareto_front
from reports.figures import devices, predicted_against_measured
from reports.frames import bench, columns, decisions, frames, table_check
from reports.runs import read_run, read_runs


def test_every_trial_and_reference_has_one_row_with_the_promised_columns(runs):
    run = runs.data([*runs.trials(20), runs.failed()], [runs.reference()])
    table = frame(run)
    assert list(table.columns) == list(columns(run.metric))
    assert table["kind"].tolist() == ["candidate"] * 21 + ["reference"]
    assert table["state"].tolist() == ["complete"] * 20 + ["fail", "complete"]
    trial = run.trials[7]
    row = table.loc[7]
    assert (row["accuracy"], row["latency_ms"]) == tuple(trial.values)
    assert row["latency_low_ms"] == trial.user_attrs["latency"]["low_ms"]
    assert row["blocks"] == tuple(trial.user_attrs["blocks"])
    assert row["reward"] == trial.user_attrs["reward"]
    assert table.loc[20, "error"] == "training diverged: the loss is NaN"
    assert np.isnan(table.loc[20, "accuracy"])
    assert table.loc[21, "name"] == "mnasnet-a1"


def test_front_column_agrees_with_pareto_front_and_holds_no_reference(runs):
    run = runs.data(runs.trials(50), [runs.reference(accuracy=0.99, latency_ms=0.1)])
    table = frame(run)
    assert table.index[table["on_front"]].tolist() == sorted(pareto_front(table).index)
    assert set(table.loc[table["on_front"], "kind"]) == {"candidate"}
    best = {trial.number for trial in run.study.best_trials}
    assert set(table.loc[table["on_front"], "number"]) == best


def test_accuracy_interval_needs_the_number_of_images(runs):
    table = frame(runs.data(runs.trials(5)))
    assert ((table["accuracy_low"] < table["accuracy"]) & (table["accuracy"] < table["accuracy_high"])).all()
    facts = {key: value for key, value in runs.facts.items() if key != "splits"}
    assert frame(runs.data(runs.trials(5), facts=facts))["accuracy_low"].isna().all()


def test_reference_reward_is_computed_with_the_runs_own_reward(runs):
    net = runs.reference()
    expected = net.pop("reward")
    table = frame(runs.data([], [net]))
    assert table.loc[0, "reward"] == pytest.approx(expected)


def test_test_accuracy_comes_from_the_final_measurement(runs):
    final = runs.final((1, 0.5), [(3, 0.625)], {"mnasnet-a1": 0.25})
    table = frame(runs.data(runs.trials(5), [runs.reference()], final))
    assert table["test_accuracy"].fillna(-1).tolist() == [-1, 0.5, -1, 0.625, -1, 0.25]


@pytest.mark.parametrize("state", ["none", "failed", "running"])
def test_a_run_without_a_finished_trial_has_an_empty_front(runs, state):
    run = runs.data({"none": [], "failed": [runs.failed()] * 3, "running": []}[state])
    if state == "running":
        run.study.ask()
        run = read_run(run.study)
    table = frame(run)
    assert list(table.columns) == list(columns(run.metric))
    assert not table["on_front"].any()
    assert len(pareto_front(table)) == 0
    assert len(table) == {"none": 0, "failed": 3, "running": 1}[state]


def test_a_study_of_someone_else_has_a_table_too():
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2.0), n_trials=3)
    table = frame(study)
    assert table["accuracy"].notna().all()
    assert table["reward"].isna().all()
    assert table["blocks"].tolist() == [()] * 3


def test_odd_attributes_become_missing_values_not_errors(runs):
    study = runs.study()
    trial = optuna.trial.create_trial(
        values=[0.5, 1.0], user_attrs={"latency": "fast", "params": "many", "macs": True, "blocks": 3, "reward": None}
    )
    study.add_trial(trial)
    row = frame(study).loc[0]
    assert pd.isna(row[["latency_low_ms", "params", "macs"]]).all()
    assert row["blocks"] == ()


def test_decisions_have_a_column_each(runs):
    run = runs.data(runs.trials(4))
    table = decisions(run)
    assert table.shape == (4, 12)
    assert table.loc[2, "block3.kernel"] == run.trials[2].params["block3.kernel"]


def test_wrong_directions_and_wrong_types_are_refused():
    with pytest.raises(ReportError, match="needs maximize"):
        frame(optuna.create_study(direction="maximize"))
    with pytest.raises(ReportError, match="give a run directory or an Optuna study"):
        frame(3)


def test_a_path_an_open_run_and_its_study_read_the_same(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(5))
    open_run = Run.open(path)
    for other in (str(path), open_run):
        pd.testing.assert_frame_equal(frame(other), frame(path))
    # A bare study knows no directory, only its own name.
    pd.testing.assert_frame_equal(frame(open_run.study()).assign(run="demo"), frame(path))


def test_unknown_stored_reward_is_refused(runs):
    with pytest.raises(ReportError, match="stored reward cannot be read"):
        frame(runs.data([], facts={"reward": {"kind": "sweet"}}))


def test_several_runs_are_told_apart(runs):
    both = frames([runs.study(runs.trials(3), name="a"), runs.study(runs.trials(4, seed=1), name="b")])
    assert both["run"].tolist() == ["a"] * 3 + ["b"] * 4
    twins = read_runs([runs.study(name="a"), runs.study(name="a")])
    assert len({run.name for run in twins}) == 2


def test_a_network_proposed_again_stands_on_the_front_once(runs):
    made = runs.trials(30)
    table = frame(runs.data([*made, *made]))
    assert table["repeated"].tolist() == [False] * 30 + [True] * 30
    assert len(pareto_front(table)) == len(pareto_front(frame(runs.data(made))))


def test_an_interval_that_the_protocol_calls_unknown_is_missing(runs):
    made = optuna.trial.create_trial(
        values=[0.5, 2.0], user_attrs={"latency": runs.timing(2.0, low_ms=0.0, high_ms=float("inf"))}
    )
    assert frame(runs.data([made]))[["latency_low_ms", "latency_high_ms"]].isna().all(axis=None)


def test_bench_results_are_read_with_the_frames_names(runs, tmp_path):
    cells = [Cell(device, 1, 1, "cpu", "", "net", "ab", "int8") for device in ("host", "pixel")]
    timings = [Timing.from_dict(runs.timing(median)) for median in (2.0, 8.0)]
    Results(tmp_path / "results.csv").add(list(zip(cells, timings, strict=True)))
    table = bench(tmp_path / "results.csv")
    assert table["latency_ms"].tolist() == [2.0, 8.0]
    assert (table["latency_low_ms"] < table["latency_ms"]).all()
    labels = [label.get_text() for label in devices(table).axes[0].get_yticklabels()]
    assert labels == ["host", "pixel"]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReportError, match="not a table of results"):
        bench(tmp_path / "other.csv")


def test_a_table_check_is_read_with_the_frames_names(tmp_path):
    rows = [
        CheckedNetwork(f"n{k}", kind, 10, 10.0 + k, 10.1 + k, 9.9 + k, 10.6 + k, 0.0, 0.01, 0.002)
        for k, kind in enumerate(("random", "near", "near"))
    ]
    write_json(tmp_path / "t.json.check.json", {"networks": [asdict(row) for row in rows]})
    table = table_check(tmp_path / "t.json.check.json")
    assert table["latency_ms"].tolist() == [10.0, 11.0, 12.0]
    legend = predicted_against_measured(table).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()][-2:] == ["1 network, random", "2 networks, near"]
    for content, message in (("{}", "not a result of `mnas table check`"), ("{", "is not JSON")):
        (tmp_path / "other.json").write_text(content)
        with pytest.raises(ReportError, match=message):
            table_check(tmp_path / "other.json")


def test_latencies_of_a_table_are_marked_as_predicted(runs):
    made = runs.trials(2)
    made[1].user_attrs["latency"]["conditions"] = {"predicted": True}
    assert frame(runs.data(made))["predicted"].tolist() == [False, True]
