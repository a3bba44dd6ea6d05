"""The table of `mnas bench` for the terminal."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from device_bench.terminal import plain

if TYPE_CHECKING:
    import pandas as pd

_VERDICT_STYLE = {"valid": "green", "noisy": "yellow", "throttled": "yellow", "failed": "red"}

_ORDER = ["model", "signature", "shape", "device", "threads", "delegate", "cores", "repeat"]
_NAMED = 3
_AMOUNT = r"\d+(\.\d+)?"


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
