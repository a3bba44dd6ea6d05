"""How far five separate runs of MnasNet-A1 (int8, 224 x 224, 1 thread) on this machine lie apart.

A run through the protocol opens the device anew: fresh processes, canaries, as many sessions as it takes. Beside it
stands what is usually reported: the mean of 50 inferences of one process after one to warm up. Both are done in turn.

    python bench/repeatability.py [--runs 5] [--interval 0.03] [--output repeatability.jsonl]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from device_bench import BenchSpec, Timing, TimingProtocol, measure, open_device, to_tflite
from device_bench.timing.records import appender

_SHAPE = (224, 224, 3)


def model() -> bytes:
    from search_spaces import build_model, published

    images = np.random.default_rng(0).random((4, *_SHAPE), dtype=np.float32)
    return to_tflite(build_model(published("mnasnet-a1"), _SHAPE, 1000), "int8", images)


def through_the_protocol(content: bytes, protocol: TimingProtocol, seed: int, output: Path | None) -> Timing:
    with open_device("host") as host:
        rng = np.random.default_rng(seed)
        record = appender(output) if output else None
        return measure(host, {"mnasnet-a1": content}, protocol, BenchSpec(), rng=rng, record=record)["mnasnet-a1"]


def plain_mean_ms(content: bytes) -> float:
    spec = BenchSpec(warmup_runs=1, runs=50)
    with open_device("host") as host:
        argv = host.runner.argv(spec, host.push_model(content))
        session = host.runner.parse(spec, host.transport.shell(argv, timeout_s=120))
    return statistics.fmean(session.samples_us) / 1e3


def variation(values: list[float]) -> float:
    return statistics.stdev(values) / statistics.fmean(values)


@click.command()
@click.option("--runs", default=5, show_default=True, type=click.IntRange(2))
@click.option("--interval", default=0.03, show_default=True, help="Precision the protocol goes for.")
@click.option("--time-limit", default=60.0, show_default=True, help="Seconds a run of the protocol.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Keep everything raw.")
def main(runs: int, interval: float, time_limit: float, output: Path | None) -> None:
    """Prints both coefficients of variation."""
    content = model()
    protocol = TimingProtocol(precision=interval, time_limit_s=time_limit)
    timings, plain = [], []
    table = Table("run", "protocol ms", "95 % interval", "sessions", "dropped", "verdict", "plain mean ms", box=None)
    for run in range(runs):
        timing = through_the_protocol(content, protocol, run, output)
        plain.append(plain_mean_ms(content))
        if timing.median_ms is None:
            raise click.ClickException(f"run {run + 1} gave no latency: {timing.reason}")
        timings.append(timing)
        interval_ms = f"{timing.low_ms:.3f} - {timing.high_ms:.3f}"
        dropped = str(timing.conditions["dropped_sessions"])
        row = (
            f"{timing.median_ms:.3f}",
            interval_ms,
            str(timing.sessions),
            dropped,
            timing.verdict,
            f"{plain[-1]:.3f}",
        )
        table.add_row(str(run + 1), *row)
    console = Console(width=120)
    console.print(table)
    medians = [timing.median_ms for timing in timings if timing.median_ms is not None]
    console.print(f"coefficient of variation between {runs} runs, through the protocol: {variation(medians):.2%}")
    console.print(f"coefficient of variation between {runs} plain means of 50 inferences: {variation(plain):.2%}")


if __name__ == "__main__":
    main()
