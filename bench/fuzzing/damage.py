"""Accidents of bytes and of trees (what TOML, JSON and YAML hold), for every kind of file."""

import copy
from collections.abc import Iterator
from typing import Any, Literal

from hypothesis import strategies as st

_HEADER = 96
_EDGES = (0, 1, 2, 3, 7, 8, 16, 255, 256, *(2**bits + more for bits in (15, 16, 31, 32) for more in (-2, -1, 0)))
_SIZES = (1, 2, 4)
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_NESTS = (b"[" * 3_000, b"x=" + b"[" * 3_000, b'{"x":' * 3_000, b"x: [" * 3_000)
_ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp037")

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.5, 1e-9, 1e9, 1e308, -1e308, 2**31, 2**63, -(2**63), 10**30),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "0", "1", "nan", "x", "x" * 3000, "a\nb", "a\0b", "\x1b[31m"),
    *("é", "\u2028", "~", "~nobody/x", "$HOME", "..", "/", "?", "%s", "{}", "<b>", [], [0], ["x"], [[]], [None]),
    *({}, {"x": 1}, {"": {}}, [{"x": [1]}], [1.0, "x", 2]),
)


@st.composite
def damaged_bytes(draw: st.DrawFn, whole: bytes, others: tuple[bytes, ...] = ()) -> bytes:
    """The bytes after one to four accidents, most of them in the first hundred."""
    for _ in range(draw(st.integers(1, 4))):
        whole = _accident(draw, whole, others)
    return whole


def _accident(draw: st.DrawFn, whole: bytes, others: tuple[bytes, ...]) -> bytes:
    kind = draw(st.sampled_from(["edge", "edge", "flip", "flip", "cut", "drop", "double", "noise", "nest", "splice"]))
    last = max(len(whole) - 1, 0)
    begin = draw(st.integers(0, min(last, _HEADER)) | st.integers(0, last))
    match kind:
        case "cut":
            return whole[: draw(st.integers(0, last))]
        case "edge":
            size, order = draw(st.sampled_from(_SIZES)), draw(st.sampled_from(_ORDERS))
            number = draw(st.sampled_from(_EDGES)) % 256**size
            return whole[:begin] + number.to_bytes(size, order) + whole[begin + size :]
        case "flip":
            flipped = bytes(one ^ 1 << draw(st.integers(0, 7)) for one in whole[begin : begin + 1])
            return whole[:begin] + flipped + whole[begin + 1 :]
        case "noise":
            return whole[:begin] + draw(st.binary(max_size=12)) + whole[begin:]
        case "nest":
            return whole[:begin] + draw(st.sampled_from(_NESTS)) + whole[begin:]
        case "splice" if others:
            other = draw(st.sampled_from(others))
            return whole[:begin] + other[draw(st.integers(0, max(len(other) - 1, 0))) :]
    end = begin + draw(st.integers(1, 64))
    return whole[:begin] + whole[end:] if kind == "drop" else whole[:end] + whole[begin:]


@st.composite
def encoded(draw: st.DrawFn, text: str) -> bytes:
    """The text as bytes; one in five in an encoding that nobody expects."""
    encoding = draw(st.sampled_from(("utf-8",) * 4 * len(_ENCODINGS) + _ENCODINGS))
    return text.encode(encoding, errors="replace")


@st.composite
def damaged_tree(draw: st.DrawFn, tree: Any, odd: tuple[Any, ...] = ()) -> Any:
    """A tree of dictionaries and lists after one to three changes.

    Args:
        draw: Hypothesis'.
        tree: What to change; it is copied.
        odd: Values that are put into it beside `ODD_VALUES`, more often than those.
    """
    tree = copy.deepcopy(tree)
    values = (*ODD_VALUES, *odd)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            return draw(st.sampled_from(values))
        _change(draw, tree, places, values)
    return tree


def _change(draw: st.DrawFn, tree: Any, places: list[tuple[Any, Any]], values: tuple[Any, ...]) -> None:
    holder, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["like", "like", "like", "odd", "odd", "drop", "rename", "move", "nest"])):
        case "drop":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            name = str(key)
            cut = draw(st.integers(0, len(name)))
            names = [name[:cut] + name[cut + 1 :], name[:cut] + "x" + name[cut:], name.upper(), ""]
            holder[draw(st.sampled_from(names))] = holder.pop(key)
        case "move":
            other, place = draw(st.sampled_from(places))
            other[place] = copy.deepcopy(holder[key])
        case "nest":
            holder[key] = draw(st.sampled_from([[holder[key]], {str(key): holder[key]}]))
        case "like":
            holder[key] = _like(draw, holder[key], values)
        case _:
            holder[key] = copy.deepcopy(draw(st.sampled_from(values)))


def _like(draw: st.DrawFn, value: Any, values: tuple[Any, ...]) -> Any:
    """Another value of the same type: what a reader is likely to take."""
    if isinstance(value, int | float) and draw(st.booleans()):
        return draw(st.sampled_from([-value, value * 10, value * 1e6, value / 10, value + 1, value - 1]))
    alike = [one for one in values if type(one) is type(value)]
    return copy.deepcopy(draw(st.sampled_from(alike or values)))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key or index) of a tree."""
    if isinstance(tree, dict):
        keys: Any = list(tree)
    elif isinstance(tree, list):
        keys = range(len(tree))
    else:
        return
    for key in keys:
        yield tree, key
        yield from _places(tree[key])
