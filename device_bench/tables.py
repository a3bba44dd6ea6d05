"""The tables of `mnas devices` and `mnas bench` for the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from device_bench.probe import DeviceInfo, DeviceState

if TYPE_CHECKING:
    import pandas as pd

_VERDICT_STYLE = {"valid": "green", "noisy": "yellow", "throttled": "yellow", "failed": "red"}

_NUMBERS = ("threads", "run", "median ms", "init ms", "peak MB")


def devices_table(found: Sequence[tuple[str, DeviceInfo | None, DeviceState | None, str]]) -> Table:
    """A row a device.

    Args:
        found: Name, what it is, how it feels, and why that is not known.
    """
    table = Table("device", "model", "chip, ABI", "system", "cores", "state", header_style="bold", box=None)
    for name, info, state, problem in found:
        if info is None or state is None:
            table.add_row(escape(name), f"[red]{escape(problem)}[/]", "", "", "", "")
            continue
        chip = ", ".join(filter(None, (info.soc, info.abi)))
        row = (name, info.model, chip, info.system, describe_cores(info), describe_state(state))
        table.add_row(*(escape(text) for text in row))
    return table


def describe_cores(info: DeviceInfo) -> str:
    """Such as "4 x 1803 MHz + 2 x 2850 MHz"."""
    return " + ".join(
        f"{len(cluster.cores)} x {cluster.max_mhz} MHz" if cluster.max_mhz else f"{len(cluster.cores)} cores"
        for cluster in info.clusters
    )


def describe_state(state: DeviceState) -> str:
    """What is known, such as "battery 30.5 C 80 %, thermal status 0, schedutil"."""
    battery = [f"{state.battery_c:g} C" if state.battery_c is not None else ""]
    battery.append(f"{state.battery_percent} %" if state.battery_percent is not None else "")
    known = " ".join(filter(None, battery))
    words = [
        f"battery {known}" if known else "",
        f"hottest zone {state.hottest_c:.0f} C" if state.hottest_c is not None else "",
        f"thermal status {state.thermal_status}" if state.thermal_status is not None else "",
        " ".join(state.governors),
        f"load {state.load:.2f}" if state.load is not None else "",
    ]
    return ", ".join(filter(None, words))


def results_table(frame: "pd.DataFrame", *, wide: bool = True) -> Table:
    """A row a cell, sorted as the matrix is; a column that has nothing to tell is left out.

    Args:
        frame: The results.
        wide: Also show the time to load and the memory, where known.
    """
    table = Table(header_style="bold", box=None)
    optional = {"cores": frame["cores"].ne("").any(), "run": frame["repeat"].nunique() > 1}
    optional |= {name: frame[name].ne("").any() for name in ("shape", "signature")}
    optional |= {"init ms": wide and frame["init_ms"].notna().any(), "peak MB": wide and frame["peak_mb"].notna().any()}
    shown = [
        "model",
        "signature",
        "shape",
        "precision",
        "device",
        "threads",
        "delegate",
        "cores",
        "run",
        "median ms",
        "95 % interval",
    ]
    shown += ["init ms", "peak MB", "verdict"]
    shown = [name for name in shown if optional.get(name, True)]
    for name in shown:
        table.add_column(
            name, justify="right" if name in ("threads", "run") or " ms" in name or "MB" in name else "left"
        )
    for row in frame.sort_values(["model", "device", "threads", "delegate", "cores", "repeat"]).itertuples():
        style = _VERDICT_STYLE.get(row.verdict, "")
        values = {
            "model": escape(row.model),
            "signature": escape(row.signature),
            "shape": escape(row.shape),
            "precision": row.precision,
            "device": escape(row.device),
            "threads": str(row.threads),
            "delegate": row.delegate,
            "cores": escape(row.cores),
            "run": str(row.repeat),
            "median ms": _number(row.median_ms),
            "95 % interval": _interval(row.low_ms, row.high_ms),
            "init ms": _number(row.init_ms),
            "peak MB": _number(row.peak_mb),
            "verdict": f"[{style}]{row.verdict}[/]",
        }
        table.add_row(*(values[name] for name in shown))
    return table


def reasons(frame: "pd.DataFrame") -> list[str]:
    """Why numbers are not valid, each reason once, the most frequent first."""
    doubtful = frame[frame["verdict"] != "valid"]
    counts = (doubtful["verdict"] + ": " + doubtful["reason"]).value_counts()
    return [f"{count} x {words}" if count > 1 else str(words) for words, count in counts.items()]


def _number(value: float) -> str:
    return f"{value:.4g}" if value == value else "-"


def _interval(low: float, high: float) -> str:
    return f"{low:.4g} - {high:.4g}" if low == low and high == high else ""
