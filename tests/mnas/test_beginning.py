"""How a search begins with what is known; killed anywhere, it begins with all of it."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import pytest
from told_latency import timing

from mnas.config import Config
from mnas.config_file import load_config
from mnas.data import Dataset, Split
from mnas.errors import SearchError
from mnas.records import FinishedTrial
from mnas.reward import Reward
from mnas.run import Run
from mnas.search.display import PlainDisplay
from mnas.search.evaluator import Evaluator
from mnas.search.session import Session
from mnas.search.start import begin, check_start
from search_spaces import Space, arch_hash, describe, space
from search_spaces.mnasnet.architecture import MnasNetArch

SHAPE = (32, 32, 1)
MEASURED = {
    "value_float": 0.9,
    "params": 1,
    "macs": 1,
    "size_bytes": 7,
    "train_s": 1.0,
    "latency": timing("valid"),
}
CONFIG = """
[search]
run = "{run}"
start = {start}
[space]
width = 0.25
[data]
source = "digits"
image_size = 32
channels = 1
[latency]
target_ms = {target_ms}
"""


def config(folder: Path, name: str, start: list[str], target_ms: float = 1.0, **changed: str) -> Config:
    path = folder / f"{name}.toml"
    words = [f"{key.replace('__', '.')}={value}" for key, value in changed.items()]
    path.write_text(CONFIG.format(run=folder / name, start=start, target_ms=target_ms))
    return load_config(path, words)


def made(settings: Config) -> Run:
    split = Split(np.zeros((4, *SHAPE), np.float32), np.array([0, 1, 0, 1]))
    return Run.create(settings.search.run, settings, Dataset("made", ("a", "b"), split, split, split))


@pytest.fixture
def searched() -> Space[MnasNetArch]:
    return space("mnasnet", SHAPE, width=0.25)


@pytest.fixture
def earlier(tmp_path: Path, searched: Space[MnasNetArch]) -> Run:
    run = made(config(tmp_path, "earlier", []))
    study, rng = run.open_study({}), np.random.default_rng(0)
    for number in range(6):
        tokens = searched.sample(rng)
        arch = searched.decode(tokens)
        names = [decision.name for decision in searched.decisions]
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(zip(names, searched.choices(tokens), strict=True)),
                distributions={
                    decision.name: optuna.distributions.CategoricalDistribution(decision.choices)
                    for decision in searched.decisions
                },
                values=[0.9 - number / 100, 2.0 - number / 10],
                user_attrs=FinishedTrial(**describe(arch), **MEASURED, reward=0.5, rewards=(0.5, 0.4)).stored(run.task),
            )
        )
        (run.candidate(arch_hash(arch))).mkdir(parents=True)
        (run.candidate(arch_hash(arch)) / "model.tflite").write_bytes(b"model %d" % number)
    return run


def start(run: Run, settings: Config, searched: Space[MnasNetArch]) -> optuna.Study:
    study = run.open_study({})
    nobody = cast(Evaluator, None)  # nothing is evaluated before the first batch
    session = Session(run, searched, (Reward("soft", 0.5),), study, nobody, PlainDisplay(), seed=0)
    begin(session, settings.search.start, settings.space.choice, SHAPE)
    return study


def test_an_earlier_run_s_trials_come_with_new_rewards_and_their_files(
    earlier: Run, tmp_path: Path, searched: Space[MnasNetArch]
) -> None:
    settings = config(tmp_path, "later", [str(earlier.path)], 0.5)
    check_start(settings)
    run = made(settings)
    trials = start(run, settings, searched).trials
    assert [trial.values for trial in trials] == [trial.values for trial in earlier.study().trials]
    for trial in trials:
        assert trial.user_attrs["reward"] == Reward("soft", 0.5)(*trial.values)
        assert "rewards" not in trial.user_attrs  # those were of the earlier run's targets
        file = run.candidate(trial.user_attrs["arch_hash"]) / "model.tflite"
        assert file.read_bytes() == b"model %d" % trial.number


def test_killed_half_way_it_does_the_rest(
    earlier: Run, tmp_path: Path, searched: Space[MnasNetArch], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(tmp_path, "later", [str(earlier.path)], 0.5)
    run = made(settings)
    real, added = optuna.Study.add_trial, []

    def killed(self: optuna.Study, trial: Any) -> None:
        if len(added) == 3:
            raise KeyboardInterrupt
        added.append(trial)
        real(self, trial)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trial", killed)
        with pytest.raises(KeyboardInterrupt):
            start(run, settings, searched)
    assert len(run.study().trials) == 3
    assert len(start(run, settings, searched).trials) == 6
    assert len(start(run, settings, searched).trials) == 6


def test_published_networks_come_first_and_once(tmp_path: Path, searched: Space[MnasNetArch]) -> None:
    settings = config(tmp_path, "run", ["mobilenet-v2"])
    run = made(settings)
    start(run, settings, searched)
    assert [trial.state.name for trial in start(run, settings, searched).trials] == ["WAITING"]


def test_a_published_network_outside_the_space_is_refused(tmp_path: Path, searched: Space[MnasNetArch]) -> None:
    settings = config(tmp_path, "run", ["proxylessnas-mobile"])
    with pytest.raises(SearchError, match="cannot start the search"):
        start(made(settings), settings, searched)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"train__epochs": "1"}, "train.epochs"),
        ({"space__width": "1.0"}, "space.width"),
        ({"latency__threads": "2"}, "latency.threads"),
    ],
)
def test_a_run_of_another_kind_is_refused(earlier: Run, tmp_path: Path, changed: dict[str, str], words: str) -> None:
    with pytest.raises(SearchError, match=words):
        check_start(config(tmp_path, "later", [str(earlier.path)], **changed))


def test_what_is_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="neither a run directory nor one of mnasnet-a1"):
        check_start(config(tmp_path, "later", ["nowhere"]))
