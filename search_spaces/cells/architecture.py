"""Networks of cells as frozen data: the cells, and the skeleton that stacks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal

from search_spaces.cells.genotype import INPUTS, Block, Cell, Edge, loose_ends
from search_spaces.cells.operators import Identity
from search_spaces.errors import SpaceError
from search_spaces.graph import Shape, check_input_shape

STRIDED_STEM = 32
"""Filters of the strided stem of the mobile networks of NASNet and PNASNet."""

SMALLEST_MAP = 3
"""The last map behind a strided stem is kept at least this high and wide by `strided`."""

SMALLEST_IMAGE = 4
"""Two reductions leave one pixel of it."""

LEAST_CELLS, MOST_CELLS, MOST_FILTERS = 3, 300, 8192

_DOUBLINGS = 4
_STEM_DIVISIONS = 32  # of the image, from the strided stem to the last map


@dataclass(frozen=True, slots=True)
class Style:
    """What the published networks of cells do differently.

    Attributes:
        one_cell: Whether one cell serves both strides (PNASNet).
        reductions: Whether the reductions stand beside the normal cells (NASNet, ENAS), or among the number of cells
            (PNASNet, DARTS).
        raw_start: Whether the older input of the first cell is its newer one as it is; else it is projected.
        projects_always: Whether the older input of a cell is projected where its channels fit as well (DARTS).
        projects_twice: Whether a newer input whose channels do not fit is projected to them before it is projected as
            always (ENAS).
        identity: What an identity of stride 2 is: a ReLU and a 1x1 convolution, or a factorized reduction with a ReLU
            in front (DARTS) or without (ENAS).
        joins: Which states the cells of a search concatenate: those that nothing reads, these with the inputs of the
            cell among them (ENAS), or all that the blocks make (DARTS).
        biased: Whether the fully connected layer has a bias.
        auxiliary: Which cell the auxiliary head of a training reads, counted from the second reduction: the one in
            front of it, itself (DARTS), or the one behind it (ENAS).
    """

    one_cell: bool = False
    reductions: Literal["beside", "among"] = "beside"
    raw_start: bool = True
    projects_always: bool = False
    projects_twice: bool = False
    identity: Identity = "conv"
    joins: Literal["unread", "unread with inputs", "all"] = "unread"
    biased: bool = True
    auxiliary: Literal[-1, 0, 1] = -1

    def output(self, blocks: tuple[Block, ...]) -> tuple[int, ...]:
        """What leaves a cell of these blocks."""
        if self.joins == "all":
            return tuple(range(INPUTS, INPUTS + len(blocks)))
        return loose_ends(blocks, inputs=self.joins == "unread with inputs")


@dataclass(frozen=True, slots=True)
class CellArch:
    """A stem, cells with two reductions among them, and a ReLU behind the last.

    Attributes:
        normal: The cell that keeps the size of its maps.
        reduction: The cell that halves it; None where one cell serves both strides.
        cells: Normal cells; the reductions count where they stand among them.
        filters: Of the operators of the first cells, F; each reduction doubles them.
        strided_stem: Filters of a convolution of stride 2, behind which two reduction cells with F/4 and F/2 filters
            stand (ImageNet); 0 for a convolution of stride 1 with 3F filters (CIFAR).
        skips_reduction: Whether a cell behind a reduction also reads what the reduction read as the older of its inputs
            (`skip_reduction_layer_input` of the published code), instead of the newer.
    """

    normal: Cell
    reduction: Cell | None
    cells: int
    filters: int
    strided_stem: int = 0
    skips_reduction: bool = False

    style: ClassVar[Style] = Style()

    def __post_init__(self) -> None:
        if not (LEAST_CELLS <= self.cells <= MOST_CELLS and 1 <= self.filters <= MOST_FILTERS):
            raise SpaceError(
                f"a network of cells has from {LEAST_CELLS} to {MOST_CELLS} cells and from 1 to {MOST_FILTERS} "
                f"filters, not {self.cells} and {self.filters}"
            )
        if not 0 <= self.strided_stem <= MOST_FILTERS:
            raise SpaceError(f"the filters of a strided stem are from 0 to {MOST_FILTERS}, not {self.strided_stem}")
        if (self.reduction is None) != self.style.one_cell:
            raise SpaceError("a network of this family has a normal and a reduction cell, or one cell for both strides")
        if self.skips_reduction and self.style.reductions == "among":
            raise SpaceError("where the reductions are two of the cells, no cell can skip one")

    @property
    def strided_cell(self) -> Cell:
        """The cell of the reductions."""
        return self.normal if self.reduction is None else self.reduction

    @property
    def penultimate(self) -> int:
        """Channels of the last map: the P of the papers' `N@P`."""
        return len(self.normal.output) * self.filters * _DOUBLINGS


class NasnetArch(CellArch):
    """A network of NASNet's kind (Zoph et al. 2017), AmoebaNet included (Real et al. 2019)."""


class DartsArch(CellArch):
    """A network of DARTS's kind (Liu et al., ICLR 2019)."""

    style = Style(
        reductions="among",
        raw_start=False,
        projects_always=True,
        identity="relu_factorized",
        joins="all",
        auxiliary=0,
    )


class PnasArch(CellArch):
    """A network of PNASNet's kind: one cell for both strides (Liu et al., ECCV 2018)."""

    style = Style(one_cell=True, reductions="among")


class EnasMicroArch(CellArch):
    """A network of ENAS's micro space, as its published code builds a found one (Pham et al., ICML 2018)."""

    style = Style(
        raw_start=False,
        projects_twice=True,
        identity="factorized",
        joins="unread with inputs",
        biased=False,
        auxiliary=1,
    )


def scale(arch: CellArch, width: float, depth: float = 1.0) -> CellArch:
    """Makes a network wider or deeper: `width` is a factor on the filters, `depth` one on the cells."""
    filters = min(MOST_FILTERS, max(1, round(arch.filters * width)))
    return replace(arch, filters=filters, cells=min(MOST_CELLS, max(LEAST_CELLS, round(arch.cells * depth))))


def strided(arch: CellArch, input_shape: Shape) -> CellArch:
    """The same network with the stem for images of small ones, where the strided stem would leave too few pixels.

    Raises:
        SpaceError: The image is under 4 pixels high or wide.
    """
    return replace(arch, strided_stem=stem_for(arch.strided_stem, input_shape))


def restack(arch: CellArch, repeats: int, channels: int, input_shape: Shape) -> CellArch:
    """The same cells, stacked deeper and wider: the `N@P` of the papers (Zoph et al. 2017, section 3).

    Args:
        arch: What holds the cells.
        repeats: Normal cells in front of, between and behind the two reductions, N.
        channels: Of the last map, P.
        input_shape: Of the images; from 96 pixels on the network gets the strided stem.

    Raises:
        SpaceError: No number of filters gives the channels, or the image is too small.
    """
    step = len(arch.normal.output) * _DOUBLINGS
    if channels % step:
        near = sorted({max(1, channels // step) * step, (channels // step + 1) * step})
        raise SpaceError(
            f"the last map of these cells has a multiple of {step} channels, not {channels}: "
            f"{' or '.join(f'{repeats}@{one}' for one in near)} is near"
        )
    stem = stem_for(arch.strided_stem or STRIDED_STEM, input_shape)
    return replace(arch, cells=3 * repeats, filters=channels // step, strided_stem=stem)


def stem_for(strided_stem: int, input_shape: Shape) -> int:
    """The filters of the strided stem for images of that shape, 0 for small ones; raises as `strided`."""
    height, width, _ = check_input_shape(input_shape)
    if min(height, width) < SMALLEST_IMAGE:
        raise SpaceError(
            f"input {height}x{width} is too small: a network of cells needs at least "
            f"{SMALLEST_IMAGE}x{SMALLEST_IMAGE} pixels"
        )
    return strided_stem if min(height, width) >= SMALLEST_MAP * _STEM_DIVISIONS else 0


def to_dict(arch: CellArch) -> dict[str, Any]:
    """The architecture as JSON values; `from_dict` reads them back."""
    reduction = {} if arch.reduction is None else {"reduction": _cell_values(arch.reduction)}
    return {
        "normal": _cell_values(arch.normal),
        **reduction,
        "cells": arch.cells,
        "filters": arch.filters,
        "strided_stem": arch.strided_stem,
        "skips_reduction": arch.skips_reduction,
    }


def reader(kind: type[CellArch]) -> Callable[[dict[str, Any]], CellArch]:
    """`from_dict` of a family: reads what `to_dict` wrote.

    Args:
        kind: The class of the family's architectures. What is returned raises `SpaceError` where a key is missing or
            unknown, or a value is one that no architecture has.
    """

    def from_dict(data: dict[str, Any]) -> CellArch:
        known = {field.name for field in fields(CellArch)}
        if unknown := sorted(data.keys() - known):
            raise SpaceError(f"not an architecture: unknown key {unknown[0]!r}")
        try:
            reduction = None if "reduction" not in data else _cell(data["reduction"])
            cells, filters, stem = (_number(data[name]) for name in ("cells", "filters", "strided_stem"))
            return kind(_cell(data["normal"]), reduction, cells, filters, stem, _flag(data["skips_reduction"]))
        except (TypeError, KeyError, ValueError) as error:
            raise SpaceError(f"not an architecture: {' '.join(str(error).split())}") from None

    return from_dict


def _cell_values(cell: Cell) -> dict[str, Any]:
    """Each block is the two states, operators and, where it is not a sum, the way to combine them."""
    blocks = [[*left, *right, *([] if combine == "add" else [combine])] for left, right, combine in cell.blocks]
    return {"blocks": blocks, "output": list(cell.output)}


def _cell(values: Any) -> Cell:
    if not isinstance(values, dict) or values.keys() != {"blocks", "output"}:
        raise ValueError(f"a cell has blocks and an output, not {values}")
    blocks = []
    for one, op, other, other_op, *combine in values["blocks"]:
        edges = Edge(_number(one), _word(op)), Edge(_number(other), _word(other_op))
        blocks.append(Block(*edges, *map(_word, combine)))
    return Cell(tuple(blocks), tuple(map(_number, values["output"])))


def _number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _word(value: Any) -> Any:
    if type(value) is not str:
        raise ValueError(f"{value!r} is not a word")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{value!r} is neither true nor false")
    return value
