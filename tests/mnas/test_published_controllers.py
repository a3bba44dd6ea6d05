"""The controllers as their papers and published code have them: what each part does, and that it learns."""

from dataclasses import replace

import numpy as np
import optuna
import pytest

from mnas import Reward
from mnas.controllers.algorithms import ALGORITHMS, Assignment
from mnas.controllers.controller import Controller
from mnas.controllers.evolution import AMOEBANET, Evolution
from mnas.controllers.history import History, Observation
from mnas.controllers.policy import Policy
from mnas.controllers.settings import ENAS_CELLS, ENAS_MACRO, NAS, NASNET, Settings, settings_for
from mnas.controllers.steps import steps_of
from search_spaces import space

SHAPE = (16, 16, 3)
CELLS = space("enas-micro", SHAPE, blocks=2)
LAYERS = space("enas-macro", SHAPE, layers=4)
PAPERS = ("ppo-paper", "reinforce-nas", "enas", "evolution-paper")


def tokens_of(policy, rows, seed=0):
    weights = policy.initial(np.random.default_rng(seed), 0.5).astype(np.float64)
    return weights, policy.sample(weights, np.random.default_rng(seed).random((rows, len(policy.steps.sizes))))


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("searched", [CELLS, LAYERS], ids=["cells", "layers"])
def test_the_gradient_is_the_slope_of_the_objective(searched, layers):
    """By central differences, for layers of the LSTM, both tanh constants and the penalty on skips."""
    policy = Policy(
        steps_of(searched), hidden=4, embedding=3, layers=layers, tanh_constant=1.5, plain_tanh=0.6, temperature=1.3
    )
    weights, (tokens, _) = tokens_of(policy, 3)
    rng = np.random.default_rng(1)
    by_token, by_entropy = rng.normal(size=tokens.shape), rng.normal(size=tokens.shape)
    by_skip = rng.random(3)

    def objective(at):
        forward = policy.forward(at, tokens)
        kept = (by_token * forward.chosen() + by_entropy * forward.entropy()).sum()
        return kept - (by_skip * policy.skip_penalty(forward, 0.4)).sum()

    gradient = policy.gradient(weights, policy.forward(weights, tokens), by_token, by_entropy, (by_skip, 0.4))
    for place in rng.choice(policy.weight_count, 60, replace=False):
        step = np.zeros_like(weights)
        step[place] = 1e-6
        slope = (objective(weights + step) - objective(weights - step)) / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("searched", [CELLS, LAYERS], ids=["cells", "layers"])
def test_two_layers_draw_what_they_say_they_draw(searched):
    policy = Policy(steps_of(searched), hidden=8, embedding=4, layers=2, tanh_constant=2.0, plain_tanh=0.5)
    weights, (tokens, log_probs) = tokens_of(policy, 40)
    np.testing.assert_allclose(policy.forward(weights, tokens).chosen().sum(axis=1), log_probs, rtol=1e-9)


def test_the_second_layer_reads_the_first_alone():
    policy = Policy(steps_of(CELLS), hidden=8, embedding=4, layers=2)
    assert policy.weight_count - Policy(steps_of(CELLS), hidden=8, embedding=4).weight_count == 2 * 8 * 32 + 32
    weights, (tokens, _) = tokens_of(policy, 5)
    policy.views(weights)["lift"][:] = 0.0
    policy.views(weights)["lift_recurrent"][:] = 0.0
    forward = policy.forward(weights, tokens)
    assert np.ptp(forward.layers[0].outputs[2:], axis=1).max() > 0.01
    assert np.ptp(forward.outputs, axis=1).max() == 0


def test_a_tanh_constant_of_their_own_bounds_operators_alone():
    policy = Policy(steps_of(CELLS), hidden=8, embedding=4, tanh_constant=1.1, plain_tanh=0.44)
    weights, (tokens, _) = tokens_of(policy, 10)
    log_probs = policy.forward(50 * weights, tokens).log_probs
    pointing, plain = (
        max(
            np.ptp(log_probs[step, :, :size], axis=1).max()
            for step, size in enumerate(policy.steps.sizes)
            if bool(policy.steps.points(step)) == points
        )
        for points in (True, False)
    )
    assert 0.9 < pointing <= 2.2 + 1e-6
    assert 0.8 < plain <= 0.88 + 1e-6


def updated(settings, searched, reward_of, updates=60, seed=0):
    """A controller that has learned from its own samples."""
    controller = Controller(steps_of(searched), settings, seed=seed)
    state, seen = controller.initial(), []
    for index in range(updates):
        proposals = controller.propose(state, History(controller.steps, seen), index)
        batch = [
            Observation(len(seen) + place, tokens, controller.steps.key(tokens), (reward_of(tokens),), log_prob)
            for place, (tokens, log_prob) in enumerate(zip(proposals.tokens, proposals.log_probs, strict=True))
        ]
        seen += batch
        state = controller.update(state, History(controller.steps, seen), index, batch)
    return controller, state


def rate_of_skips(controller, state, count=400):
    uniforms = np.random.default_rng(9).random((count, len(controller.steps.sizes)))
    tokens, _ = controller.policy.sample(state.weights, uniforms)
    skips = [step for step, tag in enumerate(controller.steps.tags) if tag == "skip"]
    return controller.policy, tokens, tokens[:, skips].mean()


def test_the_penalty_pulls_skips_to_their_rate():
    """sigmoid(score) goes to 0.4, so the probability of a skip, sigmoid(2 score), to 0.31."""
    eager = replace(ENAS_MACRO, batch=5, learning_rate=0.02, epsilon=1e-8)
    rates, penalties = {}, {}
    for weight in (0.0, 0.8):
        controller, state = updated(replace(eager, skip_weight=weight), LAYERS, lambda tokens: 0.5, updates=80)
        policy, tokens, rates[weight] = rate_of_skips(controller, state)
        forward = policy.forward(state.weights, tokens)
        penalties[weight] = policy.skip_penalty(forward, 0.4).mean()
    assert penalties[0.8] < 0.25 * penalties[0.0]
    assert rates[0.8] == pytest.approx(0.16 / (0.16 + 0.36), abs=0.04)
    assert abs(rates[0.0] - rates[0.8]) > 0.1


def test_enas_has_the_settings_of_what_it_searches():
    assert settings_for("enas", CELLS) == ENAS_CELLS
    assert settings_for("enas", LAYERS) == settings_for("enas", space("nas-cnn", SHAPE, layers=3)) == ENAS_MACRO
    assert (ENAS_CELLS.skip_weight, ENAS_MACRO.skip_weight) == (0.0, 0.8)
    assert ENAS_CELLS.tanh_constant / ENAS_CELLS.plain_tanh == pytest.approx(2.5)


def test_nasnets_softmaxes_grow_and_do_not_point():
    controller = Controller(steps_of(CELLS), NASNET, seed=0)
    views = controller.policy.views(controller.initial().weights)
    assert "key" not in views
    assert controller.policy.steps.sizes == steps_of(CELLS).sizes
    assert "key" in Controller(steps_of(CELLS), NAS, seed=0).policy.views(np.zeros(10**6))


def test_nas_learns_from_the_cube_of_the_reward():
    """The baseline is the mean of the first batch's cubes."""
    controller = Controller(steps_of(CELLS), replace(NAS, batch=2), seed=0)
    tokens = tuple(0 for _ in controller.steps.sizes)
    batch = [Observation(number, tokens, tokens, (reward,)) for number, reward in enumerate((0.5, 0.9))]
    state = controller.update(controller.initial(), History(controller.steps, batch), 0, batch)
    assert state.baseline[0] == pytest.approx((0.5**3 + 0.9**3) / 2)
    assert (NAS.layers, NAS.hidden, NAS.batch, NAS.power) == (2, 35, 8, 3.0)


def test_the_entropy_is_a_part_of_enass_reward():
    """Where all rewards are alike, what is left to learn from is which architectures were drawn from wide softmaxes."""
    quiet, paid = (replace(ENAS_CELLS, entropy_reward=weight) for weight in (0.0, 0.5))
    moved = []
    for settings in (quiet, paid):
        controller, state = updated(settings, CELLS, lambda tokens: 0.5, updates=3)
        moved.append(float(np.abs(state.weights - controller.initial().weights).max()))
    assert moved[0] == 0.0
    assert moved[1] > 0.0


def children(steps, parent, count=4000):
    past = History(steps, [Observation(n, parent, parent, (1.0,)) for n in range(AMOEBANET.population)])
    rng = np.random.default_rng(0)
    return np.array([AMOEBANET.propose(steps, past, rng) for _ in range(count)])


def test_a_mutation_of_amoebanet_is_of_a_hidden_state_or_of_an_operator():
    """Half of each, 5 % none, never two; every decision of a kind as often, every other choice as often."""
    steps = steps_of(CELLS)
    parent = tuple(0 for _ in steps.sizes)
    changed = children(steps, parent) != parent
    assert changed.sum(axis=1).max() == 1
    assert 1 - changed.any(axis=1).mean() == pytest.approx(0.05, abs=0.012)
    pointing = {tag for step, tag in enumerate(steps.tags) if steps.points(step)}
    hidden = np.array([tag in pointing for tag in steps.tags])
    assert hidden.any()
    assert not hidden.all()
    assert changed[:, hidden].mean(axis=0).sum() == pytest.approx(0.475, abs=0.03)
    for kind in (hidden, ~hidden):
        each = changed[:, kind].mean(axis=0)
        np.testing.assert_allclose(each, 0.475 / kind.sum(), atol=0.02)


def test_a_space_without_hidden_states_mutates_its_decisions():
    steps = steps_of(space("mnasnet", (32, 32, 3)))
    changed = children(steps, tuple(0 for _ in steps.sizes), 3000) != 0
    assert changed.any(axis=0).all()
    assert changed.sum(axis=1).max() == 1


def test_evolution_is_as_it_was():
    assert (Evolution().population, Evolution().tournament, Evolution().unique) == (20, 10, True)
    assert (AMOEBANET.population, AMOEBANET.tournament, AMOEBANET.unique) == (100, 25, False)


def searched(name, searched_space, trials, folder, *, stops=()):
    """The tokens that an algorithm proposes; it begins anew, from what is stored, behind each of the stops."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    menu = [(decision.name, decision.choices) for decision in searched_space.decisions]
    work = Assignment(searched_space, (Reward("soft", 1.0),), 4, 0, folder / "controller.npz", trials)
    for start, stop in zip((0, *stops), (*stops, trials), strict=True):
        sampler_of = ALGORITHMS[name].samplers(work)
        for number in range(start, stop):
            study.sampler = sampler_of(number)
            trial = study.ask()
            chosen = [choices.index(trial.suggest_categorical(key, choices)) for key, choices in menu]
            study.tell(trial, [sum(chosen) / sum(len(choices) for _, choices in menu), 1.0])
    return [tuple(one.params.values()) for one in study.trials]


@pytest.mark.parametrize("where", [CELLS, LAYERS], ids=["cells", "layers"])
@pytest.mark.parametrize("name", PAPERS)
def test_a_search_that_stopped_goes_on_as_if_it_had_not(name, where, tmp_path):
    (tmp_path / "whole").mkdir()
    whole = searched(name, where, 16, tmp_path / "whole")
    assert searched(name, where, 16, tmp_path, stops=(5, 12)) == whole
    assert len(set(whole)) > 8


@pytest.mark.parametrize("name", ["ppo-paper", "reinforce-nas", "enas"])
def test_a_controller_of_a_paper_learns_what_is_rewarded(name):
    """At ten to fifty times its published learning rate, so that a test can wait for it."""
    settings = replace(settings_for(name, CELLS), learning_rate=0.02, batch=10)

    def share_of_firsts(tokens):
        return sum(token == 0 for token in tokens) / len(tokens)

    controller, state = updated(settings, CELLS, share_of_firsts, updates=60)
    uniforms = np.random.default_rng(3).random((200, len(controller.steps.sizes)))
    learned, fresh = (
        controller.policy.sample(weights, uniforms)[0] for weights in (state.weights, controller.initial().weights)
    )
    assert (learned == 0).mean() > (fresh == 0).mean() + 0.1


def test_the_default_settings_are_as_they_were():
    plain = Settings()
    assert (plain.pointers, plain.layers, plain.power, plain.skip_weight, plain.beta1) == (True, 1, 1.0, 0.0, 0.9)
