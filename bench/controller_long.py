"""A long search of the full MnasNet space: does the controller keep finding new and better architectures?

    python bench/controller_long.py [--evaluations 2000]

Seven blocks, 42 decisions. The latency is a roofline's: a start-up cost for each operator and a rate for each kind of
operator. The accuracy is a stand-in, a saturating function of the computation in every block, with a taste for
kernels, squeeze-and-excitation and balance: this bench is about the controller, not about networks. Regularized
evolution runs beside it.
"""

import time

import click
import numpy as np
from quality.searches import search
from rich.console import Console
from rich.table import Table

from mnas import Reward
from mnas.controllers.blas import one_thread
from mnas.controllers.steps import steps_of
from search_spaces import operators, space

_SHAPE = (224, 224, 3)
_TARGET_MS = 75.0
_MARKS = (100, 200, 500, 1000, 1500, 2000)


def latency_ms(arch: object) -> float:
    """A start-up cost an operator, and MACs at a rate that depends on its kind."""
    total = 0.0
    for operator in operators(arch, _SHAPE, 1000):
        rate = 2.0e6 if "depthwise" in str(operator.kind) else 6.0e6
        total += 0.05 + operator.macs / rate
    return total


def accuracy(arch: object, tokens: tuple[int, ...]) -> float:
    """Grows with what each block spends, with diminishing returns, and with some tastes; in (0, 1)."""
    score, previous = 0.0, None
    for index, block in enumerate(arch.blocks):
        size = block.layers * max(1, block.expansion) * block.filters * block.kernel
        score += np.log1p(size / (40.0 * (index + 1))) * (1.2 - 0.08 * index)
        score += 0.15 * (block.se_ratio > 0) * (index >= 2) + 0.1 * (block.skip == "identity")
        score += 0.12 * (previous is not None and block.kernel != previous)
        previous = block.kernel
    return float(1 / (1 + np.exp(1.5 - 0.22 * score)))


def trace(algorithm: str, evaluations: int, seed: int) -> tuple[list[float], int, float]:
    """Rewards in order, how many architectures were different, and seconds without the evaluations."""
    mnasnet = space("mnasnet", _SHAPE)
    reward = Reward("soft", _TARGET_MS)
    rewards: list[float] = []
    keys: set[tuple[int, ...]] = set()
    spent = 0.0

    def evaluate(tokens: tuple[int, ...]) -> float:
        nonlocal spent
        start = time.perf_counter()
        arch = mnasnet.decode(tokens)
        keys.add(mnasnet.canonical(tokens))
        rewards.append(reward(accuracy(arch, tokens), latency_ms(arch)))
        spent += time.perf_counter() - start
        return rewards[-1]

    start = time.perf_counter()
    with one_thread():
        search(algorithm, steps_of(mnasnet), evaluate, seed, evaluations)
    return rewards, len(keys), time.perf_counter() - start - spent


@click.command()
@click.option("--evaluations", default=2000, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--algorithms", default="ppo,evolution,random", show_default=True)
def main(evaluations: int, seeds: int, algorithms: str) -> None:
    """Run a long search on the full MnasNet space."""
    marks = [mark for mark in _MARKS if mark < evaluations] + [evaluations]
    table = Table(title=f"best reward after so many evaluations, {seeds} seeds", header_style="bold", box=None)
    table.add_column("algorithm")
    for mark in marks:
        table.add_column(str(mark), justify="right")
    for name in ("different", "last tenth's mean", "ms an evaluation"):
        table.add_column(name, justify="right")
    for algorithm in algorithms.split(","):
        traces = [trace(algorithm, evaluations, seed) for seed in range(seeds)]
        best = [np.mean([max(rewards[:mark]) for rewards, _, _ in traces]) for mark in marks]
        late = np.mean([np.mean(rewards[-evaluations // 10 :]) for rewards, _, _ in traces])
        different = min(count for _, count, _ in traces)
        cost = 1e3 * np.mean([seconds for _, _, seconds in traces]) / evaluations
        table.add_row(algorithm, *(f"{value:.4f}" for value in best), f"{different}", f"{late:.4f}", f"{cost:.1f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
