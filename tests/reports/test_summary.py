"""The words claim a difference where there is one beyond the noise, and nowhere else."""

import re

import optuna
import pytest

from reports import frame
from reports.runs import read_run
from reports.summary import words


def trial(runs, accuracy, latency_ms, hash_, width=0.01, **attributes):
    timing = runs.timing(latency_ms, width)
    user = {"arch_hash": hash_, "latency": timing, "accuracy_float": accuracy + 0.01} | attributes
    return optuna.trial.create_trial(values=[accuracy, latency_ms], user_attrs=user)


def text(run):
    return "\n".join(words(run, frame(run)))


def test_clear_winner_is_said_to_beat_the_reference_on_both_axes(runs):
    made = [trial(runs, 0.85, 2.9, "a"), trial(runs, 0.705, 1.5, "b")]
    said = text(runs.data(made, [runs.reference(accuracy=0.70, latency_ms=3.0)]))
    assert "Under the target of 4.00 ms the most accurate is #0: 85.0%" in said
    assert "At no more latency than mnasnet-a1 (3.00 ms), #0 is 15.0 points more accurate" in said
    assert "#1 is 2.00 times" in said
    assert "validation split, on which the search chose" in said


def test_a_lead_within_the_noise_is_not_called_a_lead(runs):
    made = [trial(runs, 0.71, 2.95, "a", width=0.05)]
    said = text(runs.data(made, [runs.reference(accuracy=0.70, latency_ms=3.0)]))
    assert "#0 cannot be told apart from it in accuracy" in said
    assert "#0 cannot be told apart from it in latency" in said
    assert "more accurate" not in said
    assert "is 1.0" not in said


def test_a_worse_search_is_said_to_be_worse(runs):
    said = text(runs.data([trial(runs, 0.50, 2.0, "a")], [runs.reference(accuracy=0.70, latency_ms=3.0)]))
    assert "#0 is 20.0 points less accurate" in said
    assert "No candidate reads as accurate as mnasnet-a1 (70.0%)" in said


def test_a_reference_that_is_faster_is_said_to_be_faster(runs):
    made = [trial(runs, 0.80, 3.0, "a")]
    said = text(runs.data(made, [runs.reference(accuracy=0.70, latency_ms=2.0)]))
    assert "the fastest is #0, which takes 1.50 times" in said
    assert "0.67 times" not in said


def test_no_candidate_as_fast_and_none_under_the_target(runs):
    said = text(runs.data([trial(runs, 0.9, 9.0, "a")], [runs.reference(latency_ms=3.0)]))
    assert "No candidate is under the target of 4.00 ms; the fastest is #0" in said
    assert "No candidate is as fast as mnasnet-a1" in said


def test_networks_equal_to_the_best_are_counted_and_the_fastest_named(runs):
    made = [trial(runs, 0.800, 3.8, "a"), trial(runs, 0.795, 1.9, "b"), trial(runs, 0.6, 1.0, "c")]
    said = text(runs.data(made))
    assert "1 other candidate there cannot be told apart from it in accuracy" in said
    assert "the fastest of them is #1" in said
    assert "2.00 times" in said
    alone = text(runs.data([made[0], made[2]]))
    assert "Every other candidate there is less accurate beyond the noise" in alone


def test_the_test_split_decides_where_it_was_measured(runs):
    # Chosen for its lucky 80 % on validation, the candidate has 71 % on the images that chose nothing.
    final = runs.final((0, 0.71), [(0, 0.71)], {"mnasnet-a1": 0.70})
    run = runs.data([trial(runs, 0.80, 2.9, "a")], [runs.reference(accuracy=0.70, latency_ms=3.0)], final)
    said = text(run)
    assert "On the test split it reaches 71.0% (69.0\N{EN DASH}72.9)" in said
    assert "#0 cannot be told apart from it in accuracy" in said
    assert "flatter" not in said


def test_every_accuracy_comes_with_its_split(runs, tmp_path):
    run = read_run(runs.demo(tmp_path / "demo"))
    for sentence in words(run, frame(run)):
        if re.search(r"\d%|\d points", sentence) and "95% intervals" not in sentence and "probability" not in sentence:
            assert re.search("on the (test|validation) split", sentence), sentence
    said = text(run)
    assert "#8: 97.8% (96.0\N{EN DASH}98.8) on the validation split at" in said
    assert "At no less accuracy than mnasnet-a1 (98.1% on the test split, difference" in said
    assert "Tables and charts show the accuracy on the validation split" in said


def test_the_named_best_comes_with_its_probability(runs):
    final = runs.final((4, 0.5), confirmation=(0.01, [0.834, 0.166]))
    assert "names #4 the best: with probability 83% among the top 2" in text(runs.data(final=final))
    final = runs.final((4, 0.5), confirmation=(None, [1.0]))
    assert "how much of that is luck is not known" in text(runs.data(final=final))


def test_doubtful_timing_and_a_target_within_the_interval_are_said(runs):
    timing = runs.timing(3.95, 0.05, verdict="noisy")
    said = text(runs.data([trial(runs, 0.8, 3.95, "a", latency=timing)]))
    assert "Its latency interval reaches over the target." in said
    assert "Its timing is noisy." in said


def test_without_the_number_of_images_nothing_is_claimed(runs):
    facts = {key: value for key, value in runs.facts.items() if key != "splits"}
    said = text(runs.data([trial(runs, 0.99, 2.0, "a")], [runs.reference()], facts=facts))
    assert "how many images that rests on is not known" in said
    assert "#0 is 29" not in said


def test_predicted_latencies_are_not_called_measured(runs):
    timing = runs.timing(2.0, conditions={"predicted": True})
    facts = runs.facts | {"device": "table:pixel7.json"}
    said = text(runs.data([trial(runs, 0.8, 2.0, "a", latency=timing)], facts=facts))
    assert "predicted by table:pixel7.json, not measured" in said
    assert "not measured" not in text(runs.data([trial(runs, 0.8, 2.0, "a")]))


def test_quantization_is_told_with_its_worst_case(runs):
    made = [trial(runs, 0.8, 2.0, "a"), trial(runs, 0.7, 1.0, "b", accuracy_float=0.78)]
    assert "changes accuracy by \N{MINUS SIGN}4.5 points in the median and \N{MINUS SIGN}8.0 at worst (#1)" in text(
        runs.data(made)
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", "No trial has finished yet."),
        ("open", "No trial has finished yet. 1 trial open."),
        ("failed", "No trial has succeeded; 3 trials failed, most often with: training diverged"),
        ("bare", "Of all candidates the most accurate is #0: 50.0% at 2.00 ms."),
    ],
)
def test_runs_with_little_in_them_have_words_too(runs, kind, expected):
    bare = optuna.trial.create_trial(values=[0.5, 2.0])
    waiting = optuna.trial.create_trial(state=optuna.trial.TrialState.WAITING)
    made = {"none": [], "open": [waiting], "failed": [runs.failed()] * 3, "bare": [bare]}[kind]
    assert expected in text(runs.data(made, facts={} if kind == "bare" else runs.facts))
