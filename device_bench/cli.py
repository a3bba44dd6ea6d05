"""`mnas devices` and `mnas bench`: options only, so that `--help` answers at once."""

from pathlib import Path
from typing import Any

import click

DELEGATES = ("cpu", "gpu", "nnapi", "npu")
VERDICTS = ("failed", "noisy", "throttled", "valid")


class Listed(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on only
    """Values with commas between them, such as "1,4"; an option of this type may also be given several times."""

    name = "list"

    def __init__(self, item: click.ParamType) -> None:  # type: ignore[type-arg]
        self._item = item

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """A tuple of the single values."""
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        if not all(words):
            self.fail(f"{value!r} has an empty place between commas", param, ctx)
        return tuple(self._item.convert(word, param, ctx) for word in words)


@click.command()
@click.option(
    "--device",
    "names",
    type=Listed(click.STRING),
    default="all",
    metavar="NAME[,NAME...]",
    show_default=True,
    help="all, host, adb:SERIAL, adb:HOST:PORT, adb-server:SERIAL.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, for programs.")
def devices(names: tuple[str, ...], as_json: bool) -> None:
    """List the phones and boards that answer, and their state.

    `all` is this machine and every phone on USB or at a running adb server; phones on the network are named.
    """
    from device_bench.survey import survey

    survey(names, as_json=as_json)


@click.command()
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--device",
    "names",
    type=Listed(click.STRING),
    default="host",
    metavar="NAME[,NAME...]",
    show_default=True,
    help="all (phones, without this machine), host, adb:SERIAL, adb:HOST:PORT, adb-server:SERIAL.",
)
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
@click.option("--cores", metavar="big|little|all|MASK", help="Cores to run on; MASK is hexadecimal, such as f0.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="[INPUT=]N,N...",
    help="Shape of an input that a model leaves open, such as 1,224,224,3. May be given once per input.",
)
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
    type=click.FloatRange(0, min_open=True),
    help="Stop when the interval's half-width is below this share of the median.",
)
@click.option("--time-limit", default=120.0, show_default=True, type=click.FloatRange(1), help="Seconds per cell.")
@click.option("--no-canary", is_flag=True, help="Do not check whether the device itself becomes slower.")
@click.option(
    "--tool", metavar="FILE|URL", help="File or URL#sha256=HEX of a benchmark_model to run instead of our own runner."
)
@click.option("--seed", default=0, show_default=True, help="Seed for the order of the sessions.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Table of results to write (.csv or .parquet).",
)
@click.option(
    "--figure", type=click.Path(path_type=Path, dir_okay=False), help="Bar chart to draw (.png, .svg or .pdf)."
)
@click.option(
    "--again",
    type=Listed(click.Choice(VERDICTS)),
    default=(),
    metavar="VERDICT[,...]",
    help="Measure cells of OUTPUT with such a verdict again.",
)
def bench(models: tuple[Path, ...], **options: object) -> None:
    """Time MODELS (.tflite files) on devices, threads and delegates, with numbers that can be trusted.

    All phones work at once. With an OUTPUT, everything raw is kept beside it in OUTPUT.raw/, and the same command
    again measures only the cells that are still open.

    Example: mnas bench models/*.tflite --device all --threads 1,4 --delegate cpu,gpu --repeat 5 -o results.csv
    """
    from device_bench.matrix.run import BenchOptions, run_bench

    run_bench(models, BenchOptions(**options))  # type: ignore[arg-type]
