"""How fast the controller is on the full MnasNet space: architectures sampled a second, milliseconds an update.

    python bench/controller.py

One core. Sampling is timed at the sampler's own size (what a batch of proposals draws) and at 256 rows. Proposals are
timed on two spaces after 100 and 500 evaluations of a made-up reward, in processor time: a whole search of 520
evaluations, of which the batches behind these numbers count.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from mnas.controllers.adam import Slots
from mnas.controllers.blas import one_thread
from mnas.controllers.controller import Controller
from mnas.controllers.history import History, Observation
from mnas.controllers.policy import Policy
from mnas.controllers.ppo import Batch, Elite, learn
from mnas.controllers.settings import settings_for
from mnas.controllers.steps import steps_of
from search_spaces import space

_REPEATS = 15
_TOLD, _BATCHES = (100, 500), 4


def median_s(action: Callable[[], object]) -> float:
    """Median seconds of a call, after one to warm up."""
    action()
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def timings(algorithm: str) -> dict[str, float]:
    """Samples a second at two sizes, and milliseconds an update."""
    steps, settings = steps_of(space("mnasnet")), settings_for(algorithm)
    policy = Policy(steps, hidden=settings.hidden, embedding=settings.embedding, share=settings.share)
    rng = np.random.default_rng(0)
    weights = policy.initial(rng)
    drawn = settings.batch * settings.overdraw
    result = {}
    for rows in (drawn, 256):
        uniforms = rng.random((rows, len(steps.sizes)))
        result[f"sampled a second, {rows} rows"] = rows / median_s(lambda: policy.sample(weights, uniforms))  # noqa: B023
    rows = settings.batch * (1 + settings.repeats)
    tokens, _ = policy.sample(weights, rng.random((rows + settings.queue, len(steps.sizes))))
    goals = np.zeros(len(tokens), dtype=np.int64)
    batch = Batch(tokens[:rows], goals[:rows], rng.normal(size=rows), np.full(rows, np.nan))
    elite = Elite(tokens[rows:], goals[rows:])
    slots = Slots.zeros(weights)
    result["ms an update"] = 1e3 * median_s(lambda: learn(policy, settings, weights, slots, batch, elite))
    return result


def proposal_ms(algorithm: str, name: str) -> list[float]:
    """Processor time of a proposal after so many evaluations, updates left out."""
    steps, settings = steps_of(space(name)), settings_for(algorithm)
    effects = np.random.default_rng(0).normal(size=(len(steps.sizes), max(steps.sizes)))
    controller = Controller(steps, settings, seed=0)
    state, seen, spent = controller.initial(), list[Observation](), list[float]()
    for index in range(max(_TOLD) // settings.batch + _BATCHES):
        start = time.process_time()
        drawn = controller.propose(state, History(steps, seen), index)
        spent.append(1e3 * (time.process_time() - start) / settings.batch)
        batch = []
        for row, log_prob in zip(drawn.tokens.tolist(), drawn.log_probs.tolist(), strict=True):
            key = steps.key(row)
            reward = float(np.tanh(effects[np.arange(len(key)), key]).sum() + np.sin(sum(key)))
            batch.append(Observation(len(seen) + len(batch), tuple(row), key, (reward,), log_prob))
        seen += batch
        state = controller.update(state, History(steps, seen), index, batch)
    firsts = [told // settings.batch for told in _TOLD]
    return [statistics.median(spent[first : first + _BATCHES]) for first in firsts]


def main() -> None:
    with one_thread():
        for algorithm in ("ppo", "ppo-plain", "ppo-gp"):
            for name in ("mnasnet", "nasnet"):
                times = zip(_TOLD, proposal_ms(algorithm, name), strict=True)
                shown = ", ".join(f"{ms:.1f} after {told}" for told, ms in times)
                print(f"{algorithm:10s} {name}, {len(space(name).decisions)} decisions, ms a proposal: {shown}")
        for algorithm in ("ppo", "ppo-paper", "reinforce"):
            shown = ", ".join(f"{name}: {value:,.1f}" for name, value in timings(algorithm).items())
            print(f"{algorithm:10s} {shown}")


if __name__ == "__main__":
    main()
