"""A long search of the full MnasNet space: does the controller keep finding new and better architectures?

    python bench/controller_long.py                                     the default controller, evolution and chance
    python bench/controller_long.py --seeds 20 --evaluations 500        the figures of docs/controllers.md
    python bench/controller_long.py --seeds 3 --evaluations 2000

Seven blocks, 42 decisions, 224 x 224. The latency is that of the table in configs/tables, operator by operator. The
accuracy is a stand-in, since nobody trained these networks: it grows with what each block spends, saturates, has
interactions within and between blocks, and every network has a deviation of its own. This bench is about the
controller, not about networks. Results go to bench/results as they come; a stopped comparison resumes.
"""

import json
import os
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
from controller_quality import summary
from quality.searches import ALGORITHMS
from quality.stored import finish
from rich.console import Console
from rich.table import Table

from device_bench import LatencyTable
from mnas import Reward
from mnas.controllers.blas import one_thread
from mnas.controllers.controller import Controller, State
from mnas.controllers.steps import steps_of
from search_spaces import Space, space
from search_spaces.decision import Tokens
from search_spaces.mnasnet.architecture import MnasNetArch
from search_spaces.signatures import signatures

RESULTS = Path(__file__).with_name("results")
TABLES = Path(__file__).parents[1] / "configs" / "tables"
_SHAPE = (224, 224, 3)
_CLASSES = 1000
_TARGET_QUANTILE = 0.3
_DEVIATION = 0.0005
_MARKS = (25, 50, 100, 200, 500, 1000, 1500, 2000)
_LATE = 200


@dataclass(frozen=True, slots=True)
class Task:
    """What to run; picklable, for a worker process."""

    algorithm: str
    seed: int
    evaluations: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One search.

    Attributes:
        rewards: In the order of evaluation.
        different: How many architectures were different.
        apart: Mean number of decisions in which two of the last 200 differ.
        entropy: Mean entropy of the policy's decisions at the end, as a share of the most there can be; ``None``
            where there is no policy.
    """

    rewards: list[float]
    different: int
    apart: float
    entropy: float | None


def _table_path() -> Path:
    [path] = TABLES.glob("*-int8-1-thread-mnasnet224.json")
    return path


@cache
def _table() -> LatencyTable:
    return LatencyTable.load(_table_path())


@cache
def _space() -> Space[MnasNetArch]:
    return space("mnasnet", _SHAPE)


def latency_ms(arch: MnasNetArch) -> float:
    """By the table that ships."""
    return _table().predict(signatures(arch, _SHAPE, _CLASSES, "int8")).median_ms


def accuracy(arch: MnasNetArch) -> float:
    """A stand-in, in (0, 0.8): spending with diminishing returns, tastes, interactions, a deviation of its own."""
    score, fields, before = 0.0, 1.0, None
    for index, block in enumerate(arch.blocks):
        wide = block.filters * max(1, block.expansion)
        deep = block.layers * (1.0 if block.op == "mbconv" else 1.6)
        score += (1.2 - 0.06 * index) * np.log1p(wide / (30.0 * (index + 1))) * np.log1p(deep)
        # Squeeze-and-excitation pays in wide late blocks, a shortcut in deep ones.
        score += 0.12 * (block.se_ratio > 0) * (block.expansion >= 3) * index / 3
        score += {"identity": 0.12, "pool": 0.05, "none": 0.0}[block.skip] * (block.layers - 1)
        fields += (block.kernel - 1) * block.layers * 2.0 ** min(index, 4)
        if before is not None:
            score -= 0.25 * max(0.0, abs(np.log(block.filters / before.filters)) - 0.7)
            score += 0.08 * (block.kernel != before.kernel) + 0.06 * (block.op != before.op)
        before = block
    score += 1.5 * np.tanh(fields / 300.0)
    seed = zlib.crc32(repr(arch).encode())
    return float(0.8 - 0.45 * np.exp(-0.22 * score) + _DEVIATION * np.random.default_rng(seed).normal())


@cache
def _target_ms() -> float:
    """A quantile of 500 random networks'."""
    rng, sizes = np.random.default_rng(0), [len(decision.choices) for decision in _space().decisions]
    drawn = [latency_ms(_space().decode(rng.integers(sizes).tolist())) for _ in range(500)]
    return float(np.quantile(drawn, _TARGET_QUANTILE))


@cache
def reward(key: Tokens) -> float:
    """Of a canonical spelling."""
    arch = _space().decode(key)
    return Reward("soft", _target_ms())(accuracy(arch), latency_ms(arch))


def run(task: Task) -> Trace:
    """Searches once."""
    steps = steps_of(_space())
    keys: list[Tokens] = []
    rewards: list[float] = []

    def evaluate(tokens: Tokens) -> float:
        keys.append(steps.key(tokens))
        rewards.append(reward(keys[-1]))
        return rewards[-1]

    with one_thread():
        learned = ALGORITHMS[task.algorithm](steps, evaluate, task.seed, task.evaluations)
        entropy = openness(*learned) if learned else None
    return Trace(rewards, len(set(keys)), distance(np.array(keys[-_LATE:])), entropy)


def openness(controller: Controller, state: State) -> float:
    """Mean entropy of a policy's decisions, as a share of the most there can be."""
    policy, sizes = controller.policy, np.array(controller.steps.sizes)
    tokens, _ = policy.sample(state.weights, np.random.default_rng(0).random((256, len(sizes))))
    return float((policy.forward(state.weights, tokens).entropy() / np.log(sizes)).mean())


def distance(tokens: np.ndarray) -> float:
    """Mean number of decisions in which two rows differ."""
    pairs = len(tokens) * (len(tokens) - 1)
    return float((tokens[:, None] != tokens[None]).sum() / max(1, pairs))


@click.command()
@click.option("--evaluations", default=2000, show_default=True)
@click.option("--seeds", default=1, show_default=True)
@click.option("--first-seed", default=0, show_default=True)
@click.option("--algorithms", default="ppo,evolution,random", show_default=True)
@click.option("--workers", default=os.cpu_count() or 1, show_default="cores")
def main(evaluations: int, seeds: int, first_seed: int, algorithms: str, workers: int) -> None:
    """Run a long search on the full MnasNet space."""
    names = algorithms.split(",")
    unknown = [name for name in names if name not in ALGORITHMS]
    if unknown:
        raise click.UsageError(f"algorithm {unknown[0]!r} is unknown: use {', '.join(ALGORITHMS)}")
    tasks = [Task(name, seed, evaluations) for seed in range(first_seed, first_seed + seeds) for name in names]
    # With another table the same search has another course.
    path = RESULTS / f"long-{json.loads(_table_path().read_bytes())['digest'][:12]}.jsonl"
    done = finish(
        tasks,
        run,
        path,
        workers=workers,
        title="full space",
        to_record=lambda trace: {"trace": asdict(trace)},
        from_record=lambda record: Trace(**record["trace"]),
    )
    marks = [mark for mark in _MARKS if mark < evaluations] + [evaluations]
    table = Table(title=f"best reward after so many evaluations x 1e-4, {seeds} seeds", header_style="bold", box=None)
    for heading in ("algorithm", *map(str, marks), "last 200", "different", "apart", "entropy left"):
        table.add_column(heading, justify="left" if heading == "algorithm" else "right")
    for name in names:
        traces = [done[task] for task in tasks if task.algorithm == name]
        best = np.array([[max(trace.rewards[:mark]) for mark in marks] for trace in traces])
        late = np.array([np.mean(trace.rewards[-_LATE:]) for trace in traces])
        cells = [_with_error(values) for values in (*best.T, late)]
        open_ = [trace.entropy for trace in traces if trace.entropy is not None]
        table.add_row(
            name,
            *cells,
            f"{min(trace.different for trace in traces)}",
            f"{np.mean([trace.apart for trace in traces]):.1f}",
            f"{np.mean(open_):.2f}" if open_ else "-",
        )
    Console(width=160).print(table)


def _with_error(values: np.ndarray) -> str:
    mean, error = summary(1e4 * values)
    return f"{mean:.0f} ± {error:.0f}"


if __name__ == "__main__":
    main()
