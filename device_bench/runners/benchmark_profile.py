"""The operator tables of TFLite's profiler: tabs, blanks or commas between columns, read by their header.

Builds differ: older ones have a [start] column, so that a reader that counts columns takes the percentage of a newer
build for milliseconds.
"""

import re
from collections.abc import Callable, Sequence

from device_bench.errors import RunnerError
from device_bench.runners.runner import OperatorTime

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?%?")
_TITLE = re.compile(r"^=+ Run Order =+[ \t]*$", re.MULTILINE)
_REGULAR = "Regular Benchmark Runs"
_SEPARATED: tuple[tuple[str, Callable[[str], list[str]]], ...] = (
    ("\t", lambda line: [field.strip() for field in line.strip("\n").split("\t")]),
    (",", lambda line: [field.strip() for field in line.split(",")]),
)


def read_profile(text: str, runs: int) -> tuple[OperatorTime, ...]:
    """Reads the table in the order of execution, of the timed inferences and not of the initialization.

    Args:
        text: `plain` output, or a CSV file, of either tool.
        runs: Timed inferences, to tell how often a node is called in one.

    Raises:
        RunnerError: There is no such table, or a row of it cannot be read.
    """
    begin = text.rfind(_REGULAR)
    titles = [found.end() for found in _TITLE.finditer(text) if found.start() > begin]
    if not titles:
        raise RunnerError("benchmark_model printed no operator profile")
    # Without the heading the last table is the one of the timed inferences; with it, tables of delegates follow.
    lines = text[titles[0] if begin >= 0 else titles[-1] :].lstrip("\n").split("\n")
    split, columns = _header(lines[0])
    rows = []
    for line in lines[1:]:
        if not line.strip():
            break
        rows.append(_row(split(line), columns, runs, line))
    if not rows:
        raise RunnerError("benchmark_model's operator profile is empty")
    return tuple(rows)


def _header(line: str) -> tuple[Callable[[str], list[str]], Sequence[str]]:
    """How to split a row, and the titles of the numbers between the node's type and its name."""
    for separator, split in _SEPARATED:
        if separator in line:
            titles = [title.strip("[]").replace("_", " ") for title in split(line) if title]
            break
    else:
        split, titles = str.split, re.findall(r"\[([^\]]*)\]", line)
    if titles[:1] != ["node type"] or titles[-1].lower() != "name" or "avg ms" not in titles:
        raise RunnerError(f"the operator profile has columns that are not known: {line.strip()[:100]!r}")
    return split, titles[1:-1]


def _row(fields: list[str], columns: Sequence[str], runs: int, line: str) -> OperatorTime:
    """A type or a name may hold the separator; the run of numbers between them tells where it is."""
    fields = [field for field in fields if field] if fields and not fields[0] else fields
    width = len(columns)
    starts = [
        start for start in range(1, len(fields) - width + 1) if all(map(_fits, fields[start : start + width], columns))
    ]
    if len(starts) != 1:
        raise RunnerError(f"a row of the operator profile cannot be read: {line.strip()[:100]!r}")
    numbers = dict(zip(columns, fields[starts[0] : starts[0] + width], strict=True))
    called = float(numbers.get("times called", runs))
    return OperatorTime(
        name=" ".join(fields[starts[0] + width :]),
        kind=" ".join(fields[: starts[0]]),
        mean_us=float(numbers["avg ms"]) * 1e3,
        calls=max(1, round(called / runs)),
    )


def _fits(field: str, column: str) -> bool:
    """Whether a field is a number, and a share only where the column is one of shares."""
    return _NUMBER.fullmatch(field) is not None and (not field.endswith("%") or "%" in column)
