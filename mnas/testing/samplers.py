"""What everything promises that proposes the candidates of a search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from mnas.objectives import directions
from mnas.reward import Reward
from mnas.search.trials import batch_of, first_open, open_proposals
from search_spaces.catalog import SpaceChoice, cost
from search_spaces.decision import Space
from search_spaces.graph import Shape

Samplers = Callable[[int], BaseSampler]
"""Number of a trial -> the sampler that proposes it."""

OpenSamplers = Callable[[int, Path], Samplers]
"""Seed, and a file where what was learned may be kept -> the samplers of one search, as a new process makes them."""

_SHAPE: Shape = (32, 32, 1)
_SEED = 3
_TRIALS = 14
_CUT = 6
_EVERY_FAILURE = 4


class SamplerTestCase:
    """Holds what drives a search to what a search needs of it, beside what `optuna.testing` holds a sampler to.

    Override `open_samplers`, with the help of the fixtures `space`, `rewards` and `batch`.
    """

    resumes_within_a_trial = True
    """Whether a trial that a killed process left with a part of its decisions gets the others as it would have had
    them. What has no state but the study, such as a sampler of Optuna made anew for each trial, draws them afresh."""

    @pytest.fixture
    def open_samplers(self) -> OpenSamplers:
        """Makes the samplers of a search."""
        raise NotImplementedError

    @pytest.fixture
    def batch(self) -> int:
        """Candidates proposed together."""
        return 4

    @pytest.fixture
    def space(self) -> Space[Any]:
        """What they are drawn from."""
        return SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 16}).space(_SHAPE)

    @pytest.fixture(params=["more is better", "less is better"])
    def rewards(self, request: pytest.FixtureRequest) -> tuple[Reward, ...]:
        """What the search is after, of a metric of either direction."""
        if request.param == "more is better":
            return (Reward("soft", 2.0),)
        return (Reward("soft", 2.0, merit=lambda value: 1 / (1 + value), maximize=False),)

    @pytest.fixture
    def study(self, rewards: tuple[Reward, ...]) -> optuna.Study:
        """A study without trials."""
        return _study(rewards)

    @pytest.fixture(autouse=True)
    def quiet(self) -> Iterator[None]:
        """Optuna says nothing of each trial."""
        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        yield
        optuna.logging.set_verbosity(before)

    @pytest.fixture
    def search(self, open_samplers: OpenSamplers, space: Space[Any], batch: int, tmp_path: Path) -> Callable[..., None]:
        """Study, number of trials and seed -> runs a search up to so many, as a process of its own would."""

        def run(study: optuna.Study, trials: int, *, seed: int = _SEED, name: str = "") -> None:
            sampler_of = open_samplers(seed, tmp_path / f"{name or study.study_name}.npz")
            while (first := first_open(study)) < trials:
                _batch(study, space, batch_of(first, batch, trials), sampler_of)

        return run

    def test_every_candidate_lies_in_the_space(
        self, study: optuna.Study, search: Callable[..., None], space: Space[Any]
    ) -> None:
        """Each decision has one of its choices, in each trial; a trial that failed harms no other."""
        search(study, _TRIALS)
        assert [trial.number for trial in study.trials] == list(range(_TRIALS))
        assert {trial.state for trial in study.trials} == {TrialState.COMPLETE, TrialState.FAIL}
        for trial in study.trials:
            count = len(trial.params)
            assert count in (space.lengths or (len(space.decisions),))
            assert trial.params.keys() == {decision.name for decision in space.decisions[:count]}
            assert space.decode(space.tokens(trial.params))

    def test_candidates_differ(self, study: optuna.Study, search: Callable[..., None]) -> None:
        """Those of a batch too, which are proposed before anything is known of each other."""
        search(study, _TRIALS)
        seen = {tuple(trial.params.items()) for trial in study.trials}
        assert len(seen) > _TRIALS // 2

    def test_the_seed_is_the_only_source_of_chance(
        self, study: optuna.Study, rewards: tuple[Reward, ...], search: Callable[..., None]
    ) -> None:
        """The same seed proposes the same candidates, another seed others."""
        same, other = _study(rewards), _study(rewards)
        search(study, _TRIALS)
        search(same, _TRIALS)
        search(other, _TRIALS, seed=_SEED + 1)
        assert _params(same) == _params(study)
        assert _params(other) != _params(study)

    @pytest.mark.parametrize("cut", [_CUT, _CUT + 2])
    def test_a_search_in_two_processes_proposes_what_one_does(
        self, study: optuna.Study, rewards: tuple[Reward, ...], search: Callable[..., None], cut: int
    ) -> None:
        """Within a batch and between two: the next proposal is a function of the seed and the stored trials."""
        search(study, _TRIALS)
        parts = _study(rewards)
        search(parts, cut)
        search(parts, _TRIALS)
        assert _params(parts) == _params(study)

    def test_a_search_does_not_need_what_was_kept(
        self, study: optuna.Study, rewards: tuple[Reward, ...], search: Callable[..., None]
    ) -> None:
        """The file only saves time: a search that lost it proposes the same."""
        search(study, _TRIALS)
        parts = _study(rewards)
        search(parts, _CUT + 2)
        search(parts, _TRIALS, name="lost")
        assert _params(parts) == _params(study)

    def test_an_open_trial_is_taken_up_with_what_it_has(
        self,
        study: optuna.Study,
        rewards: tuple[Reward, ...],
        search: Callable[..., None],
        open_samplers: OpenSamplers,
        space: Space[Any],
        batch: int,
        tmp_path: Path,
    ) -> None:
        """A process that was killed leaves trials with all of their decisions, and one with a part of them."""
        search(study, _TRIALS)
        cut = _study(rewards)
        search(cut, 2 * batch)
        sampler_of = open_samplers(_SEED, tmp_path / f"{cut.study_name}.npz")
        open_proposals(cut, space, range(2 * batch, 2 * batch + 1), sampler_of)
        cut.sampler = sampler_of(2 * batch + 1)
        half = cut.ask()
        decided = space.decisions[: len(space.decisions) // (2 if self.resumes_within_a_trial else 1)]
        for decision in decided:
            half.suggest_categorical(decision.name, decision.choices)
        search(cut, _TRIALS)
        assert _params(cut) == _params(study)


def _study(rewards: tuple[Reward, ...]) -> optuna.Study:
    return optuna.create_study(directions=directions(maximize=rewards[0].maximize))


def _params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


def _batch(study: optuna.Study, space: Space[Any], numbers: range, sampler_of: Samplers) -> None:
    """A search without training: the metric is a number of parameters, the latency one of multiply-accumulates."""
    for one in open_proposals(study, space, numbers, sampler_of):
        if one.trial.number % _EVERY_FAILURE == 1:
            study.tell(one.trial, state=TrialState.FAIL)
            continue
        counted = cost(one.arch, _SHAPE, 10)
        study.tell(one.trial, [counted.params / 1e6, counted.macs / 1e6])
