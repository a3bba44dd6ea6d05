"""A processor's clusters of equal cores, and the masks that name them."""

from collections.abc import Mapping
from dataclasses import dataclass

from device_bench.errors import BadRequest

NAMES = ("big", "little", "all")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Cores of one speed.

    Attributes:
        cores: Their numbers, ascending.
        max_mhz: Their highest frequency, or 0 where the system does not tell.
    """

    cores: tuple[int, ...]
    max_mhz: int

    @property
    def mask(self) -> int:
        """Bit n is core n."""
        return sum(1 << core for core in self.cores)


def clusters(speeds: Mapping[int, int]) -> tuple[Cluster, ...]:
    """Groups cores of equal speed, the slowest first.

    Args:
        speeds: Core number to highest frequency in kHz (`cpuinfo_max_freq`), 0 where unknown.
    """
    groups: dict[int, list[int]] = {}
    for core, khz in speeds.items():
        groups.setdefault(khz, []).append(core)
    return tuple(Cluster(tuple(sorted(groups[khz])), khz // 1000) for khz in sorted(groups))


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
    """Turns "big", "little", "all" or a mask into a hexadecimal mask of cores that exist.

    Little cores are the slowest cluster and big cores all others, so that a phone with one prime core beside its
    big ones still has several to run threads on. On a processor of equal cores both names mean all of them.

    Raises:
        BadRequest: No such name, a mask of cores that the device does not have, or a device that hides its cores.
    """
    if cores is None:
        return None
    check_cores(cores)
    if not found:
        raise BadRequest(f"cores {cores!r}: the device does not tell which cores it has; leave the choice to it")
    every = sum(cluster.mask for cluster in found)
    little = found[0].mask
    named = {"all": every, "little": little, "big": every & ~little or every}
    if cores in named:
        return f"{named[cores]:x}"
    mask = int(cores, 16)
    if mask & ~every:
        raise BadRequest(f"core mask {cores!r} is not within the device's cores, {every:x}")
    return f"{mask:x}"
