"""The first sentence is plain, names its split, and claims no more than the careful ones do."""

import optuna
import pytest

from reports import frame
from reports.headline import headline
from reports.html import page
from reports.runs import read_run


def trial(runs, accuracy, latency_ms, **timing):
    user = {"arch_hash": f"{accuracy}{latency_ms}", "latency": runs.timing(latency_ms, 0.01, **timing)}
    user["reward"] = accuracy * (latency_ms / 4.0) ** -0.07
    return optuna.trial.create_trial(values=[accuracy, latency_ms], user_attrs=user)


def said(run):
    return headline(run, frame(run))


def against(runs, accuracy, latency_ms, **timing):
    """The sentence on one candidate beside a reference network of 70 % in 3 ms."""
    return said(runs.data([trial(runs, accuracy, latency_ms, **timing)], [runs.reference()]))


@pytest.mark.parametrize(
    ("accuracy", "latency_ms", "words"),
    [
        (0.80, 1.5, "is 2.00 times as fast as mnasnet-a1 on this machine and more accurate (80.0% against 70.0% on"),
        (0.60, 1.5, "is 2.00 times as fast as mnasnet-a1 on this machine but less accurate (60.0% against 70.0% on"),
        (0.80, 3.9, "takes 1.30 times as long as mnasnet-a1 on this machine but is more accurate (80.0% against"),
        (0.60, 3.9, "takes 1.30 times as long as mnasnet-a1 on this machine and is less accurate (60.0% against"),
        (
            0.71,
            1.5,
            "as fast as mnasnet-a1 on this machine and as accurate, as far as 2000 validation images can tell (71",
        ),
        (
            0.71,
            3.0,
            "is as fast as mnasnet-a1 on this machine, as far as the timing can tell, and as accurate, as far as",
        ),
    ],
)
def test_faster_and_better_are_said_only_beyond_the_noise(runs, accuracy, latency_ms, words):
    sentence = against(runs, accuracy, latency_ms)
    assert sentence.startswith("The best network found so far ")
    assert words in sentence
    assert sentence.endswith(".")


def test_over_the_target_and_doubtful_are_said(runs):
    sentence = against(runs, 0.9, 4.8, verdict="noisy")
    assert sentence.endswith("validation images). It is slower than the target of 4.00 ms. Its timing is noisy.")


def test_what_timed_it_is_said(runs):
    phone = {"device": "adb:X", "conditions": {"model": "Google Pixel 7"}}
    assert "mnasnet-a1 on Google Pixel 7 and" in against(runs, 0.8, 1.5, **phone)
    predicted = {"device": "table:p.json", "conditions": {"model": "Google Pixel 7", "predicted": True}}
    assert "mnasnet-a1 by a latency table's prediction and" in against(runs, 0.8, 1.5, **predicted)


def test_without_intervals_nothing_sounds_exact(runs):
    net = runs.reference() | {"latency": runs.timing(3.0, low_ms=None, high_ms=None)}
    facts = {key: value for key, value in runs.facts.items() if key != "splits"}
    sentence = said(runs.data([trial(runs, 0.8, 1.4)], [net], facts=facts))
    assert "is about 2.1 times as fast as mnasnet-a1" in sentence
    assert "and measured at 80.0% against 70.0% accuracy." in sentence


def test_without_a_reference_it_stands_alone(runs):
    sentence = said(runs.data([trial(runs, 0.8, 1.5)]))
    assert sentence == (
        "The best network found so far is right on 80.0% of the validation images and takes 1.50 ms on this machine."
    )


def test_an_ended_search_is_compared_on_the_test_split_by_the_network_it_names(runs):
    final = runs.final((1, 0.66), [(0, 0.9)], {"mnasnet-a1": 0.70})
    run = runs.data([trial(runs, 0.85, 2.9), trial(runs, 0.80, 1.5)], [runs.reference()], final)
    assert said(run) == (
        "The best network found is 2.00 times as fast as mnasnet-a1 on this machine but less accurate "
        "(66.0% against 70.0% on test images)."
    )


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("none", "No network has been found yet: no trial has finished."),
        ("failed", "No network has been found yet: 3 trials failed and none has succeeded."),
    ],
)
def test_nothing_found_is_said_plainly(runs, kind, sentence):
    assert said(runs.data({"none": [], "failed": [runs.failed()] * 3}[kind], [runs.reference()])) == sentence


def test_the_page_opens_with_the_sentence_and_the_chart(runs, tmp_path):
    run = read_run(runs.demo(tmp_path / "demo"))
    text = page([run])
    places = [text.index(part) for part in (said(run).split(" (")[0], 'id="front-chart"', 'class="findings"')]
    assert places == sorted(places)
