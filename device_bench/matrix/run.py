"""`mnas bench`: from its options to a table, a figure and an exit code."""

import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from device_bench.device import Device, open_device
from device_bench.errors import BadRequest
from device_bench.kinds import Verdict
from device_bench.lease import lease
from device_bench.matrix.cells import Axes, Cell, cells
from device_bench.matrix.chart import check_figure, save_bars
from device_bench.matrix.display import make_display
from device_bench.matrix.matrix import Plan, run_matrix
from device_bench.matrix.results import Results
from device_bench.matrix.table import reasons, results_table
from device_bench.runners.runner import BenchSpec
from device_bench.survey import named_devices
from device_bench.terminal import counted, make_console, printable, say
from device_bench.tflite.model_file import check_model
from device_bench.timing.protocol import TimingProtocol

_WIDE, _FILE_WIDTH = 110, 160


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What `mnas bench` is asked for.

    Attributes:
        paths: The TFLite files.
        axes: The other sides of the matrix; the devices may be "all".
        protocol: How often to measure, and how exactly.
        spec: How a session times.
        seed: Of the order of the sessions.
        tool: A benchmark_model to run instead of our own runner, as a file or URL#sha256=HEX.
        output: The table of results; None keeps nothing.
        figure: The bar chart.
        again: Verdicts whose cells are measured again.
    """

    paths: tuple[Path, ...]
    axes: Axes
    protocol: TimingProtocol
    spec: BenchSpec
    seed: int
    tool: str | None
    output: Path | None
    figure: Path | None
    again: tuple[Verdict, ...]


def run_bench(request: BenchRequest) -> None:
    """Measures the open cells and shows all.

    Raises:
        BadRequest: Something that is asked for cannot be; nothing was measured.
        SystemExit: With 1 when a cell failed or stays open, with 130 after ctrl-C.
    """
    if request.figure is not None:
        check_figure(request.figure)
    # Two runs that write one table would take each other's rows away.
    with lease(printable(str(request.output.resolve()))) if request.output else contextlib.nullcontext():
        _run(_plan(request), request)


def _run(plan: Plan, request: BenchRequest) -> None:
    matrix = cells(plan.models, plan.axes, plan.spec)
    results = Results(request.output)
    results.name(matrix)
    todo = results.open(matrix, request.again)
    if known := sum(results.verdict(cell) not in (None, *request.again) for cell in matrix):
        say(f"{known} of {counted(len(matrix), 'cell')} already in {request.output}", err=True)
    stopped, left = False, list[Cell]()
    with make_display(len(todo)) as display:
        try:
            left = run_matrix(
                plan,
                todo,
                results,
                _opener(request.tool),
                progress=display.progress,
                finished=display.finished,
                event=display.event,
            )
        except KeyboardInterrupt:
            stopped = True
    results.name(matrix)
    _show(results, matrix, request)
    if stopped:
        say(f"stopped; {_how_to_go_on(request)}", err=True)
        raise SystemExit(130)
    verdicts = Counter(results.verdict(cell) for cell in matrix)
    if left:
        lost = ", ".join(sorted({cell.device for cell in left}))
        open_ones = counted(len(left), "cell is", "cells are")
        say(f"{open_ones} open because {lost} was set aside; {_how_to_go_on(request)}", err=True)
    if verdicts["failed"]:
        say(f"{counted(verdicts['failed'], 'cell')} failed; to measure again, add --again failed", err=True)
    if left or verdicts["failed"]:
        raise SystemExit(1)


def _plan(request: BenchRequest) -> Plan:
    names, problems = named_devices(request.axes.devices, host_too=False)
    for problem in problems:
        say(f"note: {problem}", err=True)
    if not names:
        raise BadRequest("no phone on USB or at an adb server; plug one in, or name --device host or adb:HOST:PORT")
    output = request.output
    raw = output.with_name(f"{output.name}.raw") if output else None
    axes = replace(request.axes, devices=names)
    return Plan(_models(request.paths), axes, request.protocol, request.spec, request.seed, raw)


def _models(paths: Sequence[Path]) -> dict[str, bytes]:
    """Reads the files, by their names, or by their paths where two have one name."""
    paths = list(dict.fromkeys(paths))
    count = Counter(printable(path.stem) for path in paths)
    models: dict[str, bytes] = {}
    same = defaultdict(list)
    for path in paths:
        content = path.read_bytes()
        check_model(content, str(path))
        digest = hashlib.sha256(content).hexdigest()
        name = printable(path.stem if count[printable(path.stem)] == 1 else str(path))
        name = f"{name} {digest[:8]}" if name in models else name  # two names whose unprintable parts are spelt alike
        models[name] = content
        same[digest].append(name)
    for names in same.values():
        if len(names) > 1:
            say(f"note: {', '.join(names)} are one and the same model, which is measured once", err=True)
    return models


def _opener(tool: str | None) -> Callable[[str], Device]:
    if tool is None:
        return open_device
    from device_bench.runners.benchmark_tool import install_tool

    return partial(open_device, install=partial(install_tool, source=tool))


def _show(results: Results, matrix: Sequence[Cell], request: BenchRequest) -> None:
    frame = results.frame(matrix)
    if frame.empty:
        return
    console = make_console(_FILE_WIDTH)
    console.print(results_table(frame, wide=console.width >= _WIDE))
    for words in reasons(frame):
        say(words)
    if request.output:
        say(f"written: {request.output}", err=True)
    if request.figure and frame["median_ms"].notna().any():
        save_bars(frame, request.figure)
        say(f"written: {request.figure}", err=True)


def _how_to_go_on(request: BenchRequest) -> str:
    if request.output is None:
        return "nothing is kept to resume from without -o FILE"
    return "run the same command again to measure only the open cells"
