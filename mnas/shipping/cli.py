"""`mnas train` and `mnas export`: options only, so that `--help` answers at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from device_bench.kinds import PRECISIONS
from device_bench.options import FOLDER, Finite, Listed

if TYPE_CHECKING:
    from mnas.shipping.order import FilesOrder, Order, TrainingOrder

Handler = Callable[..., None]

_LARGEST = 2**63 - 1
"""Seed that TensorFlow takes."""

_TRAINING = (
    click.option(
        "--epochs",
        type=click.IntRange(0),
        help="Passes over the images; 0 ships the weights that are there. [default: as the recipe has it]",
    ),
    click.option(
        "--minutes",
        type=Finite(0, min_open=True),
        help="How long to train, in place of --epochs: as many epochs as fit.",
    ),
    click.option(
        "--recipe",
        "changes",
        multiple=True,
        metavar="KEY=VALUE",
        help="Change the recipe of the training, such as batch_size=64 or flip=true. May be given several times.",
    ),
    click.option(
        "--weights",
        default="",
        metavar="SOURCE",
        help="Weights to start from: imagenet, a file (.weights.h5, .keras, .npz), an earlier `mnas train` directory, "
        "or a trial of a search.",
    ),
    click.option("--freeze", default="", metavar="BLOCK", help="Keep these weights as they are up to a block."),
    click.option(
        "--prune",
        default=0.0,
        show_default=True,
        type=Finite(0, 1, max_open=True),
        help="Share of the weights that become zero: smaller downloads, the same latency.",
    ),
    click.option(
        "--seed", default=0, show_default=True, type=click.IntRange(0, _LARGEST), help="Seed for all random choices."
    ),
)

_FILES = (
    click.option(
        "--precision",
        "precisions",
        type=Listed(click.Choice(PRECISIONS)),
        default="float32,int8",
        show_default=True,
        metavar="NAME[,NAME...]",
        help=f"One file each: {', '.join(PRECISIONS)}.",
    ),
    click.option(
        "--quantize",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "ptq", "qat"]),
        help="How int8 files are made: ptq calibrates the trained network, qat trains it on for int8, auto does that "
        "where calibration alone loses more than 0.2 points.",
    ),
    click.option(
        "--calibration",
        default=200,
        show_default=True,
        type=click.IntRange(1),
        help="Images of the train split that set the ranges of int8 files.",
    ),
    click.option(
        "--interface",
        default="uint8",
        show_default=True,
        type=click.Choice(["uint8", "float32", "int8"]),
        help="What apps hand to int8 files and get from them; MediaPipe and the Task Library refuse int8.",
    ),
    click.option("--grey", is_flag=True, help="Keep the one channel of networks for grey images, which few apps read."),
    click.option(
        "--diagnose", is_flag=True, help="Compare int8 with float operator by operator, and repair what is at fault."
    ),
    click.option(
        "--floor",
        type=Finite(),
        metavar="VALUE",
        help="Value of the metric on the validation split that a repair has to reach, such as 0.9.",
    ),
    click.option(
        "--device",
        default="host",
        show_default=True,
        help="Where to time the files: host, adb:SERIAL, adb:HOST:PORT, table:FILE, or none.",
    ),
    click.option(
        "--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Threads of the runtime."
    ),
    click.option(
        "--target",
        "target_ms",
        type=Finite(0, min_open=True),
        metavar="MS",
        help="Latency that the files should keep to; the card says whether they do.",
    ),
)

_output = click.option("-o", "--output", type=FOLDER, required=True, help="Directory to write to.")


def _gathered(
    name: str, options: Sequence[Callable[[Handler], Handler]], made: Callable[[dict[str, Any]], object]
) -> Callable[[Handler], Handler]:
    """Options that the handler gets as one value.

    Args:
        name: Of the handler's parameter.
        options: In the order in which `--help` lists them.
        made: The options by name -> the value.
    """

    def decorate(handler: Handler) -> Handler:
        own = _names(options)

        @functools.wraps(handler)
        def wrapped(**given: Any) -> None:
            value = made({key: given.pop(key) for key in own})
            handler(**given, **{name: value})

        return _with(options, wrapped)

    return decorate


def _with(options: Sequence[Callable[[Handler], Handler]], handler: Handler) -> Handler:
    return functools.reduce(lambda inner, option: option(inner), reversed(options), handler)


def _names(options: Sequence[Callable[[Handler], Handler]]) -> list[str]:
    """The parameters that options fill."""
    return [str(one.name) for one in click.command()(_with(options, lambda: None)).params]


def _training_order(given: dict[str, Any]) -> TrainingOrder:
    from mnas.shipping.order import TrainingOrder, recipe_changes

    if given["epochs"] is not None and given["minutes"] is not None:
        raise click.UsageError("--epochs and --minutes both say how long to train: give one of them")
    changes = recipe_changes(given.pop("changes"))
    if "epochs" in changes:
        raise click.UsageError("give the number of epochs as --epochs, not in --recipe")
    return TrainingOrder(recipe=changes, **given)


def _files_order(given: dict[str, Any]) -> FilesOrder:
    from mnas.shipping.order import FilesOrder

    return FilesOrder(colour=not given.pop("grey"), **given)


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
@_gathered("training", _TRAINING, _training_order)
@_gathered("files", _FILES, _files_order)
@_output
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
@_gathered("training", _TRAINING, _training_order)
@_gathered("files", _FILES, _files_order)
@_output
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
