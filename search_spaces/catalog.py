"""The families by name, and what is asked of an architecture of any of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

from search_spaces.cells import DARTS, ENAS_MICRO, NASNET, PNAS
from search_spaces.decision import Space
from search_spaces.drawing import Drawing
from search_spaces.errors import ForeignNotation, SpaceError
from search_spaces.family import GROUP, Family
from search_spaces.graph import Cost, Graph, Operator, Shape, check_input_shape, graph_cost
from search_spaces.heads import Classifier, Head
from search_spaces.layered import ENAS_MACRO, NAS_CNN
from search_spaces.mnasnet import MNASNET
from search_spaces.offers import with_offered
from search_spaces.shared import SharedGraph
from search_spaces.training_extras import Extras

Arch = Any
"""An architecture of any family: frozen, hashable, compared by value."""

FAMILIES: Mapping[str, Family[Any, Any]] = {
    one.name: one for one in (MNASNET, NASNET, PNAS, ENAS_MICRO, DARTS, NAS_CNN, ENAS_MACRO)
}
"""Those that come with this package; `families` has those of others too."""


@cache
def families() -> Mapping[str, Family[Any, Any]]:
    """All families, those of installed packages included.

    Raises:
        SpaceError: A package cannot be loaded, or offers something else, or a family under a name that is taken.
    """
    return with_offered(FAMILIES, GROUP, Family, SpaceError)


def family(name: str) -> Family[Any, Any]:
    """The family of that name.

    Raises:
        SpaceError: There is none.
    """
    known = families()
    if name not in known:
        raise SpaceError(f"no space {name!r}; known: {', '.join(known)}")
    return known[name]


def family_of(arch: Arch) -> Family[Any, Any]:
    """The family that an architecture belongs to.

    Raises:
        SpaceError: It is not an architecture.
    """
    for one in families().values():
        if type(arch) is one.architecture:
            return one
    raise SpaceError(f"{type(arch).__name__} is not an architecture of any family")


@dataclass(frozen=True, slots=True)
class SpaceChoice:
    """A family and what is set of its space: what a configuration or a command line chooses.

    Attributes:
        name: Of the family.
        parameters: Of the family's own `parameters` class.
    """

    name: str
    parameters: Any

    @classmethod
    def of(cls, name: str, values: Mapping[str, Any]) -> SpaceChoice:
        """The choice of a family by name, with some of its parameters.

        Raises:
            SpaceError: An unknown family or parameter, or an impossible value.
        """
        kind = family(name).parameters
        known = [field.name for field in fields(kind)]
        if unknown := sorted(values.keys() - set(known)):
            raise SpaceError(f"the space {name!r} has no parameter {unknown[0]!r}; known: {', '.join(known)}")
        return cls(name, kind(**values))

    def to_dict(self) -> dict[str, Any]:
        """The name and all parameters, flat."""
        return {"name": self.name, **asdict(self.parameters)}

    def space(self, input_shape: Shape) -> Space[Any]:
        """The space for images of that shape.

        Raises:
            SpaceError: Images too small.
        """
        made: Space[Any] = family(self.name).space(check_input_shape(input_shape), self.parameters)
        return made

    def reference(self, name: str, input_shape: Shape) -> Arch:
        """A published architecture, as wide and deep as the space where it is of the same family.

        Raises:
            SpaceError: No architecture of that name, or images too small for it.
        """
        arch = published(name)
        one = family_of(arch)
        parameters = self.parameters if one.name == self.name else one.parameters()
        return one.fit(arch, check_input_shape(input_shape), parameters)

    def shared(self, input_shape: Shape, head: Head | int) -> SharedGraph[Any]:
        """All networks of the space in one graph; arguments as for `lower`.

        Raises:
            SpaceError: Networks of the family share no weights, or images too small.
        """
        make = family(self.name).shared
        if make is None:
            able = ", ".join(name for name, one in families().items() if one.shared is not None)
            raise SpaceError(f"networks of the space {self.name!r} cannot share weights; those of {able} can")
        made: SharedGraph[Any] = make(check_input_shape(input_shape), self.parameters, _head(head))
        return made


def space(name: str, input_shape: Shape = (224, 224, 3), **parameters: Any) -> Space[Any]:
    """A space by name, made for images of `input_shape` `(height, width, channels)`.

    Args:
        name: Of a family.
        input_shape: Of one image.
        **parameters: What the family's own `parameters` class takes.

    Raises:
        SpaceError: An unknown name or parameter, an impossible value, or an image too small for the space.
    """
    return SpaceChoice.of(name, parameters).space(input_shape)


def closest(space: Space[Any], wish: Arch) -> Arch:
    """An architecture of `space` near `wish`; its middle where the two are of different families."""
    one = family(space.name)
    if type(wish) is one.architecture:
        return one.closest(space, wish)
    return space.decode([size // 2 for size in space.sizes])


def published_names() -> tuple[str, ...]:
    """Names of the published architectures of all families."""
    return tuple(name for one in families().values() for name in one.published)


def published(name: str) -> Arch:
    """A published architecture, as its authors made it for their images.

    Raises:
        SpaceError: No architecture of that name.
    """
    for one in families().values():
        if name in one.published:
            return one.published[name]()
    raise SpaceError(f"no published network {name!r}; known: {', '.join(published_names())}")


def from_notation(text: str) -> Arch:
    """The architecture behind the published notation of a family, such as block strings with blanks between them.

    Raises:
        SpaceError: It is the notation of none, with what the last family says of it that takes it for its own.
    """
    error = SpaceError("no family has a notation")
    for one in families().values():
        if one.parse is not None:
            try:
                return one.parse(text)
            except ForeignNotation:
                continue
            except SpaceError as found:
                error = found
    raise error


def to_json(arch: Arch) -> str:
    """One line of JSON with sorted keys; `from_json` reads it back."""
    one = family_of(arch)
    return json.dumps({"type": one.name, **one.to_dict(arch)}, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> Arch:
    """The architecture that `to_json` wrote.

    Raises:
        SpaceError: Not JSON, not an architecture of a known family, or a value that no architecture has.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpaceError(f"not an architecture: {error}") from None
    one = families().get(str(data.pop("type", None))) if isinstance(data, dict) else None
    if one is None:
        known = " or ".join(f'"type": "{name}"' for name in families())
        raise SpaceError(f"not an architecture: expected a JSON object with {known}")
    return one.from_dict(data)


def canonical(arch: Arch) -> Arch:
    """The one spelling of all architectures that compute the same."""
    return family_of(arch).canonical(arch)


def arch_hash(arch: Arch) -> str:
    """16 hexadecimal digits, the same for all spellings of one network, on every machine and version."""
    return hashlib.sha256(to_json(canonical(arch)).encode()).hexdigest()[:16]


def scale(arch: Arch, width: float, depth: float = 1.0) -> Arch:
    """A wider or deeper architecture: `width` is a factor on the filters, `depth` one on the layers.

    Raises:
        SpaceError: A factor is not positive and finite, or the family cannot be scaled so.
    """
    if not (0 < width < math.inf and 0 < depth < math.inf):
        raise SpaceError(f"width and depth must be positive, not {width} and {depth}")
    return family_of(arch).scale(arch, width, depth)


def lower(arch: Arch, input_shape: Shape, head: Head | int) -> Graph:
    """The network as a graph.

    Args:
        arch: Any architecture.
        input_shape: `(height, width, channels)` of one image.
        head: What stands behind the features; a number of classes stands for a classifier of so many.

    Raises:
        SpaceError: A shape or a head that the network cannot have.
    """
    return family_of(arch).lower(arch, check_input_shape(input_shape), _head(head))


def extras(arch: Arch, input_shape: Shape, head: Head | int) -> Extras:
    """What the training of a network has beside what ships; arguments as for `lower`."""
    return family_of(arch).extras(arch, check_input_shape(input_shape), _head(head))


def restack(arch: Arch, repeats: int, channels: int, input_shape: Shape) -> Arch:
    """The cells of a network stacked deeper and wider (Zoph et al. 2017, section 3: `N@P`).

    Args:
        arch: A network of cells.
        repeats: Normal cells in front of, between and behind the reductions, N.
        channels: Of the last map, P.
        input_shape: `(height, width, channels)` of one image.

    Raises:
        SpaceError: It has no cells, or none that can be stacked so.
    """
    one = family_of(arch)
    if one.restack is None:
        raise SpaceError(f"a network of the family {one.name} has no cells to stack")
    return one.restack(arch, repeats, channels, check_input_shape(input_shape))


def operators(arch: Arch, input_shape: Shape, head: Head | int) -> tuple[Operator, ...]:
    """The operators of a network, each behind those that it reads; arguments as for `lower`."""
    return lower(arch, input_shape, head).operators


def cost(arch: Arch, input_shape: Shape, head: Head | int) -> Cost:
    """Parameters and MACs of a network; arguments as for `lower`."""
    return graph_cost(lower(arch, input_shape, head))


def drawing(arch: Arch, input_shape: Shape) -> Drawing:
    """What a report draws of a network, without its inputs and its head."""
    return family_of(arch).drawing(arch, check_input_shape(input_shape))


def describe(arch: Arch) -> dict[str, Any]:
    """An architecture as JSON values for a record: `arch` (`from_json` reads it), `arch_hash` and `blocks`."""
    return {"arch": json.loads(to_json(arch)), "arch_hash": arch_hash(arch), "blocks": family_of(arch).lines(arch)}


def _head(head: Head | int) -> Head:
    return Classifier(head) if isinstance(head, int) else head
