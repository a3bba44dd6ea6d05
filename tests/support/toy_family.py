"""A family of another package, as the entry point beside it announces: two convolutions, and a pool between them."""

from dataclasses import asdict, dataclass

from search_spaces import Box, Decision, Family, GraphBuilder, Space, SpaceError
from search_spaces.graph import IMAGE
from search_spaces.shared import SharedBuilder, SharedGraph

KERNELS, FILTERS, POOLS = (1, 3), (4, 8), ("none", "max")


@dataclass(frozen=True)
class ToyArch:
    kernel: int
    filters: int
    pool: str


@dataclass(frozen=True)
class ToyParameters:
    """What a search may set.

    Attributes:
        factor: Factor on the filters.
    """

    factor: int = 1

    def __post_init__(self):
        if self.factor < 1:
            raise SpaceError(f"factor must be at least 1, not {self.factor}")


def space(input_shape, parameters):
    decisions = (
        Decision("kernel", KERNELS, "kernel"),
        Decision("filters", tuple(filters * parameters.factor for filters in FILTERS), "filters"),
        Decision("pool", POOLS, "pool", points_to=("kernel",)),
    )
    return Space(
        "toy", decisions, lambda choices: ToyArch(*choices), lambda arch: (arch.kernel, arch.filters, arch.pool)
    )


def from_dict(data):
    try:
        return ToyArch(**data)
    except TypeError as error:
        raise SpaceError(f"not a toy: {error}") from None


def lower(arch, input_shape, head):
    graph = GraphBuilder({IMAGE: input_shape})
    last = graph.conv("first", IMAGE, arch.filters, arch.kernel, 2, activation="relu")
    if arch.pool == "max":
        last = graph.pool("pooled", last, "max_pool", 3)
    last = graph.activation("swish", graph.conv("second", last, 2 * arch.filters), "hard_swish")
    return graph.graph(*head.append(graph, last))


def shared(input_shape, parameters, head):
    widest = parameters.factor * max(FILTERS)
    graph = SharedBuilder({IMAGE: input_shape})
    first = graph.conv("first", IMAGE, widest, max(KERNELS), 2, activation="relu")
    last = graph.switch("pooling", first, graph.pool("pooled", first, "max_pool", 3))
    last = graph.activation("swish", graph.conv("second", last, 2 * widest), "hard_swish")
    outputs = head.append(graph, last)
    return SharedGraph(
        inputs=((IMAGE, input_shape),),
        steps=graph.steps(*outputs),
        outputs=outputs,
        lower=lambda arch: lower(arch, input_shape, head),
        owner=lambda arch, name: name,
        smallest=ToyArch(1, parameters.factor * min(FILTERS), "none"),
        largest=ToyArch(3, widest, "max"),
        width_tags=frozenset({"filters"}),
    )


TOY = Family(
    name="toy",
    architecture=ToyArch,
    parameters=ToyParameters,
    space=space,
    to_dict=asdict,
    from_dict=from_dict,
    canonical=lambda arch: arch,
    lower=lower,
    fit=lambda arch, input_shape, parameters: arch,
    respell=lambda arch: arch,
    scale=lambda arch, width, depth: ToyArch(arch.kernel, max(1, round(arch.filters * width)), arch.pool),
    closest=lambda searched, wish: wish,
    drawing=lambda arch, input_shape: (Box(f"Toy of {arch.filters}", "other", note=arch.pool),),
    lines=lambda arch: [f"toy k{arch.kernel} f{arch.filters} {arch.pool}"],
    shared=shared,
    published={"toy-net": lambda: ToyArch(3, 8, "max")},
)
