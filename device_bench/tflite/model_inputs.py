"""Which signature and which input shapes of a model are timed, and the file in which they are fixed.

Tools differ in how they choose a signature or resize an input, and a GPU takes fixed shapes only. So the choice is
written into the file itself, in place: every tool, runtime and accelerator then times the same work.
"""

import json
import shlex
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from device_bench.errors import BadRequest
from device_bench.tflite import flat
from device_bench.tflite.flat import FlatTable, spelt
from device_bench.tflite.graph import Graph, Tensor, check_identifier, reading

Shape = tuple[int, ...]
_TIMEOUT_S = 60
_LARGEST = 2**31 - 1
_DIGITS = len(str(_LARGEST))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model of one signature and fixed input shapes.

    Attributes:
        model: The file to run; the given one where nothing had to be chosen.
        shape: The inputs whose shape was chosen, such as "images=1,224,224,3", or "".
        signature: The signature, where there were several, or "".
        inputs: Names of all inputs.
    """

    model: bytes
    shape: str
    signature: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A signature: its key, its subgraph, and the names that it gives to tensors."""

    key: str
    subgraph: int
    names: Mapping[int, str]
    table: FlatTable | None = None


def parse_shape(text: str) -> tuple[str, Shape]:
    """Reads "1,224,224,3" or "images=1,224,224,3".

    Returns:
        The input's name, "" for the only one, and its sizes.

    Raises:
        BadRequest: It is not such a text.
    """
    name, separator, sizes = text.rpartition("=")
    words = [word.strip() for word in sizes.split(",")]
    if (separator and not name.strip()) or not all(map(_is_size, words)):
        raise BadRequest(f"the shape {text!r} cannot be read; write it as 1,224,224,3 or as NAME=1,224,224,3")
    return name.strip(), tuple(map(int, words))


def _is_size(word: str) -> bool:
    """Whether it is a number from 1 to the largest that a TFLite file can hold."""
    digits = word.lstrip("0")
    return word.isascii() and word.isdigit() and 0 < len(digits) <= _DIGITS and int(digits) <= _LARGEST


def parse_shapes(texts: Sequence[str]) -> dict[str, Shape]:
    """Reads several shapes, by the name of their input; errors as for `parse_shape`, or when one is given twice."""
    pairs = [parse_shape(text) for text in texts]
    shapes = dict(pairs)
    if len(shapes) < len(pairs):
        raise BadRequest(f"{' and '.join(map(repr, texts))} give an input two shapes; use NAME=SIZES for each input")
    return shapes


def choose(model: bytes, shapes: Sequence[str], signature: str | None, name: str) -> Chosen:
    """Fixes what is timed; nothing is guessed but a batch of 1.

    Args:
        model: A TFLite file.
        shapes: Shapes of inputs, as `parse_shape` reads them; one for an input that the model has not is passed over.
        signature: The signature to time; None where the model has but one.
        name: What to call the model in an error.

    Raises:
        BadRequest: The bytes are no TFLite file, there is a choice that was not made, or a shape or a signature that
            does not fit.
    """
    check_identifier(model, f"{name}: the file")
    with reading(f"{name}: the file"):
        entries = _entries(model)
        entry = _entry(entries, signature, name)
        graph = Graph(model, entry.subgraph)
        sizes = _sizes(graph, entry, parse_shapes(shapes), name)
        names = tuple(_name(graph, entry, one) for one in graph.inputs)
        content = bytearray(model)
        if entry.table is not None and (entry.subgraph or len({one.subgraph for one in entries}) > 1):
            _put_first(content, model, entry, entry.table, name)
        chosen = [one for one in graph.inputs if sizes[one] != _default(graph.tensors[one])]
        if any(sizes[one] != _allowed(graph.tensors[one]) for one in graph.inputs):
            content = _fixed(content, graph, sizes, name, must=bool(chosen))
        said = [f"{_name(graph, entry, one)}={','.join(map(str, sizes[one]))}" for one in chosen]
    several = len({one.subgraph for one in entries}) > 1
    return Chosen(bytes(content), ";".join(said), entry.key if several else "", names)


def check_fixed(graph: Graph, name: str) -> None:
    """Refuses a graph whose inputs leave more open than a batch, which is 1.

    Raises:
        BadRequest: They do.
    """
    _sizes(graph, _Entry("", 0, {}), {}, name)


def _entries(model: bytes) -> list[_Entry]:
    """The signatures of a file; a file without any has one, without a key."""
    entries = []
    for table in FlatTable.root(model).tables(flat.MODEL_SIGNATURES):
        named = table.tables(flat.SIGNATURE_INPUTS)
        names = {one.number(flat.NAMED_TENSOR_INDEX): one.text(flat.NAMED_TENSOR_NAME) for one in named}
        key, subgraph = spelt(table.text(flat.SIGNATURE_KEY)), table.number(flat.SIGNATURE_SUBGRAPH)
        entries.append(_Entry(key, subgraph, names, table))
    return entries or [_Entry("", 0, {})]


def _entry(entries: Sequence[_Entry], signature: str | None, name: str) -> _Entry:
    keys = [one.key for one in entries if one.table is not None]
    listed = ", ".join(map(repr, keys))
    if signature is None:
        if len({one.subgraph for one in entries}) > 1:
            raise BadRequest(
                f"{name} has the signatures {listed}; say which to time, such as --signature {shlex.quote(keys[0])}"
            )
        return entries[0]
    found = next((one for one in entries if one.table is not None and one.key == signature), None)
    if found is None:
        raise BadRequest(f"{name} has no signature {signature!r}; it has {listed or 'none'}")
    return found


def _name(graph: Graph, entry: _Entry, tensor: int) -> str:
    return spelt(entry.names.get(tensor) or graph.tensors[tensor].name)


def _sizes(graph: Graph, entry: _Entry, shapes: Mapping[str, Shape], name: str) -> dict[int, Shape]:
    """The sizes of each input tensor."""
    open_ones = [one for one in graph.inputs if min(_allowed(graph.tensors[one]), default=1) < 1]
    target = open_ones if len(open_ones) == 1 else list(graph.inputs)
    if "" in shapes and len(target) != 1:
        known = ", ".join(repr(_name(graph, entry, one)) for one in target)
        raise BadRequest(f"{name} has the inputs {known or 'none'}; say which has the shape, as NAME=SIZES")
    found, missing = dict[int, Shape](), []
    for tensor in graph.inputs:
        label = _name(graph, entry, tensor)
        _check_rank(graph.tensors[tensor], label, name)
        given = shapes.get(label) or shapes.get(graph.tensors[tensor].name)
        given = given or (shapes.get("") if tensor in target else None)
        sizes = _fitting(graph.tensors[tensor], given, label, name)
        if sizes is not None:
            found[tensor] = sizes
        else:
            missing.append((label, _allowed(graph.tensors[tensor])))
    if missing:
        labels = {one for place in graph.inputs for one in (_name(graph, entry, place), graph.tensors[place].name)}
        raise BadRequest(_refusal(name, missing, [*(shapes.keys() - labels - {""})], named=len(target) > 1))
    return found


def _refusal(name: str, missing: Sequence[tuple[str, Shape]], unknown: Sequence[str], *, named: bool) -> str:
    """Which inputs are open, which names are of none, and what to type."""
    shown = ", ".join(f"{label!r} {[max(size, -1) for size in sizes]}" for label, sizes in missing)
    words = []
    for label, sizes in missing:
        example = ",".join(str(size if size > 0 else 224 if place else 1) for place, size in enumerate(sizes))
        words.append(f"--shape {shlex.quote(f'{label}={example}')}" if named else f"--shape {example}")
    wrong = f"; none is called {' or '.join(map(repr, sorted(unknown)))}" if unknown else ""
    return f"{name}: inputs of an open shape: {shown}{wrong}; say which to time, such as {' '.join(words)}"


def _allowed(tensor: Tensor) -> Shape:
    """The sizes of an input, less than 1 where any will do."""
    return tensor.table.integers(flat.TENSOR_SHAPE_SIGNATURE) or tensor.sizes


def _check_rank(tensor: Tensor, label: str, name: str) -> None:
    """Refuses an input that takes any number of sizes; the file has no place in which to fix them.

    A file without sizes says by `has_rank` whether that means a scalar.
    """
    if not _allowed(tensor) and not tensor.table.byte(flat.TENSOR_HAS_RANK):
        raise BadRequest(
            f"{name}: the file does not say how many sizes the input {label!r} has; "
            "convert it again with a fixed input shape"
        )


def _default(tensor: Tensor) -> Shape | None:
    """The sizes of an input that nothing was said of: a batch of 1; None where more is open."""
    allowed = _allowed(tensor)
    if len(allowed) > 1 and allowed[0] < 1 <= min(allowed[1:]):
        return (1, *allowed[1:])
    return allowed if min(allowed, default=1) >= 1 else None


def _fitting(tensor: Tensor, given: Shape | None, label: str, name: str) -> Shape | None:
    """The sizes of one input, refused where they do not fit; None where they are not known."""
    allowed = _allowed(tensor)
    if given is None:
        return _default(tensor)
    if len(given) != len(allowed):
        raise BadRequest(
            f"{name}: the shape {','.join(map(str, given))} has {len(given)} sizes, the input {label!r} {len(allowed)}"
        )
    if any(size >= 1 and size != new for size, new in zip(allowed, given, strict=True)):
        shown = [max(size, -1) for size in allowed]
        raise BadRequest(f"{name}: the shape {','.join(map(str, given))} does not fit the input {label!r}, {shown}")
    return given


def _put_first(content: bytearray, model: bytes, entry: _Entry, signature: FlatTable, name: str) -> None:
    """Makes a signature the only one, and its subgraph the first, the one that every tool runs."""
    root = FlatTable.root(model)
    first, count = root.vector(flat.MODEL_SUBGRAPHS)
    if entry.subgraph:
        called = {one for index in range(count) for one in Graph(model, index).called()}
        if called & {0, entry.subgraph}:
            raise BadRequest(
                f"{name}: the signature {entry.key!r} is also run by an operator and cannot be timed alone"
            )
        places = (first, first + 4 * entry.subgraph)
        tables = [one.position for one in root.tables(flat.MODEL_SUBGRAPHS)]
        for place, table in zip(places, (tables[entry.subgraph], tables[0]), strict=True):
            struct.pack_into("<I", content, place, table - place)
    signatures, _ = root.vector(flat.MODEL_SIGNATURES)
    struct.pack_into("<II", content, signatures - 4, 1, signature.position - signatures)
    if place := signature.place(flat.SIGNATURE_SUBGRAPH):
        struct.pack_into("<I", content, place, 0)


def _fixed(content: bytearray, graph: Graph, sizes: Mapping[int, Shape], name: str, *, must: bool) -> bytearray:
    """A file of fixed shapes: those of its inputs, and those of all other tensors that follow from them.

    Where it must not, a file that this machine's runtime cannot run stays as it is, with its open batch.
    """
    fixed = bytearray(content)
    _write(fixed, graph, sizes, name)
    try:
        known = _inferred(bytes(fixed))
    except BadRequest as error:
        if not must:
            return content
        raise BadRequest(f"{name} cannot be run with an input of this shape: {error}") from error
    tensors = list(zip(graph.tensors, known, strict=False))
    computed = {one: new for one, (old, new) in enumerate(tensors) if not old.constant and min(new, default=0) > 0}
    _write(fixed, graph, computed, name)
    return fixed


def _inferred(model: bytes) -> list[Shape]:
    """The shape of each tensor, by the runtime in a process of its own."""
    script = Path(__file__).with_name("infer_shapes.py")
    command = [sys.executable, "-I", str(script)]
    try:
        done = subprocess.run(command, input=model, capture_output=True, check=False, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise BadRequest(f"one inference took more than {_TIMEOUT_S} s") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadRequest(words[-1] if words and done.returncode > 0 else "the runtime crashed")
    return [tuple(sizes) for sizes in json.loads(done.stdout)]


def _write(content: bytearray, graph: Graph, sizes: Mapping[int, Shape], name: str) -> None:
    """Writes shapes over those of the file, which have as many sizes."""
    for field in (flat.TENSOR_SHAPE, flat.TENSOR_SHAPE_SIGNATURE):
        vectors = [tensor.table.vector(field) for tensor in graph.tensors]
        users = Counter(start for start, length in vectors if length)
        for number, new in sizes.items():
            start, length = vectors[number]
            if length != len(new):
                continue
            if users[start] > 1 and new != graph.tensors[number].table.integers(field):
                raise BadRequest(
                    f"{name}: tensors share one shape in the file; convert it again with a fixed input shape"
                )
            struct.pack_into(f"<{length}i", content, start, *new)
