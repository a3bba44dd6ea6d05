"""The tables of `mnas devices` and `mnas bench` for the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from device_bench.probe import DeviceInfo, DeviceState
from device_bench.terminal import plain

if TYPE_CHECKING:
    import pandas as pd

_VERDICT_STYLE = {"valid": "green", "noisy": "yellow", "throttled": "yellow", "failed": "red"}

_ORDER = ["model", "signature", "shape", "device", "threads", "delegate", "cores", "repeat"]
_NAMED = 3
_AMOUNT = r"\d+(\.\d+)?"


def devices_table(found: Sequence[tuple[str, DeviceInfo | None, DeviceState | None, str]]) -> Table:
    """A row a device.

    Args:
        found: Name, what it is, how it feels, and why that is not known.
    """
    table = Table("device", "model", "chip, ABI", "system", "cores", "state", header_style="bold", box=None)
    for name, info, state, problem in found:
        if info is None or state is None:
            table.add_row(plain(name), plain(problem, "red"), "", "", "", "")
            continue
        chip = ", ".join(filter(None, (info.soc, info.abi)))
        row = (name, info.model, chip, info.system, describe_cores(info), describe_state(state))
        table.add_row(*map(plain, row))
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
        right = name in ("threads", "run") or " ms" in name or "MB" in name
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in frame.sort_values(_ORDER).itertuples():
        values = {
            "model": row.model,
            "signature": row.signature,
            "shape": row.shape,
            "precision": row.precision,
            "device": row.device,
            "threads": str(row.threads),
            "delegate": row.delegate,
            "cores": row.cores,
            "run": str(row.repeat),
            "median ms": _number(row.median_ms),
            "95 % interval": _interval(row.low_ms, row.high_ms),
            "init ms": _number(row.init_ms),
            "peak MB": _number(row.peak_mb),
            "verdict": row.verdict,
        }
        styles = {"verdict": _VERDICT_STYLE.get(row.verdict, "")}
        table.add_row(*(plain(values[name], styles.get(name, "")) for name in shown))
    return table


def reasons(frame: "pd.DataFrame") -> list[str]:
    """Why numbers are not valid: a line for each kind of reason, with the cells it holds for, the most frequent first.

    Reasons that differ in their numbers alone are of one kind; the line has the first one's.
    """
    doubtful = frame[frame["verdict"] != "valid"].sort_values(_ORDER)
    kinds = (doubtful["verdict"] + ": " + doubtful["reason"]).str.replace(_AMOUNT, "#", regex=True)
    lines = []
    for kind in kinds.value_counts().index:
        rows = doubtful[kinds == kind]
        names = [_cell_name(row, frame) for row in rows.head(_NAMED).itertuples()]
        more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
        such = "such as " if rows["reason"].nunique() > 1 else ""
        lines.append(f"{rows['verdict'].iloc[0]}: {', '.join(names)}{more}: {such}{rows['reason'].iloc[0]}")
    return lines


def _cell_name(row: Any, frame: "pd.DataFrame") -> str:
    """The model, and of the rest what tells the cells of this table apart."""
    words = {
        "device": row.device,
        "threads": f"{row.threads} thread{'' if row.threads == 1 else 's'}",
        "delegate": row.delegate,
        "cores": f"cores {row.cores}",
        "repeat": f"run {row.repeat}",
        "shape": f"shape {row.shape}",
        "signature": f"signature {row.signature}",
    }
    varied = [text for name, text in words.items() if frame[name].nunique() > 1]
    return f"{row.model} ({', '.join(varied)})" if varied else str(row.model)


def _number(value: float) -> str:
    return f"{value:.4g}" if value == value else "-"


def _interval(low: float, high: float) -> str:
    return f"{low:.4g} - {high:.4g}" if low == low and high == high else ""
