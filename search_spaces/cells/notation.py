"""Networks of cells in text: the toolkit's own notation, arcs of ENAS's code and genotypes of DARTS's.

The notation names the family and the skeleton, then lists each cell: the states and operators of each block, and
behind `>` the states that leave the cell. States are numbered as in the paper of the family.

    nasnet cells 12 filters 44 stem 32
    normal 0 sep5 1 sep3, 1 sep5 1 sep3, 0 avg3 1 identity, 1 avg3 1 avg3, 0 sep3 0 identity > 1 2 3 4 5 6
    reduction 0 sep5 1 sep7, 0 max3 1 sep7, 0 avg3 1 sep5, 3 identity 2 avg3, 2 sep3 0 max3 > 3 4 5 6
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

from search_spaces.cells.architecture import CellArch
from search_spaces.cells.genotype import INPUTS, Block, Cell, Edge
from search_spaces.cells.parameters import MENUS
from search_spaces.cells.published import PUBLISHED_DARTS, PUBLISHED_ENAS
from search_spaces.cells.spaces import Form
from search_spaces.errors import ForeignNotation, SpaceError

_OF_DARTS = {
    "sep_conv_3x3": "sep3",
    "sep_conv_5x5": "sep5",
    "sep_conv_7x7": "sep7",
    "dil_conv_3x3": "dilsep3",
    "dil_conv_5x5": "dilsep5",
    "max_pool_3x3": "max3",
    "avg_pool_3x3": "avg3",
    "skip_connect": "identity",
}
_CELLS = re.compile(r"(normal|reduction|cell) ([^>]+)>([0-9 ]+)")
_HEADER = re.compile(r"(\S+) cells (\d{1,6}) filters (\d{1,6})(?: stem (\d{1,6}))?( skips)?(?= |$)")


def lines(form: Form, arch: CellArch) -> list[str]:
    """The notation of a network, line by line."""
    stem = f" stem {arch.strided_stem}" if arch.strided_stem else ""
    skips = " skips" if arch.skips_reduction else ""
    header = f"{form.name} cells {arch.cells} filters {arch.filters}{stem}{skips}"
    if arch.reduction is None:
        return [header, f"cell {_written(form, arch.normal)}"]
    return [header, f"normal {_written(form, arch.normal)}", f"reduction {_written(form, arch.reduction)}"]


def parse(form: Form, text: str) -> CellArch:
    """The network behind its notation, or behind an arc or genotype of the family's published code.

    Raises:
        ForeignNotation: It is not a notation of this family.
        SpaceError: It is, but of no network.
    """
    plain = " ".join(text.split())
    if form.name == "darts" and "Genotype(" in plain:
        return _genotype(plain[plain.index("Genotype(") :])
    if plain.partition(" ")[0] != form.name:
        raise ForeignNotation(f"not a network of the family {form.name}: its notation begins with {form.name}")
    if form.name == "enas-micro" and re.fullmatch(r"[\d |]+", rest := plain.removeprefix(form.name)):
        return _arc(form, rest.replace("|", " "))
    header = _HEADER.match(plain)
    if header is None:
        raise SpaceError(f"expected `{form.name} cells 6 filters 16` in front of the cells, not {plain[:60]!r}")
    cells = {name: _read(form, body, output) for name, body, output in _CELLS.findall(plain[header.end() :])}
    left = _CELLS.sub("", plain[header.end() :]).strip()
    wanted = {"cell"} if form.architecture.style.one_cell else {"normal", "reduction"}
    if left or cells.keys() != wanted:
        raise SpaceError(
            f"expected {' and '.join(sorted(wanted))}, each as `0 sep3 1 identity, ... > 2 3`, "
            f"not {plain[header.end() :][:60]!r}"
        )
    _, count, filters, stem, skips = header.groups()
    normal, reduction = cells.get("cell") or cells["normal"], cells.get("reduction")
    return form.architecture(normal, reduction, int(count), int(filters), int(stem or 0), bool(skips))


def _written(form: Form, cell: Cell) -> str:
    blocks = []
    for left, right, combine in cell.blocks:
        words = [form.number(left.state), left.op, form.number(right.state), right.op]
        blocks.append(" ".join(map(str, words + ([] if combine == "add" else [combine]))))
    return f"{', '.join(blocks)} > {' '.join(map(str, sorted(map(form.number, cell.output))))}"


def _read(form: Form, body: str, output: str) -> Cell:
    blocks = []
    for text in body.split(","):
        words = text.split()
        if len(words) not in (4, 5) or not (words[0].isdecimal() and words[2].isdecimal()):
            raise SpaceError(f"a block is two states, each with its operator, as in `0 sep3 1 identity`, not {text!r}")
        edges = Edge(form.number(int(words[0])), words[1]), Edge(form.number(int(words[2])), words[3])
        combine: Any = words[4] if len(words) == 5 else "add"
        blocks.append(Block(*edges, combine))
    return Cell(tuple(blocks), tuple(sorted({form.number(int(state)) for state in output.split()})))


def _arc(form: Form, text: str) -> CellArch:
    """The 40 numbers of a fixed arc: state, operator, state, operator of each node, the normal cell first."""
    base, numbers, ops = PUBLISHED_ENAS["enas-micro"](), [int(word) for word in text.split()], MENUS["enas"]
    if not numbers or len(numbers) % 8:
        raise SpaceError(f"an arc of ENAS has four numbers per node of two equal cells, not {len(numbers)}")
    if wrong := [op for op in numbers[1::2] if op >= len(ops)]:
        raise SpaceError(f"an arc of ENAS has operators 0 to {len(ops) - 1}, not {wrong[0]}")
    edges = [Edge(form.number(state), ops[op]) for state, op in zip(numbers[::2], numbers[1::2], strict=True)]
    blocks = tuple(Block(left, right) for left, right in zip(edges[::2], edges[1::2], strict=True))
    half = len(blocks) // 2
    normal, reduction = (Cell(one, base.style.output(one)) for one in (blocks[:half], blocks[half:]))
    return replace(base, normal=normal, reduction=reduction)


def _genotype(text: str) -> CellArch:
    """`Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=..., reduce_concat=...)`."""
    base = PUBLISHED_DARTS["darts-v2"]()
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError("there is more than one genotype")
        values = {str(one.arg): _literal(one.value) for one in call.keywords}
        normal, reduction = (_nodes(values[name], values[f"{name}_concat"]) for name in ("normal", "reduce"))
    except SpaceError:
        raise
    except (SyntaxError, ValueError, TypeError, KeyError) as error:
        raise SpaceError(f"not a genotype of DARTS: {' '.join(str(error).split())}") from None
    return replace(base, normal=normal, reduction=reduction)


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        return list(range(*(ast.literal_eval(one) for one in node.args)))
    return ast.literal_eval(node)


def _nodes(edges: Any, joined: Any) -> Cell:
    if unknown := [op for op, _ in edges if op not in _OF_DARTS]:
        raise SpaceError(f"unknown operator {unknown[0]!r} in a genotype; known: {', '.join(_OF_DARTS)}")
    read = [Edge(_turned(int(state)), _OF_DARTS[op]) for op, state in edges]
    blocks = tuple(Block(left, right) for left, right in zip(read[::2], read[1::2], strict=True))
    return Cell(blocks, tuple(sorted(_turned(int(state)) for state in joined)))


def _turned(state: int) -> int:
    return 1 - state if state < INPUTS else state
