import json
from pathlib import Path

import numpy as np
import optuna
import pytest

from mnas.config import SearchSection
from mnas.controllers.algorithms import ALGORITHMS, Assignment, algorithm, check_algorithm
from mnas.controllers.sampler import ControllerSampler
from mnas.errors import SearchError
from mnas.reward import Reward
from mnas.search.trials import batch_of, first_open, open_proposals
from search_spaces import Space, cost, space
from search_spaces.mnasnet.architecture import MnasNetArch

SHAPE = (32, 32, 1)
REWARDS = (Reward("soft", 2.0),)
optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def searched() -> Space[MnasNetArch]:
    return space("mnasnet", SHAPE, width=0.25, depth=0.5, head_filters=16)


def run(study: optuna.Study, searched: Space[MnasNetArch], name: str, trials: int, path: Path, batch: int = 4) -> None:
    """A search without training: the accuracy is a number of parameters, the latency a number of MACs."""
    sampler_of = algorithm(name).samplers(Assignment(searched, REWARDS, batch, 3, path))
    while (first := first_open(study)) < trials:
        for one in open_proposals(study, searched, batch_of(first, batch, trials), sampler_of):
            counted = cost(one.arch, SHAPE, 10)
            study.tell(one.trial, [counted.params / 1e6, counted.macs / 1e6])


def new_study() -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"])


@pytest.mark.parametrize("name", ["ppo", "ppo-paper", "evolution", "NSGAIISampler", "TPESampler", "RandomSampler"])
def test_a_search_in_two_parts_proposes_what_one_in_one_part_does(
    name: str, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    whole, parts = new_study(), new_study()
    run(whole, searched, name, 14, tmp_path / "whole.npz")
    run(parts, searched, name, 8, tmp_path / "parts.npz")
    run(parts, searched, name, 14, tmp_path / "parts.npz")
    assert [trial.params for trial in whole.trials] == [trial.params for trial in parts.trials]


def made_before_there_was_a_screen(path: Path) -> None:
    """Leaves out of a checkpoint what a version without a screen did not write."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    for name in ("screen", "screened"):
        del about["settings"][name]
    np.savez(path, **arrays | {"about": np.array(json.dumps(about))})


@pytest.mark.parametrize("batch", [4, 5])
def test_a_run_that_began_when_ppo_had_no_screen_resumes_without_one(
    batch: int, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    straight, older = new_study(), new_study()
    run(straight, searched, "ppo-plain", 30, tmp_path / "straight.npz", batch)
    run(older, searched, "ppo-plain", 13, tmp_path / "older.npz", batch)
    made_before_there_was_a_screen(tmp_path / "older.npz")
    run(older, searched, "ppo", 30, tmp_path / "older.npz", batch)
    assert [trial.params for trial in older.trials] == [trial.params for trial in straight.trials]


@pytest.mark.parametrize(("begun", "resumed"), [("ppo-plain", "ppo"), ("ppo", "ppo-plain")])
def test_a_run_does_not_resume_with_a_screen_or_without_by_mistake(
    begun: str, resumed: str, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    study = new_study()
    run(study, searched, begun, 12, tmp_path / "c.npz")
    with pytest.raises(SearchError, match=r"another settings.*delete it"):
        run(study, searched, resumed, 16, tmp_path / "c.npz")


def test_a_damaged_checkpoint_is_named_by_the_default_too(searched: Space[MnasNetArch], tmp_path: Path) -> None:
    (tmp_path / "c.npz").write_bytes(b"not an archive")
    with pytest.raises(SearchError, match=r"c\.npz"):
        run(new_study(), searched, "ppo", 4, tmp_path / "c.npz")


@pytest.mark.parametrize(("name", "suggested"), [("ppo", 20), ("NSGAIISampler", 42), ("TPESampler", 42)])
def test_an_open_trial_is_taken_up_with_what_it_had(
    name: str, suggested: int, searched: Space[MnasNetArch], tmp_path: Path
) -> None:
    whole, cut = new_study(), new_study()
    run(whole, searched, name, 12, tmp_path / "whole.npz")
    run(cut, searched, name, 8, tmp_path / "cut.npz")
    sampler_of = algorithm(name).samplers(Assignment(searched, REWARDS, 4, 3, tmp_path / "cut.npz"))
    open_proposals(cut, searched, range(8, 9), sampler_of)
    cut.sampler = sampler_of(9)
    half = cut.ask()
    for decision in searched.decisions[:suggested]:
        half.suggest_categorical(decision.name, decision.choices)
    run(cut, searched, name, 12, tmp_path / "cut.npz")
    assert [trial.params for trial in cut.trials] == [trial.params for trial in whole.trials]
    assert all(trial.state.name == "COMPLETE" for trial in cut.trials)


def test_batches_begin_at_multiples_wherever_a_run_ends() -> None:
    assert batch_of(0, 5, 24) == range(5)
    assert batch_of(22, 5, 24) == range(20, 24)
    assert batch_of(24, 5, 30) == range(20, 25)


def test_batch_sizes() -> None:
    assert algorithm("ppo-paper").batch == 20
    assert algorithm("TPESampler").batch == 5
    assert algorithm("ppo").batch == 5


def test_every_algorithm_describes_itself_in_the_configuration() -> None:
    described = SearchSection.model_fields["algorithm"].description or ""
    assert all(f"{name} ({one.description})" in described for name, one in ALGORITHMS.items())


def test_a_controller_gets_its_batch_and_checkpoint(searched: Space[MnasNetArch], tmp_path: Path) -> None:
    path = tmp_path / "controller.npz"
    sampler = algorithm("ppo").samplers(Assignment(searched, (Reward(),), 6, 0, path))(0)
    assert isinstance(sampler, ControllerSampler)
    assert sampler.settings.batch == 6
    run(new_study(), searched, "ppo", 9, path)
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "words"),
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
def test_an_unknown_algorithm_is_refused(name: str, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        check_algorithm(name)


def test_evolution_serves_one_target() -> None:
    check_algorithm("evolution")
    with pytest.raises(SearchError, match="several take a controller"):
        check_algorithm("evolution", goals=2)


@pytest.mark.parametrize("name", ["ppo", "reinforce", "TPESampler"])
def test_known_algorithms_pass(name: str) -> None:
    check_algorithm(name)


@pytest.mark.parametrize("name", [name for name in dir(optuna.samplers) if name.endswith("Sampler")])
def test_what_passes_can_drive_a_search(name: str, searched: Space[MnasNetArch], tmp_path: Path) -> None:
    try:
        check_algorithm(name)
    except SearchError:
        return
    run(new_study(), searched, name, 14, tmp_path / "unused.npz")
