"""`mnas table`: options only, so that `--help` answers at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from device_bench.kinds import PRECISIONS
from device_bench.options import FILE, Finite, cores_option, shapes_option
from device_bench.terminal import counted
from mnas.latency_tables.space_options import SpaceCommand, space_parameters, typed

if TYPE_CHECKING:
    from device_bench.kinds import Precision


_table_argument = click.argument("path", metavar="TABLE", type=FILE)
_output_option = click.option("-o", "--output", required=True, type=FILE, help="Table to write (.json).")
_seed_option = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed for all random choices."
)
_workers_option = click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes that convert."
)


@click.group()
def table() -> None:
    """Latency tables: predict latencies without a phone at hand."""


@table.command(cls=SpaceCommand, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--device", default="host", show_default=True, help="Where to measure: host, adb:SERIAL, adb:HOST:PORT.")
@click.option(
    "--space", "name", default="mnasnet", show_default=True, help="Search space; its own options are listed below."
)
@click.option(
    "--image-size", default=224, show_default=True, type=click.IntRange(8), help="Height and width of the images."
)
@click.option("--channels", default=3, show_default=True, type=click.IntRange(1), help="Channels of the images.")
@click.option(
    "--classes", default=1000, show_default=True, type=click.IntRange(1), help="Classes, or other outputs of the task."
)
@click.option("--task", default="classification", show_default=True, help="Task that gives the networks their head.")
@click.option(
    "--precision",
    default="int8",
    show_default=True,
    type=click.Choice(PRECISIONS),
    help="Precision of the networks.",
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of the runtime.")
@cores_option
@click.option("--minutes", default=2.0, show_default=True, type=Finite(0, min_open=True), help="Device time to use.")
@click.option(
    "--networks", default=24, show_default=True, type=click.IntRange(4), help="Whole networks to calibrate on."
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    default=("mnasnet-a1", "mobilenet-v2"),
    show_default=True,
    help="Published network to measure too, as searches use them. May be given several times.",
)
@_workers_option
@_seed_option
@click.option("--realtime", is_flag=True, help="On host: let nothing interrupt a session (needs root).")
@_output_option
@click.pass_context
def build(
    ctx: click.Context,
    device: str,
    name: str,
    image_size: int,
    channels: int,
    classes: int,
    task: str,
    precision: str,
    threads: int,
    cores: str | None,
    minutes: float,
    networks: int,
    references: tuple[str, ...],
    workers: int,
    seed: int,
    realtime: bool,
    output: Path,
) -> None:
    """Measure the operators of a space on a device.

    Run the same command again after an interruption: it resumes where it was.

    Example: mnas table build --device adb:R58M12 --space mnasnet -o pixel7.json
    """
    from mnas.latency_tables.run import BuildRequest, TableSpace, build_table
    from mnas.latency_tables.show import show_build, show_progress, speaker
    from search_spaces import SpaceChoice

    parameters = typed(name, space_parameters(name, ctx.args))
    choice = TableSpace(SpaceChoice.of(name, parameters), image_size, channels, classes, task)
    request = BuildRequest(
        device,
        choice,
        cast("Precision", precision),
        threads,
        cores,
        minutes,
        networks,
        workers,
        seed,
        realtime,
        output,
        references,
    )
    try:
        with speaker() as say:
            made = build_table(request, say, lambda progress: say(show_progress(progress)))
    except KeyboardInterrupt:
        click.echo("stopped; nothing is lost. Run the same command again to resume", err=True)
        raise SystemExit(130) from None
    click.echo(show_build(made, output))


@table.command()
@_table_argument
@click.option("--device", help="Where to measure; by default on the device that the table names.")
@click.option(
    "--random", "randoms", default=60, show_default=True, type=click.IntRange(2), help="Number of random networks."
)
@click.option(
    "--near",
    "nears",
    default=30,
    show_default=True,
    type=click.IntRange(0),
    help="Number of mutants of a published network.",
)
@click.option("--sessions", default=8, show_default=True, type=click.IntRange(1), help="Minimum processes per network.")
@_seed_option
@_workers_option
@click.option(
    "--unmeasured",
    default=0.0,
    show_default=True,
    type=Finite(0, 0.9),
    help="Judge the table as if this share of its operators had never been measured.",
)
def check(
    path: Path,
    device: str | None,
    randoms: int,
    nears: int,
    sessions: int,
    seed: int,
    workers: int,
    unmeasured: float,
) -> None:
    """Measure a table's error on networks that it never saw.

    Writes TABLE.check.json and TABLE.check.png beside the table, and the result into it.
    """
    from mnas.latency_tables.run import check_table
    from mnas.latency_tables.show import show_check, speaker, write_check

    with speaker() as say:
        result = check_table(
            path,
            device=device,
            randoms=randoms,
            nears=nears,
            sessions=sessions,
            seed=seed,
            workers=workers,
            unmeasured=unmeasured,
            say=say,
        )
    write_check(result, path)
    click.echo(show_check(result))


@table.command()
@_table_argument
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--fill", is_flag=True, help="Estimate operators that the table does not have.")
@click.option(
    "--image-size", default=224, show_default=True, type=click.IntRange(8), help="Image size for published networks."
)
@click.option(
    "--classes",
    default=1000,
    show_default=True,
    type=click.IntRange(1),
    help="Classes, or other outputs, of published networks.",
)
@shapes_option
@click.option("--unchecked", is_flag=True, help="Do not time the table's device first, even if it is at hand.")
def predict(
    path: Path,
    models: tuple[str, ...],
    fill: bool,
    image_size: int,
    classes: int,
    shapes: tuple[str, ...],
    unchecked: bool,
) -> None:
    """Predict the latency of TFLite files, net definitions (.config, .json) or published networks by name.

    Where the table's device is at hand, the canary and a few operators are timed on it first.

    Example: mnas table predict pixel7.json mnasnet-a1 model.tflite
    """
    from device_bench.latency_table.table import LatencyTable
    from mnas.latency_tables.at_hand import confirm
    from mnas.latency_tables.price import price

    say = partial(click.echo, err=True)
    confirm(LatencyTable.load(path), path, say, check=not unchecked, override="--unchecked")
    for line in price(path, models, fill=fill or None, image_size=image_size, classes=classes, shapes=shapes):
        click.echo(line)


@table.command(name="import")
@click.argument("source", type=FILE)
@click.option("--device", required=True, help="What the numbers were measured on, such as 'Pixel 1'.")
@_output_option
def import_(source: Path, device: str, output: Path) -> None:
    """Convert a published table into our format.

    SOURCE is a YAML table of ProxylessNAS or Once-for-all, or a linear cost model (JSON: bias, coef).
    """
    from device_bench.latency_table.published import import_table

    made = import_table(source, device)
    made.save(output)
    click.echo(f"{output}: {counted(len(made.entries), 'entry', 'entries')} of {made.keys} on {device}")
