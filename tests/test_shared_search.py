"""Searches with shared weights as users run them, on a family and a task of other packages: they compile at once."""

import contextlib
import csv
import io
import json
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from told_latency import ToldLatency, timing
from toy_search import TOY_SECTIONS, TOYS, begin

from mnas.config_file import load_config
from mnas.records import Trust
from mnas.reward import Reward
from mnas.search.display import PlainDisplay
from mnas.search.loop import run_search
from mnas.search.mining import Judged, Mine, judged, spread, worth_training
from mnas.search.shared import drawn, supernet_of
from mnas.sharing.trust import trust
from mnas.tasks.classification import ACCURACY
from reports.figures import save
from reports.frames import frame
from reports.runs import read_run
from reports.summary import words
from reports.write import gallery
from search_spaces import SpaceChoice, arch_hash

pytestmark = pytest.mark.xdist_group("search")
CONFIG = (
    """
[search]
run = "{run}"
trials = 8
batch = 2
workers = 2
evaluate = "shared"
"""
    + TOY_SECTIONS
    + """
[latency]
device = "host"
target_ms = 2.0
[confirm]
top = 0
[references]
names = []
[sharing]
epochs = 20
check = 5
best = 2
candidates = 8
"""
)


def trusted(networks, metric, seed):
    """As if the shared weights ranked well."""
    found = trust(networks, metric, seed)
    sure = found.shared.model_copy(update={"tau": 0.9, "low": 0.8, "high": 1.0})
    return found.model_copy(update={"shared": sure, "slope": 1.0, "intercept": 0.0})


@pytest.fixture(scope="module", autouse=True)
def stand_ins():
    """The workers find the toys, wider networks are slower, and shared weights are trusted."""
    source = ToldLatency(lambda name, call: timing("valid", ms=1.0 + int(name[:2], 16) / 256))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([TOYS, os.environ.get("PYTHONPATH", "")]))
        patch.setattr("mnas.search.loop.open_latency", lambda *words: source)
        patch.setattr("mnas.search.shared.trust", trusted)
        yield


def search(folder, name="run", **changed):
    (folder / f"{name}.toml").write_text(CONFIG.format(run=folder / name))
    overrides = [f"{key}={value}" for key, value in changed.items()]
    return run_search(load_config(folder / f"{name}.toml", overrides), PlainDisplay())


def story(run):
    trials = [(one.number, one.params, one.values) for one in run.study().trials]
    return {"trials": trials, "best": json.loads((run.sharing / "best.json").read_text()), "judged": judged(run)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search that nothing stopped; its folder has what it said."""
    folder = tmp_path_factory.mktemp("shared")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        run = search(folder)
    (folder / "said.txt").write_text(said.getvalue())
    return run


def test_the_best_by_shared_weights_are_trained_alone(whole):
    said = (whole.path.parent / "said.txt").read_text()
    assert "training the shared weights: 340 steps" in said
    assert "Kendall's tau 0.90 (0.80 to 1.00) over 5 networks" in said
    assert "training alone the best 2" in said
    trials = whole.study().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 7
    space = whole.config.space.choice.space((16, 16, 3))
    hashes = [trial.user_attrs["arch_hash"] for trial in trials]
    assert hashes[:5] == [arch_hash(arch) for arch in drawn(space, 5, 0)]
    assert len(set(hashes)) == 7
    # What the trials say is what trainings of their own have shown, never what the shared weights said.
    for trial in trials:
        kept = json.loads((whole.candidate(trial.user_attrs["arch_hash"]) / "evaluation.json").read_text())
        assert trial.values[0] == kept[whole.task.metric.key]
    found = Trust.read(whole.sharing / "trust.json", whole.task)
    assert [one.hash for one in found.networks] == hashes[:5]
    assert [one.value for one in found.networks] == [trial.values[0] for trial in trials[:5]]
    assert len(judged(whole)) == 8


def test_a_report_says_how_far_the_shared_weights_could_be_trusted(tmp_path, whole):
    run = read_run(whole)
    (sentence,) = [one for one in words(run, frame(run)) if "shared weights" in one]
    assert "Kendall's tau 0.90 (0.80 to 1.00) over 5 networks" in sentence
    assert sentence.endswith("every radius error here is of a network trained alone.")
    doubted = run.trust.model_copy(update={"shared": run.trust.macs})
    (sentence,) = [one for one in words(replace(run, trust=doubted), frame(run)) if "shared weights" in one]
    assert "The shared weights were not used, for they rank networks no better than chance does." in sentence
    drawn = gallery([run], frame(run))["shared_against_alone"]
    (axis,) = drawn.axes
    assert len(axis.collections[0].get_offsets()) == 5
    assert "which only ranks" in axis.get_xlabel()
    save(drawn, tmp_path / "shared.png")
    assert not any("shared weights" in one for one in words(replace(run, trust=None), frame(run)))


class Stopped(Exception):
    """What stands for a kill between two steps; kills within a step are in `test_shared_training.py`."""


def stop(*words, **more):
    raise Stopped


def test_a_search_that_was_stopped_at_every_stage_ends_as_one_that_was_not(tmp_path, whole, monkeypatch):
    batches, whole_batch = [], Mine._batch

    def third(self, *words):
        batches.append(1)
        return stop() if len(batches) == 3 else whole_batch(self, *words)

    stages = (
        ("mnas.search.shared.SharedSearch._alone", stop),
        ("mnas.search.shared.SharedSearch._trusted", stop),
        ("mnas.search.mining.Mine._batch", third),
        ("mnas.search.shared.worth_training", stop),
    )
    for place, harm in stages:
        with monkeypatch.context() as broken:
            broken.setattr(place, harm)
            with pytest.raises(Stopped):
                search(tmp_path)
    again = search(tmp_path)
    assert story(again) == story(whole)
    assert story(search(tmp_path)) == story(whole)  # nothing is left to do


def test_shared_weights_that_rank_no_better_than_chance_are_not_used(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("mnas.search.shared.trust", trust)
    run = search(tmp_path, **{"sharing.epochs": 1})
    said = capsys.readouterr().out
    assert "these shared weights are not used" in said
    assert len(run.study().trials) == 8
    assert not (run.sharing / "candidates.db").exists()


def test_a_front_is_cut_out_and_shipped_and_a_kill_costs_nothing(tmp_path, whole):
    mine = ("mine", str(whole.path), "--count", "3", "--precision", "float32,int8", "--device", "none", "-o")
    undisturbed = begin(tmp_path, *mine, "whole")
    said, _ = undisturbed.communicate(timeout=200)
    assert undisturbed.returncode == 0, said
    assert "cutting 3 networks out of the shared weights" in said
    killed = begin(tmp_path, *mine, "killed")
    while not list((tmp_path / "killed").glob("*/card.json")) and killed.poll() is None:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    again = begin(tmp_path, *mine, "killed")
    assert again.wait(200) == 0, again.communicate()
    rows = list(csv.DictReader((tmp_path / "whole" / "front.csv").open()))
    assert rows == list(csv.DictReader((tmp_path / "killed" / "front.csv").open()))
    assert len(rows) == 6
    for row in rows:
        files = [tmp_path / one / row["folder"] / row["file"] for one in ("whole", "killed")]
        assert files[0].read_bytes() == files[1].read_bytes()
    expected = {arch_hash(one.arch) for one in spread(judged(whole), 3, whole.task.metric)}
    assert {row["folder"] for row in rows} == expected


def test_a_child_computes_alone_what_it_computes_with_the_shared_weights(tmp_path, whole):
    from mnas.sharing.cut import cut_out
    from mnas.sharing.judge import SharedJudge
    from mnas.training.weight_files import load_weights
    from search_spaces import build_model

    supernet = supernet_of(whole)
    arches = {tmp_path / f"{number}.npz": one.arch for number, one in enumerate(judged(whole))}
    cut_out(supernet, arches, 512)
    model, judge_of, data = supernet.restored()
    judge = SharedJudge(model, judge_of, data, calibration=512, judged=100, seed=0)
    images = np.asarray(data.validation.inputs[:20], np.float32)
    for file, arch in arches.items():
        alone = build_model(arch, data.input_shape, judge_of.head(data.outputs))
        load_weights(alone, file)
        shared = judge.predict(judge.calibrate(model.graph.path(arch)), images)
        np.testing.assert_allclose(alone(images, training=False).numpy(), shared, atol=1e-5)


def test_what_cannot_be_searched_with_shared_weights_is_refused_in_one_line(tmp_path):
    (tmp_path / "run.toml").write_text(CONFIG.format(run="run"))
    for overrides, line in (
        (["-o", "sharing.best=9"], "trains sharing.check + sharing.best = 14 networks alone"),
        (["-o", "space.name=nas-cnn"], "networks of the space 'nas-cnn' cannot share weights; those of mnasnet"),
        (["-o", "sharing.sampling=fair"], "sharing.sampling"),
    ):
        refused = begin(tmp_path, "search", "run.toml", *overrides)
        said, _ = refused.communicate(timeout=60)
        assert refused.returncode == 2
        assert line in said
        assert len(said.strip().splitlines()) == 1, said
        assert not (tmp_path / "run").exists()
    (tmp_path / "alone").mkdir()
    refused = begin(tmp_path, "mine", "alone", "-o", "out")
    assert "is not a run directory" in refused.communicate(timeout=60)[0]


ARCHES = [
    SpaceChoice.of("toy", {}).space((16, 16, 3)).decode((k, f, p)) for k in (0, 1) for f in (0, 1) for p in (0, 1)
]


def networks(*values):
    return [Judged(arch, *one) for arch, one in zip(ARCHES, values, strict=False)]


def test_half_of_what_is_trained_has_the_highest_rewards_and_half_is_the_front():
    found = networks((0.9, 1.0), (0.95, 3.0), (0.5, 0.5), (0.89, 1.0), (0.97, 9.0), (0.4, 0.6), (0.3, 0.7), (0.94, 2.0))
    best = worth_training(found, {arch_hash(ARCHES[4])}, 4, [Reward("soft", 1.0)], ACCURACY)
    assert best == [ARCHES[0], ARCHES[7], ARCHES[2], ARCHES[1]]
    assert worth_training(found, {arch_hash(one) for one in ARCHES}, 4, [Reward("soft", 1.0)], ACCURACY) == []
    everything = worth_training(found, set(), 99, [Reward("soft", 1.0), Reward("hard", 0.5)], ACCURACY)
    assert sorted(map(arch_hash, everything)) == sorted(map(arch_hash, ARCHES))


def test_a_front_that_is_too_small_is_filled_from_the_one_behind_it():
    found = networks((0.9, 1.0), (0.8, 2.0), (0.7, 3.0), (0.95, 4.0))
    assert [one.arch for one in spread(found, 2, ACCURACY)] == [ARCHES[0], ARCHES[3]]
    assert [one.arch for one in spread(found, 3, ACCURACY)] == [ARCHES[0], ARCHES[1], ARCHES[3]]
    assert len(spread([*found, *found], 99, ACCURACY)) == 4
