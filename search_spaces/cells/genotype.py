"""Cells as data: blocks of two operators, and the states that leave the cell.

NASNet, AmoebaNet, PNASNet and ENAS share this form (Zoph et al. 2017, section 3): a cell reads the outputs of the two
cells before it, each block applies one operator to each of two earlier states and combines the results, and some
states are concatenated at the end. States are numbered as in the published code of NASNet and PNASNet: 0 is the output
of the cell before, 1 that of the cell before it, and 2 the result of the first block. ENAS and DARTS number the first
two the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from search_spaces.cells.operators import MENU
from search_spaces.errors import SpaceError

Combine = Literal["add", "concat"]

INPUTS = 2
"""How many states come from outside of the cell."""

MOST_BLOCKS = 8
"""The canonical form tries the orders of equal blocks, which are too many in larger cells."""


class Edge(NamedTuple):
    """An operator and the state that it reads."""

    state: int
    op: str


class Block(NamedTuple):
    """Two operators whose results are combined: added, or concatenated and brought back to the filters of the cell."""

    left: Edge
    right: Edge
    combine: Combine = "add"


@dataclass(frozen=True, slots=True)
class Cell:
    """The inside of a cell.

    Attributes:
        blocks: Block b, counted from 0, makes state b + 2 of earlier ones.
        output: The states that are concatenated, in rising order.
    """

    blocks: tuple[Block, ...]
    output: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise SpaceError(f"a cell has from 1 to {MOST_BLOCKS} blocks, not {len(self.blocks)}")
        for number, block in enumerate(self.blocks, start=INPUTS):
            _check(number, block)
        states = INPUTS + len(self.blocks)
        if not self.output or list(self.output) != sorted({*self.output} & {*range(states)}):
            raise SpaceError(f"the output of a cell lists some of its states 0 to {states - 1} once, not {self.output}")
        if dead := [state for state in loose_ends(self.blocks) if state >= INPUTS and state not in self.output]:
            raise SpaceError(f"nothing reads state {dead[0]} of a cell, and it is not in its output {self.output}")

    def reads(self, state: int) -> bool:
        """Whether a block reads the state, or it leaves the cell."""
        return state in self.output or any(edge.state == state for block in self.blocks for edge in block[:2])


def loose_ends(blocks: tuple[Block, ...], *, inputs: bool = False) -> tuple[int, ...]:
    """The states that no block reads; the two inputs of the cell only if `inputs`."""
    read = {edge.state for block in blocks for edge in (block.left, block.right)}
    return tuple(state for state in range(0 if inputs else INPUTS, INPUTS + len(blocks)) if state not in read)


@lru_cache(maxsize=65536)
def canonical_cell(cell: Cell) -> Cell:
    """The one spelling of all cells that compute the same.

    The two sides of a block may be exchanged, and blocks that do not read each other may stand in any order. The
    canonical form is the spelling whose list of blocks, each by its newest edge first, is the smallest.
    """
    return min(_spellings(cell, (), ()), key=lambda found: ([_key(block) for block in found.blocks], found.output))


def _spellings(cell: Cell, order: tuple[int, ...], placed: tuple[Block, ...]) -> Iterator[Cell]:
    """The cell with the smallest of the ready blocks first; several where blocks are equal.

    Args:
        cell: As it was given.
        order: The old numbers of the blocks placed so far.
        placed: Their new spellings.
    """
    number = {state: state for state in range(INPUTS)} | {INPUTS + old: INPUTS + new for new, old in enumerate(order)}
    if len(order) == len(cell.blocks):
        yield Cell(placed, tuple(sorted(number[state] for state in cell.output)))
        return
    ready = {
        old: _sorted(block, number)
        for old, block in enumerate(cell.blocks)
        if old not in order and block.left.state in number and block.right.state in number
    }
    first = min(_key(block) for block in ready.values())
    tied = [old for old, block in ready.items() if _key(block) == first]
    # Blocks that nobody reads are alike in all that follows but for their place in the output.
    if all(_is_unread(cell, old) and INPUTS + old in cell.output for old in tied):
        tied = tied[:1]
    for old in tied:
        yield from _spellings(cell, (*order, old), (*placed, ready[old]))


def _is_unread(cell: Cell, old: int) -> bool:
    return INPUTS + old in loose_ends(cell.blocks)


def _sorted(block: Block, number: dict[int, int]) -> Block:
    left, right = (Edge(number[edge.state], edge.op) for edge in (block.left, block.right))
    return Block(min(left, right), max(left, right), block.combine)


def _key(block: Block) -> tuple[Edge, Edge, str]:
    # The newest state counts first, so that a block that has just become ready never stands before one that was.
    return block.right, block.left, block.combine


def _check(number: int, block: Block) -> None:
    for edge in (block.left, block.right):
        if edge.op not in MENU:
            raise SpaceError(f"unknown operator {edge.op!r} in a cell; known: {', '.join(MENU)}")
        if not 0 <= edge.state < number:
            raise SpaceError(f"block {number} of a cell reads state {edge.state}, which is not among those before it")
    if block.combine not in get_args(Combine):
        raise SpaceError(f"a block combines by add or concat, not {block.combine!r}")
