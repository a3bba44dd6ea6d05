"""What decides how fast a device is: two devices of one name that differ in it are not one device.

Sources: /proc/cpuinfo (x86 and Arm), cpufreq, `getprop` (Android), /sys/devices/soc0 (Qualcomm and others).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from device_bench.cores import Cluster

# Instruction sets that LiteRT's kernels (XNNPACK) choose between, as /proc/cpuinfo spells them.
_X86 = re.compile(r"s?sse\w+|avx\w*|fma\w*|f16c|gfni|amx_\w+")
_ARM = re.compile(r"neon|vfpv4|asimd\w*|fphp|i8mm|bf16|sve\w*|sme\w*")
_X86_KEYS = ("vendor_id", "cpu family", "model", "stepping")
_ARM_KEYS = ("cpu implementer", "cpu part", "cpu variant", "cpu revision")


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides a device's speed. Empty: it does not tell.

    Attributes:
        processor: Maker, family, model and stepping of an x86 processor.
        parts: Implementer, part, variant and revision of each kind of Arm core that is online.
        features: Instruction sets, sorted, as the kernel spells them.
        max_mhz: The highest frequencies of its cores, ascending.
        soc: The system on a chip.
        revision: Of the chip or the board.
        build: The build of the system of an Android device.
    """

    processor: str = ""
    parts: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    max_mhz: tuple[int, ...] = ()
    soc: str = ""
    revision: str = ""
    build: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Identity":
        """From what `dataclasses.asdict` gave, also by way of JSON."""
        fields: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in stored.items()}
        return cls(**fields)

    def differences(self, other: "Identity") -> list[str]:
        """In words, what both tell and tell differently; the build is left out, for it can be the same in speed."""
        words = [
            _two(name, ours, theirs)
            for name, ours, theirs in (
                ("processor", self.processor, other.processor),
                ("cores", " and ".join(self.parts), " and ".join(other.parts)),
                ("highest frequency", _mhz(self.max_mhz), _mhz(other.max_mhz)),
                ("chip", self.soc, other.soc),
                ("revision", self.revision, other.revision),
            )
        ]
        words.append(_sets(self.features, other.features))
        return list(filter(None, words))


def read_identity(
    cpuinfo: Mapping[int, Mapping[str, str]], features: str, clusters: Iterable[Cluster], props: Mapping[str, str]
) -> Identity:
    """Makes an identity of what a device answered.

    Args:
        cpuinfo: Core number to what /proc/cpuinfo says of it.
        features: Its line of flags (x86) or features (Arm).
        clusters: The cores that can be used.
        props: Android's properties, and `soc0.revision` where /sys has it; may be empty.
    """
    first = next(iter(cpuinfo.values()), {})
    x86 = [first.get(key, "") for key in _X86_KEYS]
    name, _, flags = features.partition(":")
    wanted = _ARM if name.strip().lower() == "features" else _X86
    revisions = (props.get("ro.boot.hardware.revision"), props.get("ro.revision"), props.get("soc0.revision"))
    return Identity(
        processor="{} family {} model {} stepping {}".format(*x86) if all(x86) else "",
        parts=tuple(sorted({part for core in cpuinfo.values() if (part := arm_part(core))})),
        features=tuple(sorted({flag for flag in flags.split() if wanted.fullmatch(flag)})),
        max_mhz=tuple(sorted({one.max_mhz for one in clusters} - {0})),
        soc=soc_of(props),
        revision=next((one for one in revisions if one not in (None, "", "0")), ""),
        build=props.get("ro.build.fingerprint", ""),
    )


def arm_part(core: Mapping[str, str]) -> str:
    """The maker's numbers of an Arm core, such as "0x41 0xd05 0x1 0", or "" for other cores."""
    found = [core.get(key, "") for key in _ARM_KEYS]
    return " ".join(found) if all(found) else ""


def soc_of(props: Mapping[str, str]) -> str:
    """Maker and model of the system on a chip by Android's properties; before Android 12 there is only a platform."""
    named = " ".join(filter(None, (props.get("ro.soc.manufacturer"), props.get("ro.soc.model"))))
    return named or props.get("ro.board.platform", "")


def _two(name: str, ours: str, theirs: str) -> str:
    return f"{name} {ours} against {theirs}" if ours and theirs and ours != theirs else ""


def _mhz(values: Iterable[int]) -> str:
    listed = ", ".join(map(str, values))
    return f"{listed} MHz" if listed else ""


def _sets(ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    if not ours or not theirs or ours == theirs:
        return ""
    lost, new = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    return "instruction sets " + " and ".join(
        f"{' '.join(some)} in {where} alone" for some, where in ((lost, "the first"), (new, "the second")) if some
    )
