import numpy as np
import pytest
from tensorflow_policy import gradients

from mnas.controllers.policy import Policy
from mnas.controllers.steps import Steps

STEPS = Steps(("a.op", "a.kernel", "b.op", "b.kernel", "c"), (4, 2, 4, 2, 3), ("op", "kernel", "op", "kernel", "skip"))


def policy(share="tag", contexts=2):
    return Policy(STEPS, hidden=7, embedding=5, contexts=contexts, share=share)


def weights_of(model):
    return model.initial(np.random.default_rng(1), scale=0.8).astype(np.float64)


def draw(model, rows, seed=0, **options):
    rng = np.random.default_rng(seed)
    contexts = rng.integers(model.contexts, size=rows)
    return *model.sample(weights_of(model), rng.random((rows, len(STEPS.sizes))), contexts, **options), contexts


@pytest.mark.parametrize("share", ["tag", "step"])
def test_gradients_are_those_of_tensorflows_autodiff(share):
    tf = pytest.importorskip("tensorflow")
    model = policy(share)
    weights = weights_of(model)
    tokens, _, contexts = draw(model, 6)
    rng = np.random.default_rng(3)
    token_weight, entropy_weight = rng.normal(size=tokens.shape), rng.normal(size=tokens.shape)
    forward = model.forward(weights, tokens, contexts)
    ours = model.views(model.gradient(weights, forward, token_weight, entropy_weight))
    ticks = [[step] for step in range(len(STEPS.sizes))]
    total, theirs = gradients(tf, model, ticks, weights, tokens, contexts, token_weight, entropy_weight)
    assert total == pytest.approx(
        (token_weight * forward.chosen()).sum() + (entropy_weight * forward.entropy()).sum(), rel=1e-12
    )
    for name, gradient in theirs.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=1e-9, atol=1e-12, err_msg=name)


def test_samples_follow_the_probabilities_of_the_forward_pass():
    model = policy(contexts=1)
    tokens, log_probs, contexts = draw(model, 20_000)
    forward = model.forward(weights_of(model), tokens, contexts)
    np.testing.assert_allclose(forward.chosen().sum(axis=1), log_probs, rtol=1e-10)
    np.testing.assert_allclose(np.exp(forward.log_probs).sum(axis=2), 1.0)
    expected = np.exp(forward.log_probs[0, 0])
    seen = np.bincount(tokens[:, 0], minlength=4) / len(tokens)
    np.testing.assert_allclose(seen, expected, atol=0.015)


def test_a_choice_that_a_step_does_not_have_is_never_drawn():
    tokens, _, _ = draw(policy(), 5000)
    assert (tokens < np.array(STEPS.sizes)).all()
    assert (tokens.max(axis=0) == np.array(STEPS.sizes) - 1).all()


def test_temperature_flattens_and_log_probabilities_stay_those_at_one():
    model = policy(contexts=1)
    sharp = model.views(weights := weights_of(model))
    sharp["head_bias"][0, 0] = 6.0
    uniforms = np.random.default_rng(0).random((4000, 5))
    plain, _ = model.sample(weights, uniforms)
    flat, log_probs = model.sample(weights, uniforms, temperature=8.0)
    assert (plain[:, 0] == 0).mean() > 0.98
    assert (flat[:, 0] == 0).mean() < 0.6
    np.testing.assert_allclose(model.forward(weights, flat).chosen().sum(axis=1), log_probs, rtol=1e-10)


def test_fixed_tokens_are_kept_and_the_others_drawn():
    model = policy()
    fixed = np.full((50, 5), -1)
    fixed[:, 1], fixed[:, 4] = 1, 2
    tokens, _, _ = draw(model, 50, fixed=fixed)
    assert (tokens[:, 1] == 1).all()
    assert (tokens[:, 4] == 2).all()
    assert len(np.unique(tokens[:, 0])) > 1


def test_goals_have_policies_of_their_own():
    model = policy()
    tokens = np.zeros((2, 5), dtype=np.int64)
    both = model.forward(weights_of(model), tokens, np.array([0, 1])).chosen()
    assert not np.allclose(both[0], both[1])


def test_steps_of_one_tag_share_embedding_and_head():
    shared, separate = policy("tag"), policy("step")
    assert shared.views(weights_of(shared))["head"].shape == (3, 7, 4)
    assert separate.views(weights_of(separate))["head"].shape == (5, 7, 4)


def test_a_policy_that_grows_keeps_what_it_knew():
    small = Policy(Steps(("x", "y"), (2, 3), ("x", "y")), hidden=4, embedding=3, share="step")
    large = Policy(Steps(("x", "y", "z"), (2, 3, 5), ("x", "y", "z")), hidden=4, embedding=3, share="step")
    rng = np.random.default_rng(0)
    old, fresh = (each.initial(rng, 0.5).astype(np.float64) for each in (small, large))
    grown = large.carrier(small)(old, fresh)
    before = small.forward(old, np.array([[1, 2]])).chosen()
    after = large.forward(grown, np.array([[1, 2, 4]])).chosen()
    np.testing.assert_allclose(after[:, :2], before, rtol=1e-12)
    np.testing.assert_array_equal(large.views(grown)["head"][2], large.views(fresh)["head"][2])
