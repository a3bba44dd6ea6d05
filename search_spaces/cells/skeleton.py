"""How cells are stacked: which cell stands where, what it reads, how wide it is (Zoph et al. 2017, figure 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search_spaces.cells.architecture import CellArch
from search_spaces.cells.genotype import Cell, canonical_cell


@dataclass(frozen=True, slots=True)
class Place:
    """A cell in its place.

    Attributes:
        name: What the names of its operators begin with.
        cell: What stands there.
        filters: Of its operators.
        stride: 2 for a reduction.
        current: Which output it reads as state 0: 0 is that of the stem, n that of the n-th place.
        previous: Which output it reads as state 1; None where that is `current` as it is.
        depth: Which share of the cells of the network stands in front of it or is it, above 0 and up to 1.
    """

    name: str
    cell: Cell
    filters: int
    stride: int
    current: int
    previous: int | None
    depth: float


def places(arch: CellArch) -> tuple[Place, ...]:
    """The cells of a network from its stem to its end."""
    rows = [("stem1", 4, 2), ("stem2", 2, 2)] if arch.strided_stem else []
    plan = [(name, max(1, arch.filters // divisor), stride) for name, divisor, stride in rows]
    filters = arch.filters
    reductions = {turn * arch.cells // 3: turn for turn in (1, 2)}
    for number in range(arch.cells):
        if number in reductions:
            filters *= 2
            if arch.style.reductions == "beside":
                plan.append((f"reduction{reductions[number]}", filters, 2))
        inside = number in reductions and arch.style.reductions == "among"
        plan.append((f"cell{number + 1}", filters, 2 if inside else 1))
    return tuple(
        Place(
            name,
            arch.normal if stride == 1 else arch.strided_cell,
            filters,
            stride,
            index,
            _previous(arch, index, behind_reduction=index > 0 and plan[index - 1][0].startswith("reduction")),
            (index + 1) / len(plan),
        )
        for index, (name, filters, stride) in enumerate(plan)
    )


def canonical(arch: CellArch) -> CellArch:
    """The one spelling of a network.

    Where no cell that counts reads a reduction, because the normal cell reads nothing but the older of its inputs, the
    reduction cell is spelled like the normal one.
    """
    normal = canonical_cell(arch.normal)
    if arch.reduction is None:
        return replace(arch, normal=normal)
    counts = any(place.stride == 2 for place in _read(places(arch)))
    return replace(arch, normal=normal, reduction=canonical_cell(arch.reduction) if counts else normal)


def _read(stack: tuple[Place, ...]) -> list[Place]:
    """The places that the output of the last depends on."""
    needed, found = {len(stack)}, []
    for number in range(len(stack), 0, -1):
        if number in needed:
            place = stack[number - 1]
            found.append(place)
            needed |= {place.current} if place.cell.reads(0) or place.previous is None else set()
            needed |= {place.previous} if place.cell.reads(1) and place.previous is not None else set()
    return found


def auxiliary_place(arch: CellArch) -> int:
    """The number among the places of the cell that the auxiliary head reads in training."""
    strided = [number for number, place in enumerate(places(arch)) if place.stride == 2]
    return strided[-1] + arch.style.auxiliary


def _previous(arch: CellArch, index: int, *, behind_reduction: bool) -> int | None:
    if index == 0:
        return None if arch.style.raw_start else 0
    skips = arch.skips_reduction and behind_reduction
    return max(0, index - (2 if skips else 1))
