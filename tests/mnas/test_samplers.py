from pathlib import Path

import optuna
import pytest

from mnas.controllers.sampler import ControllerSampler
from mnas.errors import SearchError
from mnas.reward import Reward
from mnas.search.algorithms import batch_size, check_algorithm, sampler_factory
from mnas.search.trials import batch_of, first_open, open_proposals
from search_spaces import Space, cost, space
from search_spaces.mnasnet.architecture import MnasNetArch

SHAPE = (32, 32, 1)
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def searched() -> Space[MnasNetArch]:
    return space("mnasnet", SHAPE, width=0.25, depth=0.5, head_filters=16)


def run(
    study: optuna.Study, searched: Space[MnasNetArch], algorithm: str, trials: int, path: Path, batch: int = 4
) -> None:
    """A search without training: the accuracy is a number of parameters, the latency a number of MACs."""
    sampler_of = sampler_factory(algorithm, searched, [Reward("soft", 2.0)], batch=batch, seed=3, checkpoint=path)
    while (first := first_open(study)) < trials:
        for one in open_proposals(study, searched, batch_of(first, batch, trials), sampler_of):
            counted = cost(one.arch, SHAPE, 10)
            study.tell(one.trial, [counted.params / 1e6, counted.macs / 1e6])


def new_study() -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"])


@pytest.mark.parametrize("algorithm", ["ppo", "ppo-paper", "evolution", "NSGAIISampler", "TPESampler", "RandomSampler"])
def test_a_search_in_two_parts_proposes_what_one_in_one_part_does(
    algorithm: str, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    whole, parts = new_study(), new_study()
    run(whole, searched, algorithm, 14, tmp_path / "whole.npz")
    run(parts, searched, algorithm, 8, tmp_path / "parts.npz")
    run(parts, searched, algorithm, 14, tmp_path / "parts.npz")
    assert [trial.params for trial in whole.trials] == [trial.params for trial in parts.trials]


@pytest.mark.parametrize(("algorithm", "suggested"), [("ppo", 20), ("NSGAIISampler", 42), ("TPESampler", 42)])
def test_an_open_trial_is_taken_up_with_what_it_had(
    algorithm: str, suggested: int, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    whole, cut = new_study(), new_study()
    run(whole, searched, algorithm, 12, tmp_path / "whole.npz")
    run(cut, searched, algorithm, 8, tmp_path / "cut.npz")
    sampler_of = sampler_factory(
        algorithm, searched, [Reward("soft", 2.0)], batch=4, seed=3, checkpoint=tmp_path / "cut.npz"
    )
    open_proposals(cut, searched, range(8, 9), sampler_of)
    cut.sampler = sampler_of(9)
    half = cut.ask()
    for decision in searched.decisions[:suggested]:
        half.suggest_categorical(decision.name, decision.choices)
    run(cut, searched, algorithm, 12, tmp_path / "cut.npz")
    assert [trial.params for trial in cut.trials] == [trial.params for trial in whole.trials]
    assert all(trial.state.name == "COMPLETE" for trial in cut.trials)


def test_batches_begin_at_multiples_wherever_a_run_ends() -> None:
    assert batch_of(0, 5, 24) == range(5)
    assert batch_of(22, 5, 24) == range(20, 24)
    assert batch_of(24, 5, 30) == range(20, 25)


def test_batch_sizes(searched: Space[MnasNetArch]) -> None:
    assert batch_size("ppo-paper", None) == 20
    assert batch_size("TPESampler", None) == 5
    assert batch_size("ppo", 7) == 7


def test_a_controller_gets_its_batch_and_checkpoint(searched: Space[MnasNetArch], tmp_path: Path) -> None:
    path = tmp_path / "controller.npz"
    sampler = sampler_factory("ppo", searched, [Reward()], batch=6, seed=0, checkpoint=path)(0)
    assert isinstance(sampler, ControllerSampler)
    assert sampler.settings.batch == 6
    run(new_study(), searched, "ppo", 9, path)
    assert path.exists()


@pytest.mark.parametrize(
    ("algorithm", "words"),
    [
        ("ppoo", "is unknown: use ppo"),
        ("BaseSampler", "takes no seed"),
        ("_grid", "is unknown"),
        ("PartialFixedSampler", "takes no seed"),
        ("BaseGASampler", "takes no seed"),
        ("GridSampler", "'search_space'"),
        ("CmaEsSampler", "multi-objective"),
        ("TPEsampler", "did you mean 'TPESampler'"),
        ("nsgaii", "did you mean 'NSGAIISampler'"),
        ("evolutoin", "did you mean 'evolution'"),
        ("optuna.samplers.TPESampler", "did you mean 'TPESampler'"),
        ("annealing", "is unknown: use ppo"),
        ("", "is unknown: use ppo"),
        ("Sequence", "is unknown"),
    ],
)
def test_an_unknown_algorithm_is_refused(algorithm: str, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        check_algorithm(algorithm)


def test_evolution_serves_one_target() -> None:
    check_algorithm("evolution")
    with pytest.raises(SearchError, match="several take a controller"):
        check_algorithm("evolution", goals=2)


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce", "TPESampler"])
def test_known_algorithms_pass(algorithm: str) -> None:
    check_algorithm(algorithm)


@pytest.mark.parametrize("algorithm", [name for name in dir(optuna.samplers) if name.endswith("Sampler")])
def test_what_passes_can_drive_a_search(algorithm: str, searched: Space[MnasNetArch], tmp_path: Path) -> None:
    try:
        check_algorithm(algorithm)
    except SearchError:
        return
    run(new_study(), searched, algorithm, 14, tmp_path / "unused.npz")
