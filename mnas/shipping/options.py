"""The options that `mnas train`, `mnas export` and `mnas mine` share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from device_bench.kinds import PRECISIONS
from device_bench.options import FOLDER, Finite, Listed

if TYPE_CHECKING:
    from mnas.shipping.order import FilesOrder, TrainingOrder

Handler = Callable[..., None]

_LARGEST = 2**63 - 1
"""Seed that TensorFlow takes."""

TRAINING = (
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

FILES = (
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

output = click.option("-o", "--output", type=FOLDER, required=True, help="Directory to write to.")


def gathered(
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


def training_order(given: dict[str, Any]) -> TrainingOrder:
    from mnas.shipping.order import TrainingOrder, recipe_changes

    if given["epochs"] is not None and given["minutes"] is not None:
        raise click.UsageError("--epochs and --minutes both say how long to train: give one of them")
    changes = recipe_changes(given.pop("changes"))
    if "epochs" in changes:
        raise click.UsageError("give the number of epochs as --epochs, not in --recipe")
    return TrainingOrder(recipe=changes, **given)


def files_order(given: dict[str, Any]) -> FilesOrder:
    from mnas.shipping.order import FilesOrder

    return FilesOrder(colour=not given.pop("grey"), **given)
