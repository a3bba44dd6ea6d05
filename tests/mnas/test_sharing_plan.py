"""Which networks a step with shared weights trains, when, and what a check of their ranking says."""

import numpy as np
import pytest

from mnas.records import Ranked, Trust
from mnas.sharing.sampling import Sampler
from mnas.sharing.schedule import controller_factor, warmup
from mnas.sharing.trust import trust
from mnas.tasks.classification import ACCURACY
from search_spaces import SpaceChoice

SHAPE = (16, 16, 1)
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.1, "depth": 0.2, "stem_filters": 8, "head_filters": 16})
SPACE, GRAPH = CHOICE.space(SHAPE), CHOICE.shared(SHAPE, 10)
STEPS = 1000


def test_warm_ups_fade_over_their_share():
    """Bender et al., TuNAS: linearly to 0 after a quarter of the steps."""
    assert [warmup(step, STEPS, 0.25) for step in (0, 125, 250, 251, 999)] == [1.0, 0.5, 0.0, 0.0, 0.0]
    assert warmup(0, STEPS, 0.0) == 0.0


def test_a_controller_waits_and_then_learns_ever_faster():
    """Its published code: progress runs from 0 at the end of the delay to 1, and the rate is 10 to that power."""
    factors = [controller_factor(step, STEPS, 0.25) for step in (0, 249, 250, 625, 1000)]
    assert factors == pytest.approx([0.0, 0.0, 1.0, 10**0.5, 10.0])


def drawn(sampling="uniform", steps=range(STEPS), share=0.25, seed=0):
    sampler = Sampler(SPACE, GRAPH, sampling, share, seed)
    return [sampler.networks(step, STEPS) for step in steps]


def test_steps_are_a_function_of_the_seed_and_their_number():
    assert drawn() == drawn()
    assert drawn(steps=[700]) == [drawn()[700]]
    assert drawn(seed=1) != drawn()


def test_behind_the_warm_ups_every_choice_is_as_likely():
    tokens = np.array([network for ((network,),) in drawn(steps=range(300, 1000))])
    for place, size in enumerate(SPACE.sizes):
        shares = np.bincount(tokens[:, place], minlength=size) / len(tokens)
        assert np.abs(shares - 1 / size).max() < 0.1


def test_in_the_warm_up_of_operators_a_network_has_all_of_them():
    together = [networks[0] for networks in drawn(steps=range(50)) if len(networks[0]) > 1]
    assert len(together) > 35
    for mixed in together:
        assert [{one[place] for place in OPERATORS} for one in mixed] == [{0}, {1}, {2}, {3}]
        assert len({tuple(token for place, token in enumerate(one) if place not in OPERATORS) for one in mixed}) == 1
    assert all(len(networks[0]) == 1 for networks in drawn(steps=range(250, 300)))


OPERATORS = [place for place, decision in enumerate(SPACE.decisions) if decision.tag == "op"]
FILTERS = [place for place, decision in enumerate(SPACE.decisions) if decision.tag == "filters"]


def test_in_the_warm_up_of_filters_networks_are_as_wide_as_they_can_be():
    def widest(steps):
        return np.mean([all(networks[0][0][place] == 2 for place in FILTERS) for networks in drawn(steps=steps)])

    assert widest(range(20)) > 0.8
    assert 0.3 < widest(range(100, 150)) < 0.7
    assert widest(range(250, 300)) < 0.1


def test_a_sandwich_has_the_largest_first_and_the_smallest():
    for networks in drawn("sandwich", steps=range(5)):
        assert [SPACE.decode(one) for (one,) in networks[:2]] == [GRAPH.largest, GRAPH.smallest]
        assert len(networks) == 4


def ranked(shared, alone, macs=None):
    macs = macs if macs is not None else np.random.default_rng(3).integers(1000, 9000, len(shared))
    return [
        Ranked(hash=f"{place}", shared=float(one), value=float(two), macs=int(three))
        for place, (one, two, three) in enumerate(zip(shared, alone, macs, strict=True))
    ]


ALONE = np.linspace(0.5, 0.9, 30)


def test_the_same_order_is_a_tau_of_one_and_a_line():
    found = trust(ranked(0.2 + 0.5 * ALONE, ALONE), ACCURACY, 0)
    assert (found.shared.tau, found.shared.low, found.shared.high) == pytest.approx((1.0, 1.0, 1.0))
    assert (found.shared.count, found.top.count) == (30, 6)
    assert found.expected(0.2 + 0.5 * 0.7) == pytest.approx(0.7)
    assert found.reason == ""
    assert "Kendall's tau 1.00 (1.00 to 1.00) over 30 networks, 1.00 among the best 6" in found.words()


def test_an_order_by_chance_is_not_trusted():
    found = trust(ranked(np.random.default_rng(0).random(30), ALONE), ACCURACY, 0)
    assert found.shared.low < 0 < found.shared.high
    assert "no better than chance" in found.reason


def test_an_order_that_macs_give_as_well_is_not_trusted():
    noisy = ALONE + np.random.default_rng(0).normal(0, 0.1, 30)
    found = trust(ranked(noisy, ALONE, macs=1e6 * ALONE), ACCURACY, 0)
    assert found.shared.low > 0
    assert "no better than their MACs" in found.reason


@pytest.mark.parametrize(("shared", "alone"), [([0.1] * 30, ALONE), ([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])])
def test_values_that_do_not_vary_and_too_few_networks_say_nothing(shared, alone):
    found = trust(ranked(shared, alone), ACCURACY, 0)
    assert found.shared.tau is None
    assert found.reason
    assert f"unknown over {len(shared)} networks" in found.words()


def test_a_check_is_kept_and_read_again(tmp_path):
    from mnas.tasks import task

    found = trust(ranked(0.2 + 0.5 * ALONE, ALONE), ACCURACY, 0)
    found.write(tmp_path / "trust.json", task("classification"))
    assert Trust.read(tmp_path / "trust.json", task("classification")) == found
