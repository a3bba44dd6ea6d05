"""`mnas bench`: from its options to a table, a figure and an exit code."""

import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device_bench.device import Device, open_device
from device_bench.errors import BadRequest
from device_bench.lease import lease
from device_bench.matrix.cells import Axes, Cell, cells
from device_bench.matrix.chart import check_figure, save_bars
from device_bench.matrix.display import make_display
from device_bench.matrix.matrix import Plan, run_matrix
from device_bench.matrix.results import Results
from device_bench.matrix.table import reasons, results_table
from device_bench.runners.runner import BenchSpec
from device_bench.survey import named_devices
from device_bench.terminal import make_console, printable, say
from device_bench.tflite.model_file import check_model
from device_bench.timing.protocol import TimingProtocol

_WIDE, _FILE_WIDTH = 110, 160


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The options of `mnas bench`, as its `--help` explains them."""

    names: tuple[str, ...]
    threads: tuple[int, ...]
    delegates: tuple[str, ...]
    cores: str | None
    repeat: int
    runs: int
    warmup: int
    sessions: tuple[int, ...]
    interval: float
    time_limit: float
    no_canary: bool
    tool: str | None
    seed: int
    output: Path | None
    figure: Path | None
    again: tuple[str, ...]
    shapes: tuple[str, ...] = ()
    signature: str | None = None


def run_bench(paths: Sequence[Path], options: BenchOptions) -> None:
    """Measures the open cells and shows all.

    Raises:
        BadRequest: Something that is asked for cannot be; nothing was measured.
        SystemExit: With 1 when a cell failed or stays open, with 130 after ctrl-C.
    """
    if options.figure is not None:
        check_figure(options.figure)
    # Two runs that write one table would take each other's rows away.
    with lease(printable(str(options.output.resolve()))) if options.output else contextlib.nullcontext():
        _run(_plan(paths, options), options)


def _run(plan: Plan, options: BenchOptions) -> None:
    matrix = cells(plan.models, plan.axes, plan.spec)
    results = Results(options.output)
    results.name(matrix)
    todo = results.open(matrix, options.again)
    if known := sum(results.verdict(cell) not in (None, *options.again) for cell in matrix):
        say(f"{known} of {len(matrix)} cells are in {options.output} already", err=True)
    stopped, left = False, list[Cell]()
    with make_display(len(todo)) as display:
        try:
            left = run_matrix(
                plan,
                todo,
                results,
                _opener(options.tool),
                progress=display.progress,
                finished=display.finished,
                event=display.event,
            )
        except KeyboardInterrupt:
            stopped = True
    results.name(matrix)
    _show(results, matrix, options)
    if stopped:
        say(f"stopped; {_how_to_go_on(options)}", err=True)
        raise SystemExit(130)
    verdicts = Counter(results.verdict(cell) for cell in matrix)
    if left:
        lost = ", ".join(sorted({cell.device for cell in left}))
        say(f"{len(left)} cells are open because {lost} was set aside; {_how_to_go_on(options)}", err=True)
    if verdicts["failed"]:
        say(f"{verdicts['failed']} cells have failed; --again failed measures them again", err=True)
    if left or verdicts["failed"]:
        raise SystemExit(1)


def _plan(paths: Sequence[Path], options: BenchOptions) -> Plan:
    names, problems = named_devices(options.names, host_too=False)
    for problem in problems:
        say(f"note: {problem}", err=True)
    if not names:
        raise BadRequest("no phone on USB or at an adb server; plug one in, or name --device host or adb:HOST:PORT")
    axes = Axes(
        names,
        tuple(dict.fromkeys(options.threads)),
        tuple(dict.fromkeys(options.delegates)),
        options.cores,
        options.repeat,
    )
    if len(options.sessions) > 2:
        raise BadRequest(f"--sessions takes MIN,MAX, not {len(options.sessions)} numbers")
    low, high = min(options.sessions), max(options.sessions)
    protocol = TimingProtocol(
        min_sessions=low,
        max_sessions=high,
        precision=options.interval,
        time_limit_s=options.time_limit,
        session_timeout_s=options.time_limit,
        canary_limit=None if options.no_canary else TimingProtocol().canary_limit,
    )
    spec = BenchSpec(warmup_runs=options.warmup, runs=options.runs, shapes=options.shapes, signature=options.signature)
    raw = options.output.with_name(f"{options.output.name}.raw") if options.output else None
    return Plan(_models(paths), axes, protocol, spec, options.seed, raw)


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


def _show(results: Results, matrix: Sequence[Cell], options: BenchOptions) -> None:
    frame = results.frame(matrix)
    if frame.empty:
        return
    console = make_console(_FILE_WIDTH)
    console.print(results_table(frame, wide=console.width >= _WIDE))
    for words in reasons(frame):
        say(words)
    if options.output:
        say(f"written: {options.output}", err=True)
    if options.figure and frame["median_ms"].notna().any():
        save_bars(frame, options.figure)
        say(f"written: {options.figure}", err=True)


def _how_to_go_on(options: BenchOptions) -> str:
    if options.output is None:
        return "nothing is kept to resume from without -o FILE"
    return "run the same command again to measure only the open cells"
