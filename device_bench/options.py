"""Options that several commands share; a light module, so that `--help` answers at once."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Handler = Callable[..., None]

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


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


class Finite(click.FloatRange):
    """A number within bounds; "nan" and "inf", which Python takes for numbers, are refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()


def devices_option(default: str, everything: str = "all") -> Callable[[Handler], Handler]:
    """`--device` for several devices, given as `names`; `everything` explains the word `all`."""
    return click.option(
        "--device",
        "names",
        type=Listed(click.STRING),
        default=default,
        metavar="NAME[,NAME...]",
        show_default=True,
        help=f"{everything}, host, adb:SERIAL, adb:HOST:PORT, adb-server:SERIAL.",
    )


cores_option = click.option(
    "--cores", metavar="big|little|all|MASK", help="Cores to run on; MASK is hexadecimal, such as f0."
)

shapes_option = click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="[INPUT=]N,N...",
    help="Shape of an input that a model leaves open, such as 1,224,224,3. May be given once per input.",
)
