"""What some networks have in training alone: an auxiliary head, and paths that are dropped now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search_spaces.graph import Graph, Operator, PlacedPart


@dataclass(frozen=True, slots=True)
class Extras:
    """What the training of a network has beside what ships.

    Attributes:
        auxiliary: A second head and where it reads the network; None where the family has none.
        paths: The operators whose results scheduled drop path leaves out now and then (Zoph et al. 2017, section 3),
            each with the share of the network's cells that stand in front of it or hold it, above 0 and up to 1.
    """

    auxiliary: PlacedPart | None = None
    paths: Mapping[str, float] = field(default_factory=dict)

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those of the auxiliary head; the last makes its output."""
        return () if self.auxiliary is None else self.auxiliary.operators

    def with_auxiliary(self, graph: Graph) -> Graph:
        """The network with the auxiliary head as its last output."""
        if self.auxiliary is None:
            return graph
        return Graph(graph.inputs, (*graph.placed, self.auxiliary), (*graph.outputs, self.operators[-1].name))
