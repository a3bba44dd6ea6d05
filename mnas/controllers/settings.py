"""A controller's settings, and those that have a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from mnas.controllers.steps import steps_of
from mnas.errors import SearchError
from search_spaces.decision import Space


@dataclass(frozen=True, slots=True)
class Settings:
    """How a controller samples and learns.

    Attributes:
        loss: ``"ppo"``: clipped ratio (Schulman et al. 2017, equation 7); ``"reinforce"``: plain policy gradient.
        batch: Architectures an update.
        hidden: LSTM units.
        embedding: Length of a token's embedding.
        share: ``"tag"`` or ``"step"``: which steps share embedding and head.
        softmax_temperature: Divides all logits of the policy (ENAS's recurrent cells: 5).
        tanh_constant: All logits of the policy are squashed to within +-it by tanh, which keeps it exploring; 0 for not
            (ENAS: 1.5 for whole networks, 1.1 for cells, 2.25 for recurrent cells; NAS and NASNet: none).
        plain_tanh: The same constant for steps that do not point to others; 0 for `tanh_constant` (ENAS's cells: it
            divided by 2.5).
        pointers: Whether steps that point to earlier ones attend to these; if not, they have a softmax of their own as
            all others do, which grows with the number of choices (NASNet).
        layers: Of the LSTM (NAS: 2).
        init: Weights start uniform in +-init.
        learning_rate: Adam's.
        beta1: Adam's (ENAS: 0).
        epsilon: Adam's.
        clip_norm: Limit on the gradient's norm; 0 for none.
        clip_ratio: PPO's epsilon.
        epochs: Full-batch gradient steps an update.
        entropy: Bonus a nat of a softmax's entropy.
        advantage: ``"rank"``: quantile among all rewards so far, standardized in the batch; ``"ema"``: reward less an
            exponential moving average (NAS, section 3.2).
        baseline_decay: Of that average.
        power: What ``"ema"`` takes of a reward (NAS: 3); ranks do not change by it.
        entropy_reward: Bonus a nat of the architecture's entropy, added to its reward (ENAS's published code).
        skip_weight: Weight of ENAS's penalty on yes-or-no decisions that say yes too often or too rarely
            (`mnas.controllers.policy.Policy.skip_penalty`); 0 leaves it out.
        skip_rate: How often they are to.
        unique: Never propose an architecture twice; the repeats that were drawn train the controller again.
        overdraw: Batches' worth of samples drawn to find new ones.
        repeats: Batches' worth of repeats that may join an update.
        queue: Size of the priority queue of the best distinct architectures (Abolafia et al. 2018); 0 for none.
        queue_weight: Weight of their mean log-likelihood.
        guided: Share of a batch taken from the neighbourhood of the best: one decision of a good architecture is
            changed, the policy's probability says which and how.
        crossed: How many of these join two of the best instead: each decision from one of them.
        guided_after: Trials told before that begins.
        guided_temperature: Divides the log-probabilities of that choice.
        parents: How many of the best have a neighbourhood.
        rank_cost: What a parent's rank costs its neighbours, in nats.
        surrogate_after: Trials told before a Gaussian process that weighs all decisions alike screens the samples; 0
            for never.
        pool: Samples that a Gaussian process screens, beside the neighbourhood.
        explore: Standard deviations added to its mean.
        screen: Trials told before a Gaussian process that learns which decisions matter screens candidates; 0 for
            never. While it does, `guided` and `surrogate_after` do nothing.
        screened: Share of a batch that it chooses; plain samples of the policy take the rest.
    """

    loss: Literal["ppo", "reinforce"] = "ppo"
    batch: int = 5
    hidden: int = 32
    embedding: int = 16
    share: Literal["tag", "step"] = "step"
    softmax_temperature: float = 1.0
    tanh_constant: float = 0.0
    plain_tanh: float = 0.0
    pointers: bool = True
    layers: int = 1
    init: float = 0.1
    learning_rate: float = 1e-2
    beta1: float = 0.9
    epsilon: float = 1e-8
    clip_norm: float = 1.0
    clip_ratio: float = 0.2
    epochs: int = 5
    entropy: float = 0.01
    advantage: Literal["rank", "ema"] = "rank"
    baseline_decay: float = 0.95
    power: float = 1.0
    entropy_reward: float = 0.0
    skip_weight: float = 0.0
    skip_rate: float = 0.4
    unique: bool = True
    overdraw: int = 3
    repeats: int = 2
    queue: int = 3
    queue_weight: float = 0.2
    guided: float = 0.8
    crossed: int = 1
    guided_after: int = 10
    guided_temperature: float = 2.0
    parents: int = 3
    rank_cost: float = 0.3
    surrogate_after: int = 0
    pool: int = 200
    explore: float = 0.5
    screen: int = 0
    screened: float = 0.8

    def __post_init__(self) -> None:
        whole = ("batch", "hidden", "embedding", "epochs", "overdraw", "pool", "parents", "layers")
        above = ("learning_rate", "init", "guided_temperature", "softmax_temperature", "epsilon", "power")
        for name in (*whole, *above):
            if not getattr(self, name) > 0:
                raise SearchError(f"controller {name} is {getattr(self, name)}: it must be above 0")
        for name in (
            "clip_norm",
            "entropy",
            "repeats",
            "queue",
            "queue_weight",
            "surrogate_after",
            "screen",
            "guided_after",
            "crossed",
            "tanh_constant",
            "plain_tanh",
            "beta1",
            "entropy_reward",
            "skip_weight",
        ):
            if not getattr(self, name) >= 0:
                raise SearchError(f"controller {name} is {getattr(self, name)}: it must not be negative")
        for name in ("guided", "screened"):
            if not 0 <= getattr(self, name) <= 1:
                raise SearchError(f"controller {name} is {getattr(self, name)}: it is a share of a batch, from 0 to 1")
        if not 0 < self.skip_rate < 1:
            raise SearchError(f"controller skip_rate is {self.skip_rate}: it is a share above 0 and below 1")
        if not self.beta1 < 1:
            raise SearchError(f"controller beta1 is {self.beta1}: it must be below 1")


NASNET = Settings(
    batch=20,
    hidden=100,
    embedding=100,
    learning_rate=3.5e-4,
    clip_norm=0.0,
    entropy=1e-5,
    advantage="ema",
    unique=False,
    overdraw=1,
    repeats=0,
    queue=0,
    pointers=False,
)
"""NASNet's controller as published (appendix A): a softmax per decision, those of inputs growing with the blocks before
them. Epochs and clip are not published: PPO's usual 5 and 0.2."""

MNASNET = NASNET
"""MnasNet names NASNet's controller and PPO and publishes no settings of its own (section 4.2)."""

_POLICY_GRADIENT = replace(NASNET, loss="reinforce", epochs=1, pointers=True)

NAS = replace(
    _POLICY_GRADIENT,
    batch=8,
    hidden=35,
    embedding=35,
    layers=2,
    init=0.08,
    learning_rate=6e-4,
    entropy=0.0,
    power=3.0,
)
"""The controller of NAS as published (Zoph & Le 2017, section 4.1): two layers of 35 units, the mean of 8 children, the
cubes of their rewards. The decay of the moving average is not published."""

ENAS_CELLS = replace(
    _POLICY_GRADIENT,
    batch=10,
    hidden=64,
    embedding=64,
    learning_rate=3.5e-3,
    beta1=0.0,
    epsilon=1e-3,
    entropy=0.0,
    baseline_decay=0.99,
    entropy_reward=1e-4,
    tanh_constant=1.1,
    plain_tanh=1.1 / 2.5,
    share="tag",
)
"""ENAS's controller of cells by its published code (Pham et al. 2018). Not taken over: the lead, fixed and
learned, of its two separable convolutions, an LSTM without biases, and a baseline that starts at 0."""

ENAS_MACRO = replace(
    ENAS_CELLS, batch=20, learning_rate=1e-3, tanh_constant=1.5, plain_tanh=0.0, skip_weight=0.8, skip_rate=0.4
)
"""ENAS's controller of whole networks by its published code, with its penalty on skips."""

_SETTINGS: dict[str, Settings] = {
    "ppo": Settings(screen=10, explore=3.0),
    "ppo-paper": NASNET,
    "reinforce": replace(_POLICY_GRADIENT, batch=10, hidden=64, embedding=32, learning_rate=1e-2, clip_norm=1.0),
    "ppo-gp": Settings(surrogate_after=15),
    "ppo-plain": Settings(),
    "reinforce-nas": NAS,
    "enas": ENAS_CELLS,
}


def settings_for(algorithm: str, space: Space[Any] | None = None) -> Settings:
    """The settings of an algorithm.

    Args:
        algorithm: Its name.
        space: What it is to search: ENAS has other settings for networks with yes-or-no skips than for cells.

    Raises:
        SearchError: There is no such algorithm.
    """
    if algorithm not in _SETTINGS:
        raise SearchError(f"controller algorithm {algorithm!r} is unknown: use one of {', '.join(_SETTINGS)}")
    if algorithm == "enas" and space is not None:
        steps = steps_of(space)
        return ENAS_MACRO if any(map(steps.yes_or_no, range(len(steps.sizes)))) else ENAS_CELLS
    return _SETTINGS[algorithm]
