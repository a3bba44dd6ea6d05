"""What `mnas table` says: progress on a terminal, results as text, JSON and a figure."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.terminal import counted, plain
from mnas.command_line import argument, pasteable
from mnas.files import write_json

if TYPE_CHECKING:
    from device_bench.latency_table.build import BuildProgress
    from device_bench.latency_table.table import LatencyTable

_PLAIN_EVERY_S = 5.0


@contextlib.contextmanager
def speaker() -> Iterator[Callable[[str], None]]:
    """A line that is overwritten on a terminal; plain lines, at most one in five seconds, where there is none."""
    from rich.console import Console

    console = Console(file=sys.stderr)
    if console.is_terminal:
        with console.status("") as status:
            yield lambda text: status.update(plain(text))
        return
    shown_s = [-_PLAIN_EVERY_S]

    def say(text: str) -> None:
        if time.monotonic() - shown_s[0] >= _PLAIN_EVERY_S:
            console.print(plain(text), soft_wrap=True)
            shown_s[0] = time.monotonic()

    yield say


def show_progress(progress: BuildProgress) -> str:
    """One line on where a build is."""
    error = "" if progress.error is None else f", error {progress.error:.1%}"
    return (
        f"round {progress.round}: {progress.done} of {counted(progress.total, 'session')},"
        f" {max(progress.left_s, 0):.0f} s of device time left{error}"
    )


def show_build(table: LatencyTable, output: Path) -> str:
    """What a finished build has come to."""
    conditions, fit = table.facts["conditions"], table.calibration
    next_step = pasteable(["mnas", "table", "check", argument(output)])
    return (
        f"{output}: {counted(len(table.entries), 'operator')} on {table.facts['device']} ({table.facts['runtime']},"
        f" {table.facts['precision']}, {counted(table.facts['threads'], 'thread')}),"
        f" {counted(conditions['rounds'], 'round')} in {conditions['device_s']:.0f} s;"
        f" {conditions['failed']} could not be timed.\n"
        f"Left-out error on its {counted(fit.networks, 'calibration network')}: {fit.mape:.1%}. Now: {next_step}"
    )


def show_check(result: Mapping[str, Any]) -> str:
    """The result of a check as a small table."""
    head = f"{'':24}{'nets':>6}{'MAPE':>8}{'bias':>8}{'+-5 %':>8}{'+-10 %':>8}{'rho':>8}{'pairs':>8}"
    lines = [head]
    for title, part in (("table", "table"), ("MACs alone", "macs_baseline")):
        for kind, scores in result[part].items():
            pairs = "-" if scores["pairs"] is None else f"{scores['pairs']:.1%}"
            lines.append(
                f"{f'{title}, {kind}':24}{scores['networks']:6}{scores['mape']:8.1%}{scores['bias']:8.1%}"
                f"{scores['within_5']:8.1%}{scores['within_10']:8.1%}{scores['spearman']:8.3f}{pairs:>8}"
            )
    lines.append(
        f"Device: one process varies by {result['process_noise']:.1%}; a perfect table would have"
        f" {result['floor_mape']:.1%}. {result['inside_interval']:.0%} of networks lie in their interval."
    )
    return "\n".join(lines)


def write_check(result: Mapping[str, Any], table: Path) -> None:
    """`TABLE.check.json` and `TABLE.check.png`."""
    write_json(table.with_name(f"{table.name}.check.json"), dict(result))
    _figure(result, table.with_name(f"{table.name}.check.png"))


def _figure(result: Mapping[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhspan(-5, 5, color="0.93", zorder=0, label="+-5 %")
    axes.axhspan(
        -100 * result["floor_mape"], 100 * result["floor_mape"], color="0.82", zorder=1, label="device's floor"
    )
    axes.axhline(0, color="0.4", linewidth=1, zorder=2)
    for kind, marker in (("random", "o"), ("near", "s")):
        chosen = [row for row in result["networks"] if row["kind"] == kind]
        measured = [row["measured_ms"] for row in chosen]
        errors = [100 * (row["predicted_ms"] / row["measured_ms"] - 1) for row in chosen]
        if chosen:
            axes.scatter(measured, errors, s=16, marker=marker, zorder=3, label=f"{kind} ({len(chosen)})")
    axes.set(xlabel="measured latency (ms)", ylabel="error of the table (%)", title="Networks the table never saw")
    axes.legend(ncols=2, fontsize="small")
    figure.savefig(path, dpi=150)
