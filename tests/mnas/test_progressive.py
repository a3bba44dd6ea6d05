"""Progressive search: levels, cells that differ, a surrogate that learns, and proposals that survive a kill."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from mnas.controllers import ensemble
from mnas.controllers.algorithms import check_algorithm
from mnas.controllers.progressive import ProgressiveSampler, level_starts
from mnas.errors import SearchError
from mnas.search.trials import batch_of, first_open, open_proposals
from search_spaces import space

SIZES = (3, 3, 4, 4)
MENU = "sep3 avg3 max3 identity"
WORTH = {"sep3": 0.5, "avg3": 0.1, "max3": 0.3, "identity": 0.0}


@pytest.fixture(scope="module")
def grown():
    return space("pnas", (8, 8, 1), blocks=3, repeats=1, filters=2, ops=MENU)


def value_of(arch):
    """What a training would find: good operators, and more of them."""
    edges = [edge for block in arch.normal.blocks for edge in block[:2]]
    worth = [WORTH[edge.op] + 0.1 * (edge.state == 1) for edge in edges]
    return float(np.mean(worth)) + 0.05 * len(arch.normal.blocks)


def searched(grown, trials, seed=0, *, until=None, study=None, batch=4, fails=()):
    """A search on values that are computed; stopped after a number of trials."""
    study = study or optuna.create_study(direction="maximize")
    sampler = ProgressiveSampler(grown, trials=trials, seed=seed, batch=batch)
    while (first := first_open(study)) < min(trials, until or trials):
        for proposal in open_proposals(study, grown, batch_of(first, batch, trials), lambda _: sampler):
            if proposal.trial.number in fails:
                study.tell(proposal.trial, state=TrialState.FAIL)
            else:
                study.tell(proposal.trial, value_of(proposal.arch))
    return study


def arches(grown, study):
    return [grown.decode(grown.tokens(trial.params)) for trial in study.trials]


def test_all_136_cells_of_one_block_come_first_where_there_are_trials_for_them():
    paper = space("pnas", (8, 8, 1), blocks=2, repeats=1, filters=2)
    assert level_starts(5, 136, 1160, 1) == (0, 136, 392, 648, 904)
    sampler, study = ProgressiveSampler(paper, trials=392, batch=8), optuna.create_study(direction="maximize")
    for first in range(0, 136, 8):
        for proposal in open_proposals(study, paper, range(first, first + 8), lambda _: sampler):
            study.tell(proposal.trial, 0.5)
    assert len(set(arches(paper, study))) == 136
    assert {len(one.normal.blocks) for one in arches(paper, study)} == {1}


@pytest.mark.parametrize(("trials", "batch"), [(24, 5), (25, 4), (10, 4), (3, 5), (200, 7)])
def test_levels_are_whole_batches_in_rising_order(trials, batch):
    starts = level_starts(5, 136, trials, batch)
    assert starts[0] == 0
    assert all(start % batch == 0 for start in starts)
    assert list(starts) == sorted(set(starts))


def test_cells_grow_from_those_of_the_level_before_and_differ(grown):
    found = arches(grown, searched(grown, 40))
    lengths = [len(one.normal.blocks) for one in found]
    assert lengths == sorted(lengths)
    assert set(lengths) == {1, 2, 3}
    assert len(set(found)) == 40
    small = {one.normal.blocks for one in found if len(one.normal.blocks) == 1}
    for one in found:
        if len(one.normal.blocks) == 2:
            # A block that only reads the inputs of the cell is one of the level before.
            assert any((block,) in small for block in one.normal.blocks)


def test_a_search_that_was_stopped_anywhere_ends_the_same(grown):
    whole = [trial.params for trial in searched(grown, 30, seed=3).trials]
    for until in (5, 12, 21):
        study = searched(grown, 30, seed=3, until=until)
        assert [trial.params for trial in searched(grown, 30, seed=3, study=study).trials] == whole
    assert [trial.params for trial in searched(grown, 30, seed=4).trials] != whole


def test_a_level_that_failed_is_passed(grown):
    study = searched(grown, 24, fails=range(8))
    assert {len(one.normal.blocks) for one in arches(grown, study)} == {1, 2, 3}


def test_more_trials_than_were_planned_are_found_too(grown):
    study = searched(grown, 16)
    assert len(searched(grown, 32, study=study).trials) == 32


def test_it_finds_better_cells_than_chance(grown):
    rng = np.random.default_rng(0)
    best, chance = [], []
    for seed in range(5):
        best.append(max(trial.value for trial in searched(grown, 32, seed=seed).trials))
        chance.append(max(value_of(grown.decode(grown.sample(rng))) for _ in range(32)))
    assert np.mean(best) > np.mean(chance) + 0.02


def test_the_surrogate_ranks_cells_that_it_never_saw():
    rng = np.random.default_rng(1)
    worth = [rng.random(size) for size in SIZES]

    def cells(blocks, count):
        drawn = rng.integers(SIZES, size=(count, blocks, 4))
        return drawn, np.mean([worth[place][drawn[:, :, place]] for place in range(4)], axis=(0, 2))

    (small, first), (large, second), (unseen, third) = cells(1, 60), cells(2, 60), cells(3, 200)
    made = ensemble.fit([*small, *large], np.concatenate([first, second]), SIZES, rng)
    ranks = [np.argsort(np.argsort(one)) for one in (made.predict(unseen), third)]
    assert np.corrcoef(*ranks)[0, 1] > 0.8


def test_the_gradient_of_the_surrogate_is_that_of_its_error():
    rng = np.random.default_rng(2)
    weights = rng.uniform(-0.5, 0.5, ensemble._count(SIZES))
    cells, targets = rng.integers(SIZES, size=(6, 2, 4)), rng.random(6)
    gradient = np.zeros_like(weights)
    ensemble._add_gradient(weights, gradient, SIZES, cells, targets, 6)

    def gain(flat):
        return -np.abs(targets - ensemble._forward(ensemble._views(flat, SIZES), cells)[-1]).mean()

    for place in rng.permutation(len(weights))[:60]:
        shifted = [weights.copy(), weights.copy()]
        shifted[0][place] += 1e-6
        shifted[1][place] -= 1e-6
        assert (gain(shifted[0]) - gain(shifted[1])) / 2e-6 == pytest.approx(gradient[place], abs=1e-6)


def test_a_space_that_does_not_grow_is_refused_in_one_line():
    with pytest.raises(SearchError, match="take the space pnas") as caught:
        check_algorithm("pnas", space=space("nasnet", (16, 16, 3)))
    assert "\n" not in str(caught.value)
    with pytest.raises(SearchError, match=r"serves one latency\.target_ms"):
        check_algorithm("pnas", goals=2)
    check_algorithm("pnas", space=space("pnas", (16, 16, 3)))
