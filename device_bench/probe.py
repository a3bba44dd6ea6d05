"""Asks a device what it is and how it feels: Android phones and Linux boards, over any transport.

One shell script and one round trip each. What a device denies or lacks is left out, never made up.
Sources: `getprop`, `dumpsys thermalservice` and `dumpsys battery` (Android), /proc and /sys (Linux and Android).
"""

import re
from dataclasses import dataclass, field

from device_bench.cores import Cluster, clusters
from device_bench.errors import TransportError
from device_bench.identity import Identity, arm_part, read_identity, soc_of
from device_bench.transport import Transport

_TIMEOUT_S = 30.0
_MOST_CORES = 1024
_MOST_TEXT, _LONGEST_LINE, _ENDLESS = 1 << 20, 4096, re.compile("[0-9]{20,}")
_CPU = "/sys/devices/system/cpu"
_CPUINFO = "processor|model name|hardware|vendor_id|cpu family|model|stepping|cpu (implementer|part|variant|revision)"
_RANGES = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*")

# Each source is printed below a line of its own name, so that a source that is missing leaves an empty part.
INFO_SCRIPT = f"""
echo '## uname'; uname -m; uname -s; uname -r; uname -n
echo '## getprop'; getprop 2>/dev/null
echo '## present'; cat {_CPU}/present 2>/dev/null
echo '## online'; cat {_CPU}/online 2>/dev/null
echo '## off'; grep -s . {_CPU}/cpu[0-9]*/online /dev/null
echo '## allowed'; grep -s Cpus_allowed_list /proc/self/status
echo '## max'; grep -s . {_CPU}/cpu[0-9]*/cpufreq/cpuinfo_max_freq /dev/null
echo '## policies'; grep -s . {_CPU}/cpufreq/policy*/related_cpus {_CPU}/cpufreq/policy*/cpuinfo_max_freq /dev/null
echo '## capacity'; grep -s . {_CPU}/cpu[0-9]*/cpu_capacity /dev/null
echo '## cpuinfo'; grep -s -i -E '^({_CPUINFO})[[:blank:]]*:' /proc/cpuinfo
echo '## features'; grep -s -m 1 -i -E '^(flags|features)[[:blank:]]*:' /proc/cpuinfo
echo '## soc0'; cat /sys/devices/soc0/revision 2>/dev/null
echo '## board'; tr -d '\\000' < /proc/device-tree/model 2>/dev/null
echo '## memory'; grep -s MemTotal /proc/meminfo
exit 0
"""
STATE_SCRIPT = f"""
echo '## thermal'; dumpsys thermalservice 2>/dev/null | grep -m 1 -E '^Thermal Status:'
echo '## battery'; dumpsys battery 2>/dev/null
echo '## zones'; grep -s . /sys/class/thermal/thermal_zone*/type /sys/class/thermal/thermal_zone*/temp /dev/null
echo '## freq'; grep -s . {_CPU}/cpu[0-9]*/cpufreq/scaling_cur_freq /dev/null
echo '## cap'; grep -s . {_CPU}/cpu[0-9]*/cpufreq/scaling_max_freq /dev/null
echo '## governor'; cat {_CPU}/cpu[0-9]*/cpufreq/scaling_governor 2>/dev/null
echo '## load'; cat /proc/loadavg 2>/dev/null
exit 0
"""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device is; does not change while it is measured.

    Attributes:
        model: The maker's name for it, or the processor's.
        soc: The system on a chip, or "".
        abi: Instruction set, such as "arm64-v8a" or "x86_64".
        system: Operating system with its version, such as "Android 14 (API 34)" or "Linux 6.1.0".
        build: The build's fingerprint, or the host's name.
        clusters: Cores that are online and that a process may use, the slowest first; empty where hidden.
        memory_mb: Main memory.
        android: Whether it is an Android device.
        identity: What decides how fast it is.
    """

    model: str
    soc: str
    abi: str
    system: str
    build: str
    clusters: tuple[Cluster, ...]
    memory_mb: int | None
    android: bool
    identity: Identity = field(default_factory=Identity)


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How a device feels at one moment. None or empty: it does not tell.

    Attributes:
        thermal_status: Android's status, 0 (none) to 6 (shutdown).
        battery_c: Battery temperature in degrees Celsius.
        battery_percent: Battery level.
        hottest_c: Highest plausible temperature of the thermal zones.
        core_mhz: Each core's frequency now.
        core_cap_mhz: Each core's highest frequency allowed now; falls when the system throttles.
        governors: Frequency governors in use.
        load: Processes running or waiting, averaged over a minute.
    """

    thermal_status: int | None = None
    battery_c: float | None = None
    battery_percent: int | None = None
    hottest_c: float | None = None
    core_mhz: tuple[int, ...] = ()
    core_cap_mhz: tuple[int, ...] = ()
    governors: tuple[str, ...] = ()
    load: float | None = None


def read_info(transport: Transport) -> DeviceInfo:
    """Asks what a device is.

    Raises:
        TransportError: The device cannot be reached or runs no shell.
    """
    parts = _ask(transport, INFO_SCRIPT)
    props = dict(re.findall(r"^\[([^\]\n]+)\]: \[([^\]]*)\]", parts.get("getprop", ""), re.M))
    machine, kernel, release, node = [*parts.get("uname", "").splitlines(), "", "", "", ""][:4]
    android = "ro.build.fingerprint" in props or "ro.build.version.release" in props
    props["soc0.revision"] = parts.get("soc0", "").strip()
    memory = re.search(r"(\d+) kB", parts.get("memory", ""))
    cpuinfo = _cpuinfo(parts.get("cpuinfo", ""))
    found = _clusters(parts, cpuinfo)
    version = f"Android {props.get('ro.build.version.release', '?')} (API {props.get('ro.build.version.sdk', '?')})"
    return DeviceInfo(
        model=_model(props, parts, machine),
        soc=soc_of(props),
        abi=props.get("ro.product.cpu.abi") or machine,
        system=version if android else f"{kernel} {release}".strip(),
        build=props.get("ro.build.fingerprint") or node,
        clusters=found,
        memory_mb=int(memory[1]) // 1024 if memory else None,
        android=android,
        identity=read_identity(cpuinfo, parts.get("features", ""), found, props),
    )


def read_state(transport: Transport) -> DeviceState:
    """Asks how a device feels.

    Raises:
        TransportError: The device cannot be reached or runs no shell.
    """
    parts = _ask(transport, STATE_SCRIPT)
    battery_c, battery_percent = _battery(parts.get("battery", ""))
    status = re.search(r"^Thermal Status:\s*(\d)", parts.get("thermal", ""), re.M)
    load = re.match(r"\d+\.\d+", parts.get("load", ""))
    return DeviceState(
        thermal_status=int(status[1]) if status else None,
        battery_c=battery_c,
        battery_percent=battery_percent,
        hottest_c=_hottest(parts.get("zones", "")),
        core_mhz=_in_order(_by_core(parts.get("freq", ""))),
        core_cap_mhz=_in_order(_by_core(parts.get("cap", ""))),
        governors=tuple(sorted(set(parts.get("governor", "").split()))),
        load=float(load[0]) if load else None,
    )


def _ask(transport: Transport, script: str) -> dict[str, str]:
    answer = transport.shell(("sh", "-c", script), timeout_s=_TIMEOUT_S)
    if answer.exit_code != 0:
        words = answer.stderr.strip() or f"exit code {answer.exit_code}"
        raise TransportError(f"{transport.name}: the device's shell does not answer: {words}")
    parts: dict[str, str] = {}
    for part in _bounded(answer.stdout).split("## ")[1:]:
        name, _, text = part.partition("\n")
        parts[name.strip()] = text
    return parts


def _bounded(text: str) -> str:
    """The answer without what no sound device says and no pattern or number can take: megabytes, or endless digits."""
    lines = (line for line in text[:_MOST_TEXT].splitlines() if line.strip() and len(line) <= _LONGEST_LINE)
    return _ENDLESS.sub("", "\n".join(lines) + "\n")


def _model(props: dict[str, str], parts: dict[str, str], machine: str) -> str:
    maker, model = props.get("ro.product.manufacturer", ""), props.get("ro.product.model", "")
    if model:
        return model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
    board = parts.get("board", "").strip()
    named = re.search(r"^(?:model name|Hardware)\s*:(.*)$", parts.get("cpuinfo", ""), re.M | re.I)
    return board or (named[1].strip() if named else "") or machine


def _clusters(parts: dict[str, str], cpuinfo: dict[int, dict[str, str]]) -> tuple[Cluster, ...]:
    known = _by_core(parts.get("max", ""))
    policies = _by_policy(parts.get("policies", ""))
    speeds = {core: known.get(core) or policies.get(core, 0) for core in _usable(parts, cpuinfo) or {*known}}
    numbers = {core: part for core, facts in cpuinfo.items() if (part := arm_part(facts))}
    return clusters(speeds, _by_core(parts.get("capacity", "")), numbers)


def _usable(parts: dict[str, str], cpuinfo: dict[int, dict[str, str]]) -> set[int]:
    """Cores that are online and that the shell's own processes may run on; a container may have fewer than it sees."""
    switched_off = {core for core, value in _by_core(parts.get("off", "")).items() if value == 0}
    # /proc/cpuinfo lists those that are online, too.
    online = _numbers(parts.get("online", "")) or set(cpuinfo) or _numbers(parts.get("present", "")) - switched_off
    return online & _numbers(parts.get("allowed", "").partition(":")[2]) or online


def _cpuinfo(text: str) -> dict[int, dict[str, str]]:
    """Core number -> its lines of /proc/cpuinfo."""
    cores: dict[int, dict[str, str]] = {}
    lines: dict[str, str] = {}
    for name, value in re.findall(r"^([\w ]+?)\s*:[ \t]*(.*?)[ \t]*$", text, re.M):
        if name == "processor" and value.isdecimal() and int(value) < _MOST_CORES:
            lines = cores.setdefault(int(value), {})
        lines[name.lower()] = value
    return cores


def _numbers(ranges: str) -> set[int]:
    """Reads the kernel's list form, such as "0-3,6"; what is not in that form names none."""
    if not _RANGES.fullmatch(ranges.strip()):
        return set()
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", ranges):
        found.update(range(int(first), min(int(last or first) + 1, _MOST_CORES)))
    return found


def _by_policy(text: str) -> dict[int, int]:
    """Core number to kHz by the policies of cpufreq, each of which lists its cores."""
    found = re.findall(r"/(policy\d{1,9})/(\w+):([\d ]+)$", text, re.M)
    khz = {policy: int(value) for policy, name, value in found if name == "cpuinfo_max_freq" and value.isdecimal()}
    listed = {policy: value.split() for policy, name, value in found if name == "related_cpus"}
    return {int(core): khz[policy] for policy in khz for core in listed.get(policy, ()) if len(core) < 5}


def _by_core(text: str) -> dict[int, int]:
    found = {int(core): int(khz) for core, khz in re.findall(r"/cpu(\d{1,9})/(?:cpufreq/)?\w+:(\d{1,12})\b", text)}
    return {core: khz for core, khz in found.items() if core < _MOST_CORES}


def _in_order(khz: dict[int, int]) -> tuple[int, ...]:
    return tuple(khz[core] // 1000 for core in sorted(khz))


def _battery(text: str) -> tuple[float | None, int | None]:
    """Temperature in degrees and level in per cent; boards and television sets say that they have none, or 0 and 0."""
    values = {key: int(value) for key, value in re.findall(r"^\s*([\w ]+): (-?\d{1,9})\s*$", text, re.M)}
    level, tenths = values.get("level"), values.get("temperature")
    if re.search(r"^\s*present: false\s*$", text, re.M) or (not level and not tenths):
        return None, None
    percent = None if level is None else round(100 * level / max(1, values.get("scale", 100)))
    return None if tenths is None else tenths / 10, percent


def _hottest(zones: str) -> float | None:
    """Zones report milli-degrees or degrees; a sensor that is off reports nonsense and is left out."""
    degrees = []
    for value in re.findall(r"/thermal_zone\d+/temp:(-?\d+)", zones):
        celsius = int(value) / 1000 if abs(int(value)) >= 1000 else float(value)
        if 0 < celsius < 150:
            degrees.append(celsius)
    return max(degrees, default=None)
