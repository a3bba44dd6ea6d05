"""The search spaces of cells: NASNet's, PNAS's, the micro space of ENAS and that of DARTS.

They share one form: each block decides on two states and two operators, NASNet's on their combination as well. How many
cells are stacked, and how wide they are, is not searched: the cells found can be stacked deeper and wider later (Zoph
et al. 2017, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from search_spaces.cells.architecture import CellArch, stem_for
from search_spaces.cells.genotype import INPUTS, Block, Cell, Edge
from search_spaces.cells.parameters import CellParameters, NasnetParameters
from search_spaces.cells.skeleton import canonical
from search_spaces.decision import Choice, Decision, Space
from search_spaces.errors import SpaceError
from search_spaces.graph import Shape

_ALIASES = {"bottleneck1x7_7x1": "conv1x7_7x1", "dilsep3": "dil3", "dil3": "dilsep3"}
"""What stands for an operator that a space does not have."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a space spells its cells.

    Attributes:
        name: Of the family.
        architecture: The class of its architectures.
        cells: What the names of the decisions of each cell begin with.
        block: The name of a block, with its number.
        first: The number of the first block.
        state: The name and tag of the decisions on states.
        older_first: Whether the input of two cells back is number 0 (ENAS, DARTS) instead of 1.
    """

    name: str
    architecture: type[CellArch]
    cells: tuple[str, ...]
    block: str = "block{}"
    first: int = 0
    state: str = "input"
    older_first: bool = False

    def space(self, input_shape: Shape, parameters: CellParameters) -> Space[CellArch]:
        """The space for images of that shape.

        Raises:
            SpaceError: An image too small.
        """
        combines = isinstance(parameters, NasnetParameters) and parameters.combines
        spelling = _Spelling(
            self, parameters.blocks, parameters.menu(), combines, self._skeleton(input_shape, parameters)
        )
        grows = self.architecture.style.one_cell
        width = len(spelling.block_names(0))
        return Space(
            self.name,
            tuple(spelling.decisions()),
            spelling.build,
            spelling.choose,
            lengths=tuple(width * blocks for blocks in range(1, parameters.blocks + 1)) if grows else (),
        )

    def number(self, state: int) -> int:
        """A state by the numbers of the space, from one by those of a cell; and back."""
        return 1 - state if self.older_first and 0 <= state < INPUTS else state

    def fit(self, arch: CellArch, input_shape: Shape, parameters: CellParameters) -> CellArch:
        """A network stacked as deep, wide and strided as those of the space."""
        base = self._skeleton(input_shape, parameters)
        return replace(arch, cells=base.cells, filters=base.filters, strided_stem=base.strided_stem)

    def _skeleton(self, input_shape: Shape, parameters: CellParameters) -> CellArch:
        """The network of the simplest cells."""
        cell = Cell((Block(Edge(0, "identity"), Edge(1, "identity")),), (INPUTS,))
        reduction = None if self.architecture.style.one_cell else cell
        stem = stem_for(parameters.strided_stem, input_shape)
        return self.architecture(cell, reduction, 3 * parameters.repeats, parameters.filters, stem)


def respell(arch: CellArch) -> CellArch:
    """The same blocks with the output that a search gives them; published cells join other states as well."""
    return _with_cells(arch, [Cell(cell.blocks, arch.style.output(cell.blocks)) for cell in _cells(arch)])


def closest(space: Space[CellArch], wish: CellArch) -> CellArch:
    """The network of the space that is closest to `wish`, edge by edge.

    Blocks that the space does not have are left out; missing ones, and edges whose operator the space does not have,
    are those of its middle.
    """
    base = space.decode([size // 2 for size in space.sizes])
    most = [len(cell.blocks) for cell in (_cells(wish) if space.lengths else _cells(base))]
    decision_of = {decision.name: decision for decision in space.decisions}
    ops = {choice for decision in decision_of.values() if decision.tag == "op" for choice in decision.choices}
    combines = any(decision.tag == "combine" for decision in space.decisions)
    cells = []
    for own, wished, count in zip(_cells(base), _cells(wish), most, strict=True):
        blocks = list(own.blocks[:count])
        for number, block in enumerate(wished.blocks[: len(blocks)]):
            left, right = (
                wanted if (wanted := _offered(edge, ops)).op in ops else mine
                for edge, mine in zip(block[:2], blocks[number][:2], strict=True)
            )
            blocks[number] = Block(left, right, block.combine if combines else "add")
        cells.append(Cell(tuple(blocks), base.style.output(tuple(blocks))))
    return canonical(_with_cells(base, cells))


@dataclass(frozen=True, slots=True)
class _Spelling:
    """The decisions of one space, and how they become an architecture and back.

    Attributes:
        form: How names are formed.
        blocks: Of each cell.
        menu: Names of the operators.
        combines: Whether each block decides how to combine.
        skeleton: A network as deep and wide as those of the space.
    """

    form: Form
    blocks: int
    menu: tuple[str, ...]
    combines: bool
    skeleton: CellArch

    def block_names(self, number: int) -> list[str]:
        """The names of the decisions of a block, without that of the cell."""
        block, state = self.form.block.format(number + self.form.first), self.form.state
        names = [f"{block}.{one}" for one in (f"{state}1", f"{state}2", "op1", "op2")]
        return [*names, f"{block}.combine"] if self.combines else names

    def decisions(self) -> Iterator[Decision]:
        """All decisions, in order."""
        for cell in self.form.cells:
            for number in range(self.blocks):
                names = [f"{cell}{name}" for name in self.block_names(number)]
                earlier = tuple(f"{cell}{self.block_names(one)[-1]}" for one in range(number))
                states = tuple(range(INPUTS + number))
                yield from (Decision(name, states, self.form.state, earlier) for name in names[:2])
                yield from (Decision(name, self.menu, "op") for name in names[2:4])
                yield from (Decision(name, ("add", "concat"), "combine") for name in names[4:])

    def build(self, choices: tuple[Choice, ...]) -> CellArch:
        """The architecture of some choices, in canonical form; a part of them where the space grows."""
        width = len(self.block_names(0))
        blocks = [self._block(choices[start : start + width]) for start in range(0, len(choices), width)]
        count = len(blocks) // len(self.form.cells)
        cells = []
        for start in range(0, len(blocks), count):
            inside = tuple(blocks[start : start + count])
            cells.append(Cell(inside, self.skeleton.style.output(inside)))
        return canonical(_with_cells(self.skeleton, cells))

    def choose(self, arch: CellArch) -> tuple[Choice, ...]:
        """The choices of an architecture.

        Raises:
            SpaceError: It is not one of the space.
        """
        name, own = self.form.name, canonical(arch)
        cells = _cells(own)
        if _with_cells(own, _cells(self.skeleton)) != self.skeleton:
            raise SpaceError(f"the number of cells, the filters or the stem is not that of this {name} space")
        chosen: list[Choice] = []
        for cell in cells:
            if len(cell.blocks) != self.blocks and not (own.style.one_cell and len(cell.blocks) < self.blocks):
                raise SpaceError(f"the cells of this {name} space have {self.blocks} blocks, not {len(cell.blocks)}")
            if cell.output != own.style.output(cell.blocks):
                raise SpaceError(f"the states {cell.output} that leave a cell are not those of the {name} space")
            for block in cell.blocks:
                chosen += self._choices(block)
        return tuple(chosen)

    def _block(self, choices: tuple[Choice, ...]) -> Block:
        one, other, op, other_op, *rest = cast(tuple[Any, ...], choices)
        edges = Edge(self.form.number(one), op), Edge(self.form.number(other), other_op)
        return Block(*edges, *rest)

    def _choices(self, block: Block) -> list[Choice]:
        edges = (block.left, block.right)
        if missing := [edge.op for edge in edges if edge.op not in self.menu]:
            raise SpaceError(f"{missing[0]!r} is not an operator of this {self.form.name} space")
        if not self.combines and block.combine != "add":
            raise SpaceError(f"the blocks of this {self.form.name} space add")
        combine: list[Choice] = [block.combine] if self.combines else []
        return [*(self.form.number(edge.state) for edge in edges), *(edge.op for edge in edges), *combine]


def _cells(arch: CellArch) -> list[Cell]:
    return [arch.normal] if arch.reduction is None else [arch.normal, arch.reduction]


def _with_cells(arch: CellArch, cells: list[Cell]) -> CellArch:
    return replace(arch, normal=cells[0], reduction=cells[1] if len(cells) > 1 else None)


def _offered(edge: Edge, ops: set[Choice]) -> Edge:
    """The same edge, with an operator that is close where the space does not have its own."""
    return edge if edge.op in ops else edge._replace(op=_ALIASES.get(edge.op, edge.op))
