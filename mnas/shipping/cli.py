"""`mnas train`, `mnas export` and `mnas mine`: options only, so that `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from device_bench.options import FOLDER, Finite
from mnas.shipping.options import FILES, TRAINING, files_order, gathered, output, training_order

if TYPE_CHECKING:
    from mnas.shipping.order import FilesOrder, Order, TrainingOrder


@click.command()
@click.argument("arch")
@click.option(
    "--data", "source", required=True, metavar="SOURCE", help="Images, such as folder:DIR; see docs/data.md for all."
)
@click.option(
    "--image-size", default=224, show_default=True, type=click.IntRange(1), help="Height and width of the images."
)
@click.option(
    "--channels",
    default="3",
    show_default=True,
    type=click.Choice(["1", "3"]),
    help="Channels of the images: 1 (grey) or 3 (colour).",
)
@click.option(
    "--validation-share",
    default=0.15,
    show_default=True,
    type=Finite(0, 1, min_open=True, max_open=True),
    help="Share of the images that tells how the training goes.",
)
@click.option(
    "--test-share",
    default=0.15,
    show_default=True,
    type=Finite(0, 1, min_open=True, max_open=True),
    help="Share of the images that the finished files are judged on.",
)
@click.option("--limit", type=click.IntRange(1), help="Use at most about this many images.")
@click.option(
    "--cells",
    default="",
    metavar="N@P",
    help="Stack the cells of ARCH anew: N normal cells in front of, between and behind the two reductions, and P "
    "channels of the last map, such as 6@768.",
)
@gathered("training", TRAINING, training_order)
@gathered("files", FILES, files_order)
@output
def train(
    arch: str,
    source: str,
    image_size: int,
    channels: str,
    validation_share: float,
    test_share: float,
    limit: int | None,
    cells: str,
    training: TrainingOrder,
    files: FilesOrder,
    output: Path,
) -> None:
    """Train ARCH in full and write it as files that ship, with a model card.

    ARCH is a published network (mnasnet-a1, or mnasnet-a1@0.5 for half the filters), block strings, the JSON of an
    architecture, a file of either, or a trial of a search (runs/demo:best). Run the same command again after an
    interruption: it resumes where it stopped, and ends in the same files.

    Example: mnas train mnasnet-a1@0.5 --data folder:photos --minutes 60 -o out/

    Cells that were found on small images ship in a larger stack on large ones.

    Example: mnas train runs/cells:best --cells 4@1056 --data folder:photos --minutes 60 -o out/
    """
    from mnas.config import DataSection
    from mnas.shipping.architecture import called, network, stacked
    from mnas.shipping.order import Order, Subject
    from search_spaces import to_json

    if training.epochs == 0 and not training.weights:
        raise click.UsageError("--epochs 0 trains nothing: give --weights, to ship these as they are")
    data = DataSection(
        source=source,
        image_size=image_size,
        channels=cast(Any, int(channels)),
        validation_share=validation_share,
        test_share=test_share,
        limit=limit,
    )
    shape = (image_size, image_size, data.channels)
    named = network(arch, shape)
    named = stacked(named, cells, shape) if cells else named
    _make(
        {
            output: Order(
                subject=Subject(arch=to_json(named.arch), data=data),
                training=training,
                files=files,
                named=called(f"{arch} {cells}".rstrip(), named.arch),
                notes=named.notes,
                command=_command(),
            )
        }
    )


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--trial",
    default="best",
    show_default=True,
    metavar="best|front|N",
    help="The best by the reward, all that no other beats (a folder each), or a trial's number.",
)
@gathered("training", TRAINING, training_order)
@gathered("files", FILES, files_order)
@output
def export(run: Path, trial: str, training: TrainingOrder, files: FilesOrder, output: Path) -> None:
    """Train a candidate of RUN in full and write it as files that ship, with a model card.

    The images are those of the search; the candidate never saw its test split. With --epochs 0 the weights are those
    that the search has found, which takes seconds. Run the same command again after an interruption: it resumes where
    it stopped.

    Example: mnas export runs/demo --trial best --minutes 10 -o out/
    """
    from mnas.shipping.architecture import chosen
    from mnas.shipping.order import Order, Subject
    from search_spaces import to_json

    found = chosen(run, trial)
    subjects = {
        one.number: Subject(
            arch=to_json(one.arch), task=one.run.task.name, run=one.run.path.absolute(), trial=one.number
        )
        for one in found
    }
    _make(
        {
            output / f"trial-{number}" if trial == "front" else output: Order(
                subject=subject,
                training=training,
                files=files,
                named=f"trial {number} of {run}",
                command=_command(),
            )
            for number, subject in subjects.items()
        }
    )


@click.command()
@click.argument("run", type=FOLDER)
@click.option(
    "--count", default=20, show_default=True, type=click.IntRange(1), help="How many networks, spread over the front."
)
@click.option(
    "--epochs",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Passes over the images with which each network is tuned on its own.",
)
@gathered("files", FILES, files_order)
@output
def mine(run: Path, count: int, epochs: int, files: FilesOrder, output: Path) -> None:
    """Write a front of networks with the shared weights of RUN, none of which is trained again.

    RUN is a search with search.evaluate = "shared". Each network is cut out of the shared weights, gets statistics of
    its own, and is written to a folder as files that ship, with a model card; front.csv lists them. Run the same
    command again after an interruption: it resumes where it stopped.

    Example: mnas mine runs/shared --count 20 --precision int8 -o out/
    """
    from mnas.shipping.mine import children, orders, write_front

    cut = children(run, count, output)
    _make(orders(cut, epochs, files, _command()))
    write_front(cut, output / "front.csv")


def _command() -> str:
    """What was typed, as a line that can be pasted."""
    import sys

    from mnas.command_line import pasteable

    return pasteable(["mnas", *sys.argv[1:]])


def _make(orders: dict[Path, Order]) -> None:
    from mnas.shipping.ship import ship

    for folder, order in orders.items():
        try:
            ship(order, folder)
        except KeyboardInterrupt:
            click.echo(f"stopped; nothing is lost. To resume: {order.command}", err=True)
            raise SystemExit(130) from None
