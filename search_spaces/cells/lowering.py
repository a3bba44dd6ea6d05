"""Networks of cells as graphs (Zoph et al. 2017, appendix A.4, and the published code of NASNet, PNASNet and ENAS)."""

from __future__ import annotations

from dataclasses import dataclass, field

from search_spaces.builder import GraphBuilder
from search_spaces.cells.architecture import CellArch
from search_spaces.cells.genotype import INPUTS, Block, Edge
from search_spaces.cells.operators import MENU, Target, Wiring
from search_spaces.cells.skeleton import Place, canonical, places
from search_spaces.graph import IMAGE, Graph, Shape, check_input_shape, pruned
from search_spaces.heads import Head, without_bias

_STEM_FACTOR = 3


@dataclass(slots=True)
class Lowered:
    """A network of cells under construction.

    Attributes:
        graph: The operators so far.
        outputs: The name of the result of the stem, then of each cell.
        paths: The last operator of each edge that computes something, and the depth of its cell (see `Place.depth`).
        features: What the head reads.
    """

    graph: GraphBuilder
    outputs: list[str]
    paths: dict[str, float] = field(default_factory=dict)
    features: str = ""


def lower(arch: CellArch, input_shape: Shape, head: Head) -> Graph:
    """The operators of `arch` on images of `input_shape`, with `head` behind its last map.

    Raises:
        SpaceError: A malformed input shape, or an image too small for the strided stem.
    """
    made = features(arch, input_shape)
    return pruned(made.graph.graph(*head_of(arch, head).append(made.graph, made.features)))


def head_of(arch: CellArch, head: Head) -> Head:
    """The head as the published networks have it: ENAS's fully connected layer has no bias."""
    return head if arch.style.biased else without_bias(head)


def features(arch: CellArch, input_shape: Shape) -> Lowered:
    """All of a network up to what its head reads."""
    # The canonical form, so that two spellings of one network are one list of operators.
    arch = canonical(arch)
    graph = GraphBuilder({IMAGE: check_input_shape(input_shape)})
    if arch.strided_stem:
        stem = graph.conv("stem", IMAGE, arch.strided_stem, 3, 2, padding="valid")
    else:
        stem = graph.conv("stem", IMAGE, _STEM_FACTOR * arch.filters, 3)
    wiring, made = Wiring(graph), Lowered(graph, [stem])
    for place in places(arch):
        made.outputs.append(_cell(wiring, arch, place, made))
    made.features = wiring.relu(made.outputs[-1])
    return made


def _cell(wiring: Wiring, arch: CellArch, place: Place, made: Lowered) -> str:
    current = made.outputs[place.current]
    states = [_current(wiring, arch, place, current)]
    previous = current if place.previous is None else made.outputs[place.previous]
    if place.cell.reads(1) and place.previous is not None:
        previous = _previous(wiring, arch, place, previous, current)
    states.append(previous)
    for number, block in enumerate(place.cell.blocks, start=1):
        states.append(_block(wiring, arch, place, f"{place.name}.block{number}", block, states, made))
    return _joined(wiring, place, states)


def _current(wiring: Wiring, arch: CellArch, place: Place, source: str) -> str:
    graph, read = wiring.graph, wiring.relu(source)
    if arch.style.projects_twice and graph.shape(source)[2] != place.filters:
        read = graph.conv(f"{place.name}.narrow", read, place.filters, activation="relu")
    return graph.conv(f"{place.name}.current", read, place.filters)


def _previous(wiring: Wiring, arch: CellArch, place: Place, source: str, current: str) -> str:
    shape = wiring.graph.shape(source)
    if shape[:2] != wiring.graph.shape(current)[:2]:
        return wiring.factorized(f"{place.name}.previous", wiring.relu(source), place.filters)
    if shape[2] != place.filters or arch.style.projects_always:
        return wiring.graph.conv(f"{place.name}.previous", wiring.relu(source), place.filters)
    return source


def _block(
    wiring: Wiring, arch: CellArch, place: Place, name: str, block: Block, states: list[str], made: Lowered
) -> str:
    left, right = (
        _edge(wiring, arch, place, f"{name}.{side}", edge, states, made)
        for side, edge in (("left", block.left), ("right", block.right))
    )
    if block.combine == "add":
        return wiring.graph.add(name, left, right)
    return wiring.graph.conv(name, wiring.graph.concat(f"{name}.concat", left, right), place.filters)


def _edge(wiring: Wiring, arch: CellArch, place: Place, name: str, edge: Edge, states: list[str], made: Lowered) -> str:
    stride = place.stride if edge.state < INPUTS else 1
    target = Target(place.filters, stride, arch.style.identity)
    last = MENU[edge.op].lower(wiring, f"{name}.{edge.op}", states[edge.state], target)
    if edge.op != "identity":
        made.paths[last] = place.depth
    return last


def _joined(wiring: Wiring, place: Place, states: list[str]) -> str:
    """The output of a cell; a state of another size or width is brought to that of the blocks, without a ReLU."""
    graph, size = wiring.graph, wiring.graph.shape(states[-1])[:2]
    joined = []
    for state in place.cell.output:
        name, shape = f"{place.name}.output{state}", graph.shape(states[state])
        if shape[:2] != size:
            joined.append(wiring.factorized(name, states[state], place.filters))
        elif shape[2] != place.filters:
            joined.append(graph.conv(name, states[state], place.filters))
        else:
            joined.append(states[state])
    return joined[0] if len(joined) == 1 else graph.concat(f"{place.name}.output", *joined)
