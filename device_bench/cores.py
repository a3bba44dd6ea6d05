"""A processor's clusters of equal cores, and the masks that name them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from device_bench.errors import BadRequest

NAMES = ("big", "little", "all")


_NOTHING: Mapping[int, Any] = {}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cores of one kind.

    Attributes:
        cores: Their numbers, ascending.
        max_mhz: Their highest frequency, or 0 where the system does not tell.
        capacity: What the kernel's scheduler takes them to be worth (`cpu_capacity`, the best core has 1024), or 0
            where it does not tell.
        part: The maker's number of the core, or "" where that does not tell cores apart.
    """

    cores: tuple[int, ...]
    max_mhz: int
    capacity: int = 0
    part: str = ""

    @property
    def mask(self) -> int:
        """Bit n is core n."""
        return sum(1 << core for core in self.cores)


def clusters(
    speeds: Mapping[int, int], capacities: Mapping[int, int] = _NOTHING, parts: Mapping[int, str] = _NOTHING
) -> tuple[Cluster, ...]:
    """Groups equal cores, the slowest first: by capacity where it is known, else by frequency.

    Args:
        speeds: Core number to highest frequency in kHz (`cpuinfo_max_freq`), 0 where unknown.
        capacities: Core number to `cpu_capacity`; they count only where every core has one.
        parts: Core number to the maker's number; they count only where every core has one.
    """
    if not all(capacities.get(core) for core in speeds):
        capacities = _NOTHING
    if not all(parts.get(core) for core in speeds):
        parts = _NOTHING
    groups: dict[tuple[int, int, str], list[int]] = {}
    for core, khz in speeds.items():
        groups.setdefault((capacities.get(core, 0), khz // 1000, parts.get(core, "")), []).append(core)
    return tuple(
        Cluster(tuple(sorted(groups[kind])), mhz, capacity, part)
        for kind in sorted(groups)
        for capacity, mhz, part in [kind]
    )


def check_cores(cores: str) -> None:
    """Refuses what names no cores on any device.

    Raises:
        BadRequest: Neither big, little or all, nor a hexadecimal mask.
    """
    try:
        known = cores in NAMES or int(cores, 16) > 0
    except ValueError:
        known = False
    if not known:
        raise BadRequest(f"unknown cores {cores!r}; use big, little, all or a mask such as f0")


def resolve(cores: str | None, found: tuple[Cluster, ...]) -> str | None:
    """Turns "big", "little", "all" or a mask into a hexadecimal mask of cores that can be used.

    Little cores are the slowest ones and big cores all others, so that a phone with one prime core beside its
    big ones still has several to run threads on. On a processor of equal cores both names mean all of them.

    Raises:
        BadRequest: No such name, a mask of cores that cannot be used now, or a device that hides its cores or, for
            big and little, which of them are the fast ones.
    """
    if cores is None:
        return None
    check_cores(cores)
    if not found:
        raise BadRequest(f"cores {cores!r}: the device does not tell which cores it has; leave the choice to it")
    every = sum(cluster.mask for cluster in found)
    if cores in ("big", "little"):
        little = _slowest(cores, found, every)
        return f"{little if cores == 'little' else every & ~little or every:x}"
    mask = every if cores == "all" else int(cores, 16)
    if mask & ~every:
        raise BadRequest(f"core mask {cores!r} names cores that are not online; all that are have the mask {every:x}")
    return f"{mask:x}"


def _slowest(cores: str, found: tuple[Cluster, ...], every: int) -> int:
    """The mask of the slowest cores; refused where the device does not tell which they are."""
    advice = f"use all, or a mask within {every:x}"
    alike = Counter(one.capacity for one in found)
    # A capacity that several kinds of cores share tells nothing: kernels that were not told any give all the same.
    if hidden := [one for one in found if not one.max_mhz and (not one.capacity or alike[one.capacity] > 1)]:
        named = ", ".join(str(core) for one in hidden for core in one.cores)
        raise BadRequest(f"cores {cores!r}: the device does not tell the speed of core {named}; {advice}")
    if len({(one.capacity, one.max_mhz) for one in found}) < len(found):
        raise BadRequest(f"cores {cores!r}: the device does not tell which of its kinds of cores is faster; {advice}")
    return found[0].mask
