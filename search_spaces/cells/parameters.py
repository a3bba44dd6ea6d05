"""What a search may set of the spaces of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.cells.architecture import MOST_CELLS, MOST_FILTERS
from search_spaces.cells.genotype import MOST_BLOCKS
from search_spaces.cells.operators import MENU
from search_spaces.errors import SpaceError

MENUS: Mapping[str, tuple[str, ...]] = {
    "nasnet": (
        "identity",
        "conv1x3_3x1",
        "conv1x7_7x1",
        "dil3",
        "avg3",
        "max3",
        "max5",
        "max7",
        "conv1",
        "conv3",
        "sep3",
        "sep5",
        "sep7",
    ),
    "amoebanet": ("identity", "sep3", "sep5", "sep7", "avg3", "max3", "dilsep3", "conv1x7_7x1"),
    "pnas": ("sep3", "sep5", "sep7", "conv1x7_7x1", "identity", "avg3", "max3", "dil3"),
    "enas": ("sep3", "sep5", "avg3", "max3", "identity"),
    "darts": ("sep3", "sep5", "dilsep3", "dilsep5", "max3", "avg3", "identity"),
}
"""The published menus: Zoph et al. 2017, section 3; Real et al. 2019, section 3.1; Liu et al. 2018, section 3.1; Pham
et al. 2018, section 2.4, in the order of the published code; Liu et al. 2019, section 3.1, without the "zero" that no
found cell keeps."""

_MOST_REPEATS = MOST_CELLS // 3


@dataclass(frozen=True, slots=True)
class CellParameters:
    """What a search may set of a space of cells.

    Attributes:
        blocks: Blocks of each cell, beside its two inputs (B of the papers).
        repeats: Normal cells in front of, between and behind the two reductions; in the spaces pnas and darts a third
            of all cells (N of the papers).
        filters: Filters of the first cells; each reduction doubles them (F of the papers).
        strided_stem: Filters of the strided stem that images of 96 pixels and more get; 0 for none at any size.
        ops: The operators to choose from, separated by blanks: names of operators, or nasnet, amoebanet, pnas, enas or
            darts for the menu of that paper.
    """

    blocks: int = 5
    repeats: int = 2
    filters: int = 16
    strided_stem: int = 32
    ops: str = "nasnet"

    def __post_init__(self) -> None:
        limits = {
            "blocks": (1, MOST_BLOCKS),
            "repeats": (1, _MOST_REPEATS),
            "filters": (1, MOST_FILTERS),
            "strided_stem": (0, MOST_FILTERS),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise SpaceError(f"{name} must be from {least} to {most}, not {getattr(self, name)}")
        self.menu()

    def menu(self) -> tuple[str, ...]:
        """The names of the operators to choose from.

        Raises:
            SpaceError: None, an unknown one, or one named twice.
        """
        names = [name for word in self.ops.split() for name in MENUS.get(word, (word,))]
        if not names:
            raise SpaceError("ops names no operator")
        if unknown := [name for name in names if name not in MENU]:
            known = ", ".join((*MENUS, *MENU))
            raise SpaceError(f"unknown operator {unknown[0]!r} in ops; known: {known}")
        if len(set(names)) < len(names):
            raise SpaceError(f"ops names an operator twice: {self.ops}")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class NasnetParameters(CellParameters):
    """What a search may set of NASNet's space.

    Attributes:
        blocks: Blocks of each of the two cells, beside its two inputs (B of the paper).
        repeats: Normal cells in front of, between and behind the two reductions (N of the paper).
        filters: Filters of the first cells; each reduction doubles them (F of the paper).
        strided_stem: Filters of the strided stem that images of 96 pixels and more get; 0 for none at any size.
        ops: The operators to choose from, separated by blanks: names of operators, or nasnet, amoebanet, pnas, enas or
            darts for the menu of that paper.
        combines: Whether a block also decides to add or to concatenate; if not, it adds, as in AmoebaNet.
    """

    combines: bool = True


@dataclass(frozen=True, slots=True)
class PnasParameters(CellParameters):
    """What a search may set of PNAS's space.

    Attributes:
        blocks: Most blocks of the one cell, beside its two inputs (B of the paper).
        repeats: A third of all cells (N of the paper).
        filters: Filters of the first cells; each reduction doubles them (F of the paper).
        strided_stem: Filters of the strided stem that images of 96 pixels and more get; 0 for none at any size.
        ops: The operators to choose from, separated by blanks: names of operators, or nasnet, amoebanet, pnas, enas or
            darts for the menu of that paper.
    """

    filters: int = 24
    ops: str = "pnas"


@dataclass(frozen=True, slots=True)
class EnasMicroParameters(CellParameters):
    """What a search may set of ENAS's space of cells.

    Attributes:
        blocks: Blocks of each of the two cells, beside its two inputs (B of the paper).
        repeats: Normal cells in front of, between and behind the two reductions (N of the paper).
        filters: Filters of the first cells; each reduction doubles them (F of the paper).
        strided_stem: Filters of the strided stem that images of 96 pixels and more get; 0 for none at any size.
        ops: The operators to choose from, separated by blanks: names of operators, or nasnet, amoebanet, pnas, enas or
            darts for the menu of that paper.
    """

    filters: int = 20
    ops: str = "enas"


@dataclass(frozen=True, slots=True)
class DartsParameters(CellParameters):
    """What a search may set of DARTS's space.

    Attributes:
        blocks: Blocks of each of the two cells, beside its two inputs (B of the paper).
        repeats: A third of all cells (N of the paper).
        filters: Filters of the first cells; each reduction doubles them (F of the paper).
        strided_stem: Filters of the strided stem that images of 96 pixels and more get; 0 for none at any size.
        ops: The operators to choose from, separated by blanks: names of operators, or nasnet, amoebanet, pnas, enas or
            darts for the menu of that paper.
    """

    blocks: int = 4
    ops: str = "darts"
