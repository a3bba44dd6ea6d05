"""Which networks to convert so that every operator of a space can be cut out of one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from device_bench.kinds import Precision
from search_spaces import Arch, Head, Space, arch_hash, cost
from search_spaces.graph import Shape
from search_spaces.signatures import signatures

_PATIENCE = 4000
_MOST = 40_000

_COUNTABLE = 2_500
"""A space with more operators than this is not measured operator by operator."""

_MEASURED = 1_000
"""How many of them are measured then; the others are estimated."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a table is for.

    Attributes:
        space: The space whose networks it shall price.
        input_shape: `(height, width, channels)`.
        head: What stands behind the features of its networks; a number of classes stands for a classifier.
        precision: Of the TFLite files.
    """

    space: Space[Arch]
    input_shape: Shape
    head: Head | int
    precision: Precision

    def signatures(self, arch: Arch) -> tuple[str, ...]:
        """The operators of one network."""
        return signatures(arch, self.input_shape, self.head, self.precision)


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Networks of a space, and what they consist of.

    Attributes:
        arches: The networks.
        wanted: All signatures that they have, sorted.
        whole: Whether these are all that the space has; where any sum of widths may enter a convolution, as in spaces
            with skips to any layer, there are too many.
    """

    arches: list[Arch]
    wanted: list[str]
    whole: bool


def enumerate_networks(target: Target, rng: np.random.Generator) -> Enumeration:
    """Random networks until the last thousands of them had no operator that was not seen before.

    In a space that has too many operators for that, the first networks, with as many operators as can be measured.
    """
    arches: list[Arch] = []
    seen: set[str] = set()
    counts: list[int] = []
    while len(arches) < _MOST and (len(counts) <= _PATIENCE or counts[-1] > counts[-_PATIENCE - 1]):
        arch = target.space.decode(target.space.sample(rng))
        seen.update(target.signatures(arch))
        arches.append(arch)
        counts.append(len(seen))
        if len(seen) > _COUNTABLE:
            few = arches[: max(1, sum(count <= _MEASURED for count in counts))]
            return Enumeration(few, sorted({one for arch in few for one in target.signatures(arch)}), whole=False)
    return Enumeration(arches, sorted(seen), whole=True)


def cover(target: Target, arches: Sequence[Arch], wanted: Sequence[str]) -> list[Arch]:
    """Few of `arches` that have all of `wanted`: again and again the one with the most that are still missing."""
    place = {signature: column for column, signature in enumerate(wanted)}
    has = np.zeros((len(arches), len(wanted)), np.bool_)
    for row, arch in enumerate(arches):
        has[row, [place[one] for one in target.signatures(arch) if one in place]] = True
    chosen, missing = [], has.any(axis=0)
    while missing.any():
        best = int((has & missing).sum(axis=1).argmax())
        chosen.append(arches[best])
        missing &= ~has[best]
    return chosen


def random_networks(target: Target, count: int, rng: np.random.Generator, known: Collection[str] = ()) -> list[Arch]:
    """Distinct random networks, none of them in `known` (hashes)."""
    return _distinct((target.space.decode(target.space.sample(rng)) for _ in range(100 * count)), count, known)


def near_networks(
    target: Target, centre: Arch, count: int, rng: np.random.Generator, known: Collection[str] = ()
) -> list[Arch]:
    """Mutants of `centre` by one to four decisions, within 15 % of its MACs: a search's own neighbourhood."""
    tokens = target.space.encode(centre)
    macs = cost(centre, target.input_shape, target.head).macs

    def mutants() -> Iterable[Arch]:
        for _ in range(200 * count):
            changed = list(tokens)
            for place in rng.choice(len(changed), int(rng.integers(1, 5)), replace=False):
                changed[place] = int(rng.integers(target.space.sizes[place]))
            arch = target.space.decode(changed)
            if abs(cost(arch, target.input_shape, target.head).macs / macs - 1) < 0.15:
                yield arch

    return _distinct(mutants(), count, known)


def _distinct(arches: Iterable[Arch], count: int, known: Collection[str]) -> list[Arch]:
    chosen: dict[str, Arch] = {}
    for arch in arches:
        name = arch_hash(arch)
        if name not in known:
            chosen.setdefault(name, arch)
        if len(chosen) == count:
            break
    return list(chosen.values())
