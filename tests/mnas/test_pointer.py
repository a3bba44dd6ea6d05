import numpy as np
import pytest
from tensorflow_policy import gradients

from mnas.controllers.controller import Controller
from mnas.controllers.history import History, Observation
from mnas.controllers.pointer import ticks_of
from mnas.controllers.policy import Policy
from mnas.controllers.settings import Settings
from mnas.controllers.steps import Steps, steps_of
from search_spaces import Decision, Space


def steps(*decisions):
    return steps_of(Space("pointing", decisions, lambda choices: choices, lambda arch: arch))


def cell(nodes=4):
    """ENAS's cells: each node picks two earlier ones, of which the first two stand for no decision."""
    decisions = []
    for node in range(nodes):
        earlier = tuple(f"node{other}.op" for other in range(node))
        decisions += [
            Decision(f"node{node}.index1", tuple(range(node + 2)), "index", earlier),
            Decision(f"node{node}.index2", tuple(range(node + 2)), "index", earlier),
            Decision(f"node{node}.op", ("sep3", "sep5", "max3"), "op"),
        ]
    return steps(*decisions)


def layers(count=4):
    """ENAS's and NAS's whole networks: an operation, and yes or no to every earlier layer."""
    decisions = []
    for layer in range(count):
        decisions.append(Decision(f"layer{layer}.op", ("conv3", "conv5", "max3"), "op"))
        decisions += [
            Decision(f"layer{layer}.skip{other}", (0, 1), "skip", (f"layer{other}.op",)) for other in range(layer)
        ]
    return steps(*decisions)


def mixed():
    """Runs that break, a pointer to the very last decision, one with no learned anchor, one with a single choice."""
    return steps(
        Decision("a", ("x", "y", "z"), "op"),
        Decision("b", (0, 1), "skip", ("a",)),
        Decision("c", (0, 1), "skip", ("b",)),
        Decision("d", (0, 1), "skip", ("a",)),
        Decision("e", (0, 1), "gate", ("a",)),
        Decision("f", ("b", "c", "e"), "index", ("b", "c", "e")),
        Decision("g", ("none", "a", "d"), "index", ("a", "d")),
        Decision("h", ("x", "y"), "op"),
        Decision("i", ("h",), "index", ("h",)),
        Decision("j", tuple("uvwxyz"), "index", ("f", "d", "a")),
    )


TICKS = {
    cell: [[step] for step in range(12)],
    layers: [[0], [1], [2], [3], [4, 5], [6], [7, 8, 9]],
    mixed: [[0], [1], [2, 3], [4], [5], [6], [7], [8], [9]],
}


def policy(of, **options):
    return Policy(of, **({"hidden": 7, "embedding": 5, "contexts": 2} | options))


def weights_of(model):
    return model.initial(np.random.default_rng(1), scale=0.8).astype(np.float64)


def draw(model, rows, **options):
    rng = np.random.default_rng(0)
    contexts = rng.integers(model.contexts, size=rows)
    uniforms = rng.random((rows, len(model.steps.sizes)))
    return *model.sample(weights_of(model), uniforms, contexts, **options), contexts


@pytest.mark.parametrize("space", TICKS)
def test_yes_or_no_decisions_that_are_independent_share_a_step_of_the_lstm(space):
    spans = [tick.steps for tick in ticks_of(space())]
    assert [list(range(span.start, span.stop)) for span in spans] == TICKS[space]


@pytest.mark.parametrize("space", TICKS)
@pytest.mark.parametrize("share", ["tag", "step"])
@pytest.mark.parametrize(("temperature", "tanh_constant"), [(1.0, 0.0), (5.0, 0.0), (1.0, 1.5), (0.7, 2.25)])
def test_gradients_are_those_of_tensorflows_autodiff(space, share, temperature, tanh_constant):
    tf = pytest.importorskip("tensorflow")
    model = policy(space(), share=share, temperature=temperature, tanh_constant=tanh_constant)
    weights = weights_of(model)
    tokens, log_probs, contexts = draw(model, 6)
    rng = np.random.default_rng(3)
    token_weight, entropy_weight = rng.normal(size=tokens.shape), rng.normal(size=tokens.shape)
    forward = model.forward(weights, tokens, contexts)
    ours = model.views(model.gradient(weights, forward, token_weight, entropy_weight))
    total, theirs = gradients(tf, model, TICKS[space], weights, tokens, contexts, token_weight, entropy_weight)
    assert total == pytest.approx(
        (token_weight * forward.chosen()).sum() + (entropy_weight * forward.entropy()).sum(), rel=1e-12
    )
    np.testing.assert_allclose(forward.chosen().sum(axis=1), log_probs, rtol=1e-10)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=1e-9, atol=1e-12, err_msg=name)
        assert gradient.size == 0 or np.abs(gradient).max() > 0, name


@pytest.mark.parametrize("space", TICKS)
def test_samples_follow_the_probabilities_of_the_forward_pass(space):
    model = policy(space(), contexts=1, tanh_constant=1.5)
    tokens, _, contexts = draw(model, 20_000)
    sizes = np.array(model.steps.sizes)
    assert (tokens < sizes).all()
    assert (tokens.max(axis=0) == sizes - 1).all()
    probs = np.exp(model.forward(weights_of(model), tokens, contexts).log_probs)
    np.testing.assert_allclose(probs.sum(axis=2), 1.0)
    for step, size in enumerate(sizes):
        seen = np.bincount(tokens[:, step], minlength=size) / len(tokens)
        np.testing.assert_allclose(seen, probs[step].mean(axis=0)[:size], atol=0.015)
        assert (probs[step, :, size:] == 0).all()


def test_fixed_tokens_are_kept_and_the_others_drawn():
    model = policy(layers())
    fixed = np.full((50, 10), -1)
    fixed[:, 4], fixed[:, 6] = 1, 2
    tokens, log_probs, contexts = draw(model, 50, fixed=fixed, temperature=4.0)
    assert (tokens[:, [4, 6]] == [1, 2]).all()
    assert all(len(np.unique(tokens[:, step])) > 1 for step in (0, 5, 7, 9))
    chosen = model.forward(weights_of(model), tokens, contexts).chosen()
    np.testing.assert_allclose(chosen.sum(axis=1), log_probs, rtol=1e-10)


def test_a_yes_is_the_sigmoid_of_twice_its_score_and_independent_of_its_neighbours():
    model = policy(layers(3), contexts=1)
    weights = weights_of(model)
    rows = np.array([[0, 1, 1, 2, first, second] for first in (0, 1) for second in (0, 1)])
    forward = model.forward(weights, rows)
    np.testing.assert_array_equal(forward.log_probs[4:, 0], forward.log_probs[4:, 3])
    view = model.views(weights)
    anchors = forward.outputs[[2, 3], 0]  # after the operations of layers 0 and 1 were read
    attended = np.tanh(anchors @ view["key"][0] + forward.outputs[5, 0] @ view["query"][0])
    yes = 1 / (1 + np.exp(-2 * attended @ view["score"][0]))
    np.testing.assert_allclose(np.exp(forward.log_probs[4:, 0, 1]), yes, rtol=1e-12)


def test_an_anchor_has_read_the_decision_that_it_stands_for():
    of = steps(
        Decision("a", ("x", "y"), "op"),
        Decision("b", ("u", "v"), "op"),
        Decision("c", ("none", "a"), "skip", ("a",)),
    )
    model = policy(of, contexts=1)
    forward = model.forward(weights_of(model), np.array([[0, 0, 1], [1, 0, 1]]))
    np.testing.assert_array_equal(forward.outputs[1, 0], forward.outputs[1, 1])
    assert not np.allclose(forward.pointed[2][0][0, 0], forward.pointed[2][0][0, 1])


def test_a_tanh_constant_bounds_what_a_policy_can_be_sure_of():
    model = policy(cell(), tanh_constant=1.1)
    tokens, _, contexts = draw(model, 10)
    forward = model.forward(100 * weights_of(model), tokens, contexts)
    for step, size in enumerate(model.steps.sizes):
        log_probs = forward.log_probs[step, :, :size]
        assert (log_probs.max(axis=1) - log_probs.min(axis=1)).max() <= 2.2 + 1e-9


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_everything_is_computed_in_the_type_of_the_weights(kind):
    model = policy(mixed(), tanh_constant=1.5, temperature=2.0)
    weights = weights_of(model).astype(kind)
    tokens, _, contexts = draw(model, 5)
    forward = model.forward(weights, tokens, contexts)
    gradient = model.gradient(weights, forward, np.ones(tokens.shape), np.ones(tokens.shape))
    assert {gradient.dtype, forward.log_probs.dtype, forward.layers[0].gates.dtype, forward.outputs.dtype} == {
        np.dtype(kind)
    }


@pytest.mark.parametrize("space", [cell, layers])
@pytest.mark.parametrize("share", ["tag", "step"])
def test_a_policy_that_grows_keeps_what_it_knew(space, share):
    small, large = policy(space(3), share=share), policy(space(5), share=share)
    old, fresh = weights_of(small), large.initial(np.random.default_rng(5), 0.8).astype(np.float64)
    grown = large.carrier(small)(old, fresh)
    tokens, _, contexts = draw(large, 20)
    count = len(small.steps.sizes)
    before = small.forward(old, tokens[:, :count], contexts).chosen()
    np.testing.assert_allclose(large.forward(grown, tokens, contexts).chosen()[:, :count], before, rtol=1e-12)


def test_a_policy_without_pointing_steps_has_no_weights_for_them():
    plain = Steps(("a", "b"), (2, 3), ("x", "y"))
    assert not policy(plain).views(weights_of(policy(plain))).keys() & {"key", "query", "score", "learned", "read"}


def test_a_controller_learns_to_point():
    """Rewarded for each node whose inputs are the newest: the same whatever the number of choices."""
    of = cell()
    controller = Controller(of, Settings(batch=10, hidden=16, embedding=8, unique=False, repeats=0), seed=0)
    state, seen = controller.initial(), []
    best = np.array(of.sizes) - 1
    for index in range(40):
        drawn = controller.propose(state, History(of, seen), index)
        rewards = (drawn.tokens == best).mean(axis=1)
        batch = [
            Observation(len(seen) + place, tuple(row), tuple(row), (reward,), log_prob)
            for place, (row, reward, log_prob) in enumerate(
                zip(drawn.tokens.tolist(), rewards.tolist(), drawn.log_probs.tolist(), strict=True)
            )
        ]
        seen += batch
        state = controller.update(state, History(of, seen), index, batch)
    assert rewards.mean() > 0.9
