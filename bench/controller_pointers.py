"""How fast a policy learns where layers should connect, with pointers and without.

    python bench/controller_pointers.py --seeds 10

The operations of eight layers are drawn at random, the policy decides which layer reads which, and REINFORCE teaches
it. Two synthetic rules, each of which depends on the operations and so has no single answer to remember:

    newest: a layer's input is the newest earlier layer whose operation is `source`, or the image where there is none
    skips:  a layer reads exactly the earlier layers whose operation is `source`

Printed is the share of right decisions after some updates of 20 architectures: mean over seeds and standard error.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mnas.controllers.adam import Slots, ascend
from mnas.controllers.arrays import Ints
from mnas.controllers.blas import one_thread
from mnas.controllers.policy import Policy
from mnas.controllers.steps import Steps, steps_of
from search_spaces import Decision, Space

_LAYERS, _BATCH, _TESTED = 8, 20, 500
_OPERATIONS = ("source", "conv", "pool")
_UPDATES = (50, 100, 200, 400)


@dataclass(frozen=True)
class Rule:
    """The decisions of some layers, and the right tokens, given those of the operations."""

    steps: Steps
    right: Callable[[Ints], Ints]


def newest() -> Rule:
    """One input per layer: the image or an earlier layer."""
    decisions: list[Decision] = []
    for layer in range(_LAYERS):
        earlier = tuple(f"layer{other}.op" for other in range(layer))
        decisions.append(Decision(f"layer{layer}.input", ("image", *earlier), "input", earlier))
        decisions.append(Decision(f"layer{layer}.op", _OPERATIONS, "op"))

    def right(tokens: Ints) -> Ints:
        answer = tokens.copy()
        for layer in range(_LAYERS):
            fits = (tokens[:, 1 : 2 * layer : 2] == 0) * np.arange(1, layer + 1)
            answer[:, 2 * layer] = fits.max(axis=1, initial=0)
        return answer

    return Rule(_steps(decisions), right)


def skips() -> Rule:
    """Yes or no for every pair of layers."""
    decisions: list[Decision] = []
    places: list[int] = []
    for layer in range(_LAYERS):
        places.append(len(decisions))
        decisions.append(Decision(f"layer{layer}.op", _OPERATIONS, "op"))
        for other in range(layer):
            decisions.append(Decision(f"layer{layer}.skip{other}", (0, 1), "skip", (f"layer{other}.op",)))

    def right(tokens: Ints) -> Ints:
        answer = tokens.copy()
        for layer, place in enumerate(places):
            answer[:, place + 1 : place + 1 + layer] = tokens[:, places[:layer]] == 0
        return answer

    return Rule(_steps(decisions), right)


def _steps(decisions: list[Decision]) -> Steps:
    return steps_of(Space("synthetic", tuple(decisions), lambda choices: choices, lambda arch: arch))


def learned(rule: Rule, pointing: bool, share: str, tanh_constant: float, seed: int) -> list[float]:
    """The share of right decisions after each of ``_UPDATES``."""
    steps = rule.steps if pointing else replace(rule.steps, points_to=())
    policy = Policy(steps, hidden=32, embedding=16, share=share, tanh_constant=tanh_constant)
    decided = np.array(steps.tags) != "op"
    decided &= np.array(steps.sizes) > 1
    rng = np.random.default_rng(seed)
    weights = policy.initial(rng)
    slots = Slots.zeros(weights)
    shares = []

    def drawn(rows: int) -> tuple[Ints, NDArray[np.bool]]:
        fixed = np.where(decided, -1, rng.integers(steps.sizes, size=(rows, len(decided))))
        tokens, _ = policy.sample(weights, rng.random(fixed.shape), fixed=fixed)
        return tokens, (tokens == rule.right(tokens))[:, decided]

    for update in range(1, 1 + max(_UPDATES)):
        tokens, correct = drawn(_BATCH)
        rewards = correct.mean(axis=1)
        advantages = (rewards - rewards.mean()) / (rewards.std() + 1e-8)
        forward = policy.forward(weights, tokens)
        weight = advantages[:, None] / _BATCH * decided
        gradient = policy.gradient(weights, forward, weight, np.broadcast_to(0.01 / _BATCH * decided, tokens.shape))
        weights, slots = ascend(weights, gradient, slots, learning_rate=1e-2, clip_norm=1.0)
        if update in _UPDATES:
            shares.append(float(drawn(_TESTED)[1].mean()))
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a policy learns to connect layers.")
    parser.add_argument("--seeds", type=int, default=10, help="Random seeds per line.")
    parser.add_argument("--tanh-constant", type=float, default=0.0, help="Bound of the logits; 0 for none.")
    options = parser.parse_args()
    seeds = options.seeds
    print(f"{'rule':8s} {'policy':22s}" + "".join(f"{update:>14d}" for update in _UPDATES))
    with one_thread():
        for name, rule in (("newest", newest()), ("skips", skips())):
            for label, pointing, share in (
                ("pointers", True, "step"),
                ("heads of each step", False, "step"),
                ("heads shared by tag", False, "tag"),
            ):
                shares = np.array(
                    [learned(rule, pointing, share, options.tanh_constant, seed) for seed in range(seeds)]
                )
                error = shares.std(axis=0, ddof=1) / seeds**0.5
                shown = (f"{mean:8.3f} ±{one:.3f}" for mean, one in zip(shares.mean(axis=0), error, strict=True))
                print(f"{name:8s} {label:22s}" + "".join(shown), flush=True)


if __name__ == "__main__":
    main()
