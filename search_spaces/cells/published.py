"""Published networks of cells; counts of their parameters are held by tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from search_spaces.cells.architecture import STRIDED_STEM, DartsArch, EnasMicroArch, NasnetArch, PnasArch
from search_spaces.cells.genotype import Block, Cell, Edge


def _cell(text: str, output: tuple[int, ...]) -> Cell:
    """A cell from its blocks, `0 sep5 1 sep3, ...`: state, operator, state, operator of each."""
    blocks = []
    for block in text.split(","):
        left, op, right, other = block.split()
        blocks.append(Block(Edge(int(left), op), Edge(int(right), other)))
    return Cell(tuple(blocks), output)


NASNET_A = (
    _cell("0 sep5 1 sep3, 1 sep5 1 sep3, 0 avg3 1 identity, 1 avg3 1 avg3, 0 sep3 0 identity", (1, 2, 3, 4, 5, 6)),
    _cell("0 sep5 1 sep7, 0 max3 1 sep7, 0 avg3 1 sep5, 3 identity 2 avg3, 2 sep3 0 max3", (3, 4, 5, 6)),
)
"""Zoph et al. 2017, figure 4: the normal and the reduction cell."""

AMOEBANET_A = (
    _cell("0 avg3 0 max3, 1 sep3 1 identity, 0 identity 1 avg3, 0 sep3 2 sep5, 5 avg3 0 sep3", (1, 3, 4, 6)),
    _cell("1 sep3 0 avg3, 0 max3 2 sep7, 1 max3 0 max3, 4 sep3 0 bottleneck1x7_7x1, 1 avg3 0 sep7", (2, 3, 4, 5, 6)),
)
"""Real et al. (AAAI 2019), figure 5, in the published code's form of the 1x7-7x1 convolution."""

PNASNET_5 = _cell("1 sep5 1 max3, 0 sep7 0 max3, 0 sep5 0 sep3, 4 sep3 0 max3, 1 sep3 0 identity", (2, 3, 4, 5, 6))
"""Liu et al. (ECCV 2018), figure 1; all five blocks leave the cell, although one of them is read as well."""

ENAS_MICRO = (
    _cell("1 avg3 1 sep3, 1 identity 1 sep5, 1 identity 0 sep5, 0 sep3 1 sep5, 1 avg3 0 sep5", (2, 3, 4, 5, 6)),
    _cell("0 sep3 0 sep3, 1 max3 1 avg3, 0 sep5 3 sep5, 0 sep3 1 identity, 1 max3 0 sep5", (2, 4, 5, 6)),
)
"""The cells of the script `cifar10_micro_final.sh` of ENAS's published code (Pham et al., ICML 2018)."""

DARTS_V2 = (
    _cell("1 sep3 0 sep3, 1 sep3 0 sep3, 0 sep3 1 identity, 1 identity 2 dilsep3", (2, 3, 4, 5)),
    _cell("1 max3 0 max3, 2 identity 0 max3, 1 max3 2 identity, 2 identity 0 max3", (2, 3, 4, 5)),
)
"""Liu et al. (ICLR 2019), figures 4 and 5: the cells of the second-order search on CIFAR-10."""


def _nasnet(cells: tuple[Cell, Cell], repeats: int, filters: int, stem: int, skips: bool = False) -> NasnetArch:
    return NasnetArch(*cells, 3 * repeats, filters, stem, skips)


def _pnasnet(repeats: int, filters: int, stem: int) -> PnasArch:
    return PnasArch(PNASNET_5, None, 3 * repeats, filters, stem)


def _enas_micro() -> EnasMicroArch:
    return EnasMicroArch(*ENAS_MICRO, 15, 36)


def _darts_v2() -> DartsArch:
    return DartsArch(*DARTS_V2, 20, 36)


PUBLISHED_NASNET: dict[str, Callable[[], NasnetArch]] = {
    "nasnet-a-mobile": partial(_nasnet, NASNET_A, 4, 44, STRIDED_STEM),
    "nasnet-a-large": partial(_nasnet, NASNET_A, 6, 168, 3 * STRIDED_STEM, skips=True),
    "nasnet-a-cifar": partial(_nasnet, NASNET_A, 6, 32, 0),
    "amoebanet-a": partial(_nasnet, AMOEBANET_A, 6, 190, STRIDED_STEM),
    "amoebanet-a-mobile": partial(_nasnet, AMOEBANET_A, 4, 50, STRIDED_STEM),
}
"""Zoph et al. 2017, table 2 and section 4; Real et al. 2019, tables 1 and 2."""

PUBLISHED_PNAS: dict[str, Callable[[], PnasArch]] = {
    "pnasnet-5-mobile": partial(_pnasnet, 3, 54, STRIDED_STEM),
    "pnasnet-5-large": partial(_pnasnet, 4, 216, 3 * STRIDED_STEM),
    "pnasnet-5-cifar": partial(_pnasnet, 3, 48, 0),
}
"""Liu et al. 2018, tables 3 to 5."""

PUBLISHED_ENAS: dict[str, Callable[[], EnasMicroArch]] = {"enas-micro": _enas_micro}
"""15 normal cells and 36 filters, as the published script has them."""

PUBLISHED_DARTS: dict[str, Callable[[], DartsArch]] = {"darts-v2": _darts_v2}
"""20 cells and 36 filters, as the published script has them."""
