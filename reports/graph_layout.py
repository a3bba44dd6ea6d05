"""Where the boxes of a graph stand and where its lines run: in rows from what is read to what reads, top to bottom.

The usual four steps (Sugiyama et al., 1981): rows by the longest path, places in a row by the mean of the neighbours',
lines over several rows through places of their own, and coordinates as near to the neighbours as the widths allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from search_spaces import Drawing

_GAP = 0.12
"""Between two boxes of a row, in widths of a box."""
_LINE = 0.22
"""What a line that passes a row needs there, in widths of a box."""
_APART = 0.16
"""Between two lines at a box, in widths of a box, where there is room."""
_ORDERINGS, _SHIFTS = 12, 40

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph on paper.

    Attributes:
        places: The middle of each box: x in widths of a box, y in rows, the first row 0.
        lines: For each thing that is read: from box, to box, and the points between which its line runs, those of both
            boxes included.
        left: The left edge of everything.
        right: The right edge of everything.
        rows: How many rows there are.
    """

    places: tuple[Point, ...]
    lines: tuple[tuple[int, int, tuple[Point, ...]], ...]
    left: float
    right: float
    rows: int


@dataclass(slots=True)
class _Node:
    """A box, or the place where a line passes a row."""

    row: int
    width: float
    above: list[int]
    below: list[int]
    x: float = 0.0


def layout(drawing: Drawing) -> Layout:
    """Places the boxes of a drawing that all tell what they read; what stands in front of all is not drawn."""
    reads = [[read for read in box.reads or () if read >= 0] for box in drawing]
    rows = _rows(reads)
    nodes = [_Node(row, 1.0, [], []) for row in rows]
    chains = [_chain(nodes, read, number) for number, some in enumerate(reads) for read in some]
    ordered = _ordered(nodes)
    _shift(nodes, ordered)
    edges = [(node.x - node.width / 2, node.x + node.width / 2) for node in nodes]
    return Layout(
        tuple((nodes[number].x, float(rows[number])) for number in range(len(drawing))),
        tuple((chain[0], chain[-1], tuple((nodes[one].x, float(nodes[one].row)) for one in chain)) for chain in chains),
        min((left for left, _ in edges), default=0.0),
        max((right for _, right in edges), default=0.0),
        max(rows, default=-1) + 1,
    )


def ports(laid: Layout) -> list[list[Point]]:
    """The points of each line, where several that leave or reach a box stand side by side there."""
    points = [list(line) for _, _, line in laid.lines]
    for end, near in ((0, 1), (-1, -2)):
        at: dict[int, list[int]] = {}
        for number, line in enumerate(laid.lines):
            at.setdefault(line[0] if end == 0 else line[1], []).append(number)
        for together in at.values():
            together.sort(key=lambda number: laid.lines[number][2][near][0])
            for place, number in enumerate(together):
                shift = (place - (len(together) - 1) / 2) * min(_APART, 0.7 / len(together))
                x, y = points[number][end]
                points[number][end] = (x + shift, y)
    return points


def _rows(reads: Sequence[Sequence[int]]) -> list[int]:
    """The row of each box: below all it reads, and as near as can be to the first of its readers; inputs at the top."""
    rows: list[int] = []
    readers: list[list[int]] = [[] for _ in reads]
    for number, some in enumerate(reads):
        rows.append(1 + max((rows[read] for read in some), default=-1))
        for read in some:
            readers[read].append(number)
    for number in reversed(range(len(reads))):
        if reads[number] and readers[number]:
            rows[number] = min(rows[reader] for reader in readers[number]) - 1
    return rows


def _chain(nodes: list[_Node], start: int, end: int) -> list[int]:
    """The nodes of a line, with new ones in the rows that it passes."""
    chain = [start]
    for row in range(nodes[start].row + 1, nodes[end].row):
        nodes.append(_Node(row, _LINE, [], []))
        chain.append(len(nodes) - 1)
    chain.append(end)
    for upper, lower in pairwise(chain):
        nodes[upper].below.append(lower)
        nodes[lower].above.append(upper)
    return chain


def _ordered(nodes: list[_Node]) -> list[list[int]]:
    """The nodes of each row from left to right, such that few lines cross."""
    count = max((node.row for node in nodes), default=-1) + 1
    best = rows = [[number for number, node in enumerate(nodes) if node.row == row] for row in range(count)]
    fewest = _crossings(nodes, rows)
    for turn in range(_ORDERINGS):
        down = turn % 2 == 0
        place = {number: float(index) for row in rows for index, number in enumerate(row)}
        sorted_rows = list(rows)
        for row in range(count) if down else reversed(range(count)):
            means = {
                number: _mean([place[one] for one in (nodes[number].above if down else nodes[number].below)])
                for number in rows[row]
            }
            kept = {number: place[number] if mean is None else mean for number, mean in means.items()}
            sorted_rows[row] = sorted(rows[row], key=lambda number: kept[number])
            place |= {number: float(index) for index, number in enumerate(sorted_rows[row])}
        rows = sorted_rows
        crossed = _crossings(nodes, rows)
        if crossed < fewest:
            best, fewest = rows, crossed
    return best


def _crossings(nodes: list[_Node], rows: list[list[int]]) -> int:
    place = {number: index for row in rows for index, number in enumerate(row)}
    crossed = 0
    for row in rows:
        lines = [(place[upper], place[lower]) for upper in row for lower in nodes[upper].below]
        crossed += sum((a - c) * (b - d) < 0 for at, (a, b) in enumerate(lines) for c, d in lines[at + 1 :])
    return crossed


def _shift(nodes: list[_Node], rows: list[list[int]]) -> None:
    """Moves the nodes of each row to the mean of their neighbours, as far as their widths allow."""
    for row in rows:
        for number, x in zip(row, _spread(nodes, row, [0.0] * len(row)), strict=True):
            nodes[number].x = x
    for turn in range(_SHIFTS):
        for row in rows if turn % 2 else reversed(rows):
            wished = [
                mean
                if (mean := _mean([nodes[one].x for one in _pulling(nodes, number)])) is not None
                else nodes[number].x
                for number in row
            ]
            for number, x in zip(row, _spread(nodes, row, wished), strict=True):
                nodes[number].x = x


def _pulling(nodes: list[_Node], number: int) -> list[int]:
    """The neighbours; those that are places of a line count more, which keeps lines straight."""
    node = nodes[number]
    near = node.above + node.below
    return near + [one for one in near if nodes[one].width < 1] * 3 if node.width < 1 else near


def _spread(nodes: list[_Node], row: list[int], wished: list[float]) -> list[float]:
    """The places nearest to those wished for, by least squares, that keep the order and do not overlap."""
    offsets, right = [], 0.0
    for number in row:
        half = nodes[number].width / 2
        offsets.append(right + half)
        right += nodes[number].width + _GAP
    pools: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets, strict=True):
        total, count = wish - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    starts = [total / count for total, count in pools for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
