"""How fast the controller is on the full MnasNet space: architectures sampled a second, milliseconds an update.

    python bench/controller.py

One core. Sampling is timed at the sampler's own size (what a batch of proposals draws) and at 256 rows.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from mnas.controllers.adam import Slots
from mnas.controllers.blas import one_thread
from mnas.controllers.policy import Policy
from mnas.controllers.ppo import Batch, Elite, learn
from mnas.controllers.settings import settings_for
from mnas.controllers.steps import steps_of
from search_spaces import space

_REPEATS = 15


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


def main() -> None:
    with one_thread():
        for algorithm in ("ppo", "ppo-paper", "reinforce"):
            shown = ", ".join(f"{name}: {value:,.1f}" for name, value in timings(algorithm).items())
            print(f"{algorithm:10s} {shown}")


if __name__ == "__main__":
    main()
