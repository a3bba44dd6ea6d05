"""`mnas devices` and `mnas bench`: options only, so that `--help` answers at once."""

from pathlib import Path

import click

from device_bench.kinds import DELEGATES, VERDICTS, Delegate, Verdict
from device_bench.options import FILE, Finite, Listed, cores_option, devices_option, shapes_option


@click.command()
@devices_option("all")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, for programs.")
def devices(names: tuple[str, ...], as_json: bool) -> None:
    """List the phones and boards that answer, and their state.

    `all` is this machine and every phone on USB or at a running adb server; phones on the network are named.
    """
    from device_bench.survey import survey

    survey(names, as_json=as_json)


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@devices_option("host", everything="all (phones, without this machine)")
@click.option(
    "--threads",
    type=Listed(click.IntRange(1)),
    default="1",
    metavar="N[,N...]",
    show_default=True,
    help="Numbers of threads to measure with.",
)
@click.option(
    "--delegate",
    "delegates",
    type=Listed(click.Choice(DELEGATES)),
    default="cpu",
    metavar="NAME[,NAME...]",
    show_default=True,
    help=f"One or more of {', '.join(DELEGATES)}.",
)
@cores_option
@shapes_option
@click.option("--signature", metavar="NAME", help="Which signature to time if a model has several.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(1), help="How often to measure each cell.")
@click.option("--runs", default=50, show_default=True, type=click.IntRange(1), help="Timed inferences per session.")
@click.option(
    "--warmup", default=8, show_default=True, type=click.IntRange(0), help="Inferences per session that are not timed."
)
@click.option(
    "--sessions",
    default="5,20",
    show_default=True,
    metavar="MIN,MAX",
    type=Listed(click.IntRange(1)),
    help="Sessions per cell.",
)
@click.option(
    "--interval",
    default=0.03,
    show_default=True,
    type=Finite(0, min_open=True),
    help="Stop when the interval's half-width is below this share of the median.",
)
@click.option("--time-limit", default=120.0, show_default=True, type=Finite(1), help="Seconds per cell.")
@click.option("--no-canary", is_flag=True, help="Do not check whether the device itself becomes slower.")
@click.option(
    "--tool", metavar="FILE|URL", help="File or URL#sha256=HEX of a benchmark_model to run instead of our own runner."
)
@click.option("--seed", default=0, show_default=True, help="Seed for the order of the sessions.")
@click.option("-o", "--output", type=FILE, help="Table of results to write (.csv or .parquet).")
@click.option("--figure", type=FILE, help="Bar chart to draw (.png, .svg or .pdf).")
@click.option(
    "--again",
    type=Listed(click.Choice(VERDICTS)),
    default=(),
    metavar="VERDICT[,...]",
    help="Measure cells of OUTPUT with such a verdict again.",
)
def bench(
    models: tuple[Path, ...],
    names: tuple[str, ...],
    threads: tuple[int, ...],
    delegates: tuple[Delegate, ...],
    cores: str | None,
    shapes: tuple[str, ...],
    signature: str | None,
    repeat: int,
    runs: int,
    warmup: int,
    sessions: tuple[int, ...],
    interval: float,
    time_limit: float,
    no_canary: bool,
    tool: str | None,
    seed: int,
    output: Path | None,
    figure: Path | None,
    again: tuple[Verdict, ...],
) -> None:
    """Time MODELS (.tflite files) on devices, threads and delegates, with numbers that can be trusted.

    All phones work at once. With an OUTPUT, everything raw is kept beside it in OUTPUT.raw/, and the same command
    again measures only the cells that are still open.

    Example: mnas bench models/*.tflite --device all --threads 1,4 --delegate cpu,gpu --repeat 5 -o results.csv
    """
    from device_bench.matrix.cells import Axes
    from device_bench.matrix.run import BenchRequest, run_bench
    from device_bench.runners.runner import BenchSpec
    from device_bench.timing.protocol import TimingProtocol

    if len(sessions) > 2:
        raise click.BadParameter(f"it takes MIN,MAX, not {len(sessions)} numbers", param_hint="--sessions")
    protocol = TimingProtocol(
        min_sessions=min(sessions),
        max_sessions=max(sessions),
        precision=interval,
        time_limit_s=time_limit,
        session_timeout_s=time_limit,
        canary_limit=None if no_canary else TimingProtocol().canary_limit,
    )
    axes = Axes(names, tuple(dict.fromkeys(threads)), tuple(dict.fromkeys(delegates)), cores, repeat)
    spec = BenchSpec(warmup_runs=warmup, runs=runs, shapes=shapes, signature=signature)
    run_bench(BenchRequest(models, axes, protocol, spec, seed, tool, output, figure, again))
