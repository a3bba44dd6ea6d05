"""A metric of which less is better: front, best, axes, words and page follow it, and nothing calls it accuracy."""

import math
import re
from dataclasses import replace

import numpy as np
import optuna
import pandas as pd
import pytest

from mnas.reward import Reward
from mnas.tasks import DEFAULT, Metric, catalog, task
from reports import ReportError, frame, hypervolume, pareto_front, rewards
from reports.figures import float_against_int8, metric_against_macs, pareto, progress
from reports.headline import headline
from reports.html import page, write_page
from reports.learned import choices
from reports.pareto import hypervolume_history, worst_corner
from reports.runs import read_run, read_runs
from reports.summary import words
from reports.tables import metric_with_ends, terminal

SURPRISE = Metric(
    key="surprise",
    name="surprise",
    maximize=False,
    merit=lambda value: 10 / value,
    from_merit=lambda merit: 10 / merit,
    interval=lambda value, count: (value - 30 / math.sqrt(count), value + 30 / math.sqrt(count)),
    unit=" bits",
    difference_unit="bits",
    decimals=2,
)
GUESSING = replace(
    task(DEFAULT), name="guessing", metric=SURPRISE, outputs="words", examples="letters", example="letter", ending="end"
)
FACTS = {
    "format": 1,
    "task": "guessing",
    "space": "mnasnet",
    "target_ms": 4.0,
    "words": 50,
    "input_shape": [32, 32, 3],
    "reward": {"kind": "soft", "target_ms": 4.0, "alpha": -0.07, "beta": -0.07},
    "splits": {"train": 900, "validation": 900, "test": 900},
}
POINTS = [(30.0, 1.0), (20.0, 2.0), (25.0, 3.0), (16.0, 3.5), (12.0, 6.0)]


@pytest.fixture(autouse=True)
def guessing(monkeypatch):
    """The task, as if a package had announced it."""
    monkeypatch.setattr(catalog, "TASKS", {**catalog.TASKS, "guessing": GUESSING})
    catalog.tasks.cache_clear()
    yield GUESSING
    catalog.tasks.cache_clear()


@pytest.fixture
def run(runs):
    """Five networks whose surprise falls with their latency, but for one."""
    study = optuna.create_study(directions=["minimize", "minimize"], study_name="guesses")
    for key, value in FACTS.items():
        study.set_user_attr(key, value)
    distributions = {"size": optuna.distributions.CategoricalDistribution((1, 2))}
    for number, (value, latency_ms) in enumerate(POINTS):
        attributes = runs.attributes({name: one.choices[0] for name, one in runs.space.items()}, 0.5, latency_ms, "")
        del attributes["accuracy_float"]
        attributes |= {"surprise_float": value - 0.5, "arch_hash": str(number)}
        attributes["reward"] = Reward("soft", 4.0, merit=SURPRISE.merit)(value, latency_ms)
        study.add_trial(
            optuna.trial.create_trial(
                values=[value, latency_ms],
                params={"size": 1 + number % 2},
                distributions=distributions,
                user_attrs=attributes,
            )
        )
    return read_run(study)


def test_the_columns_bear_the_metrics_name(run):
    table = frame(run)
    assert table["surprise"].tolist() == [value for value, _ in POINTS]
    assert (table["surprise_high"] - table["surprise"]).tolist() == [1.0] * 5
    assert table["surprise_float"].tolist() == [value - 0.5 for value, _ in POINTS]
    assert not [name for name in table if "accuracy" in name]


def test_the_front_falls_and_its_area_grows(run):
    table = frame(run)
    assert pareto_front(table)["name"].tolist() == ["#0", "#1", "#3", "#4"]
    assert worst_corner(table) == (pytest.approx(33.0), pytest.approx(6.6))
    assert hypervolume(table, (30.0, 7.0)) == pytest.approx(10 * 1.5 + 14 * 2.5 + 18 * 1.0)
    history = hypervolume_history(table, (33.0, 7.0))
    assert (np.diff(history) >= 0).all()
    assert history[-1] == pytest.approx(hypervolume(table, (33.0, 7.0)))


def test_the_best_has_the_smallest_value(run):
    table = frame(run)
    findings = "\n".join(words(run, table))
    assert "Under the target of 4.00 ms the best in surprise is #3: 16.00 bits (15.00\N{EN DASH}17.00)" in findings
    assert "Every other candidate there is worse in surprise beyond the noise" in findings
    assert "int8 changes surprise by +0.50 bits in the median and +0.50 at worst (#0)" in findings
    assert "(900 validation letters, 900 test letters). They cover the letters and the timing" in findings
    assert "Values of surprise are of the validation split" in findings
    said = headline(run, table)
    assert "#" not in said
    assert "reaches a surprise of 12.00 bits on the validation letters and takes 6.00 ms" in said


def test_against_a_reference_less_is_better(run, runs):
    net = runs.record({"name": "book", "surprise": 22.0, "surprise_float": 21.0, "latency_ms": 3.0}, GUESSING)
    with_net = replace(run, references=[net])
    findings = "\n".join(words(with_net, frame(with_net)))
    assert "At no more latency than book (3.00 ms), #1 is 2.00 bits better in surprise" in findings
    assert "At no more surprise than book (22.00 bits on the validation split" in findings
    assert "#1 is 1.50 times" in findings
    worse = replace(run, references=[net.model_copy(update={"value": 5.0})])
    findings = "\n".join(words(worse, frame(worse)))
    assert "#1 is 15.00 bits worse in surprise" in findings
    assert "No candidate reads as good in surprise as book (5.00 bits)" in findings
    assert "worse in surprise (12.00 bits against 5.00 bits on validation letters)" in headline(worse, frame(worse))


def test_curves_of_equal_reward_earn_their_level(run):
    reward = rewards.of_run(run)
    latency = np.geomspace(0.5, 30, 20)
    values = rewards.curve(reward, 0.7, latency, SURPRISE)
    assert [reward(float(a), float(b)) for a, b in zip(values, latency, strict=True)] == pytest.approx([0.7] * 20)
    steep = Reward("absolute", 4.0, merit=SURPRISE.merit, maximize=False)
    beyond = rewards.curve(steep, -0.1, np.array([4.0, 40.0]), SURPRISE)
    assert np.isnan(beyond[0])  # a merit below 0 is nobody's
    assert beyond[1] > 0


def test_figures_and_tables_name_the_metric(run):
    table = frame(run)
    for figure in (pareto(table, reward=rewards.of_run(run)), metric_against_macs(table)):
        axis = figure.axes[0]
        assert axis.get_ylabel() == "validation surprise (int8), less is better"
        assert axis.yaxis.get_major_formatter()(20.0) == "20 bits"
        assert axis.get_ylim()[1] > 30
    assert float_against_int8(table).axes[0].get_xlabel().startswith("validation surprise of the float network")
    assert progress(table).axes[0].get_ylabel() == "hypervolume to (33 bits, 6.6 ms)"
    assert metric_with_ends(table.loc[1], SURPRISE) == "20.00 bits (19.00-21.00)"
    assert any(str(column.header) == "validation surprise" for column in terminal(table).columns)
    assert [one.value for one in choices(run, ["size"])] == pytest.approx([67 / 3, 18.0])


def test_the_page_speaks_of_the_metric(run, browser, tmp_path):
    text = re.sub(r"<script>.*", "", page([run]), flags=re.DOTALL)
    assert "accura" not in text
    assert "Surprise against latency" in text
    assert "validation surprise at most" in text
    write_page([run], tmp_path / "page.html")
    shown = browser.open(tmp_path / "page.html")
    assert shown.complaints() == []
    assert len(shown.all("#front-chart path.dot")) == 4
    button = shown.one('.networks th[data-key="surprise"] button')
    button.click()
    assert shown.all(".networks .pick")[0].text == "#4"
    shown.one('[name="metric"]').send_keys("20")
    assert {pick.text for pick in shown.all(".networks .pick")} == {"#1", "#3", "#4"}
    assert "accura" not in shown.text("body").lower()


def test_runs_of_two_metrics_are_reported_apart(run, runs):
    with pytest.raises(ReportError, match="guesses is judged by surprise and demo by accuracy: report them apart"):
        read_runs([run, runs.study(runs.trials(2))])


def test_a_study_must_have_the_metrics_direction(runs):
    with pytest.raises(ReportError, match=r"needs minimize \(surprise\), minimize"):
        read_run(runs.study([], facts=FACTS))


def test_a_frame_without_any_metric_names_all():
    with pytest.raises(ReportError, match="no column 'accuracy' or 'surprise'"):
        pareto_front(pd.DataFrame({"latency_ms": [1.0]}))
