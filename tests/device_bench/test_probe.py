import os

import pytest
from android_commands import AndroidCommands
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bench.cores import Cluster
from device_bench.device import Device
from device_bench.errors import BadRequest, TransportError
from device_bench.identity import Identity
from device_bench.local import LocalTransport
from device_bench.probe import DeviceState, read_info, read_state
from device_bench.runners.json_runner import host_runner
from device_bench.runners.runner import BenchSpec
from device_bench.transport import Completed


@pytest.fixture
def host():
    transport = LocalTransport()
    yield transport
    transport.close()


@pytest.fixture
def android(tmp_path, monkeypatch):
    commands = AndroidCommands(tmp_path / "android")
    monkeypatch.setenv("PATH", f"{commands.folder}{os.pathsep}{os.environ['PATH']}")
    return commands


class Answers:
    """A device that answers each script with a text of its own."""

    name = "adb:TEST"
    workdir = "/data/local/tmp"

    def __init__(self, stdout, exit_code=0, stderr=""):
        self._completed = Completed(exit_code, stdout, stderr)

    def shell(self, argv, *, timeout_s):
        return self._completed


def _cpu(core, file, khz):
    return f"/sys/devices/system/cpu/cpu{core}/cpufreq/{file}:{khz}\n"


def test_this_machine_tells_what_it_is(host):
    info = read_info(host)
    assert info.model
    assert info.system.startswith("Linux ")
    assert {core for one in info.clusters for core in one.cores} == os.sched_getaffinity(0)
    assert info.memory_mb > 100
    assert not info.android


def test_this_machine_tells_how_it_feels(host):
    state = read_state(host)
    assert state.load >= 0
    assert state.thermal_status is None
    assert state.battery_c is None or -20 < state.battery_c < 100


def test_a_phone_tells_what_it_is(host, android):
    info = read_info(host)
    assert (info.model, info.soc, info.abi) == ("Google Pixel 7", "Google GS201", "arm64-v8a")
    assert info.system == "Android 14 (API 34)"
    assert info.build.startswith("google/panther")
    assert info.android


def test_a_phone_tells_how_it_feels(host, android):
    android.feel(status=3, battery_c=41.5, level=17)
    state = read_state(host)
    assert (state.thermal_status, state.battery_c, state.battery_percent) == (3, 41.5, 17)


@pytest.mark.parametrize(
    ("battery", "found"),
    [
        ("  present: false\n  level: 0\n  scale: 100\n  temperature: 0\n", (None, None)),
        ("  present: false\n  level: 100\n  temperature: 250\n", (None, None)),
        ("  present: true\n  level: 0\n  scale: 100\n  temperature: 0\n", (None, None)),
        ("  present: true\n  level: 60\n  scale: 100\n  temperature: 0\n", (0.0, 60)),
        ("  present: true\n  level: 0\n  scale: 100\n  temperature: 245\n", (24.5, 0)),
        ("  present: true\n  level: 100\n  scale: 200\n  temperature: 301\n", (30.1, 50)),
        ("  level: 40\n", (None, 40)),
        ("Can't find service: battery\n", (None, None)),
    ],
)
def test_a_battery_that_is_not_there_is_neither_cold_nor_empty(battery, found):
    state = read_state(Answers(f"## battery\n{battery}"))
    assert (state.battery_c, state.battery_percent) == found


def test_a_phone_that_denies_its_services_is_no_error(host, android):
    for name in ("thermalservice.txt", "battery.txt"):
        (android.folder / name).unlink()
    state = read_state(host)
    assert (state.thermal_status, state.battery_c, state.battery_percent) == (None, None, None)


def test_clusters_frequencies_and_caps_of_eight_cores():
    speeds = [1803000] * 4 + [2348000] * 2 + [2850000] * 2
    listing = "".join(_cpu(core, "cpuinfo_max_freq", khz) for core, khz in enumerate(speeds))
    info = read_info(Answers(f"## uname\naarch64\nLinux\n5.10\nx\n## present\n0-7\n## max\n{listing}"))
    assert info.clusters == (Cluster((0, 1, 2, 3), 1803), Cluster((4, 5), 2348), Cluster((6, 7), 2850))
    now = "".join(_cpu(core, "scaling_cur_freq", khz // 2) for core, khz in enumerate(speeds))
    cap = "".join(_cpu(core, "scaling_max_freq", khz) for core, khz in reversed(list(enumerate(speeds))))
    state = read_state(Answers(f"## freq\n{now}## cap\n{cap}## governor\nschedutil\nschedutil\nperformance\n"))
    assert state.core_mhz == tuple(khz // 2000 for khz in speeds)
    assert state.core_cap_mhz == tuple(khz // 1000 for khz in speeds)
    assert state.governors == ("performance", "schedutil")


def test_zones_in_degrees_and_thousandths_and_nonsense():
    zones = "".join(
        f"/sys/class/thermal/thermal_zone{zone}/type:cpu\n/sys/class/thermal/thermal_zone{zone}/temp:{value}\n"
        for zone, value in enumerate((41500, 38, -40000, 1000000, 0))
    )
    assert read_state(Answers(f"## zones\n{zones}")).hottest_c == 41.5
    assert read_state(Answers("## zones\n")).hottest_c is None


def test_cores_without_frequencies_are_one_cluster():
    info = read_info(Answers("## uname\nx86_64\nLinux\n6.1\nhost\n## present\n0-2,5\n"))
    assert info.clusters == (Cluster((0, 1, 2, 5), 0),)


_CPUS = "/sys/devices/system/cpu"
_SPEEDS = "".join(_cpu(core, "cpuinfo_max_freq", 1803000 if core < 4 else 2850000) for core in range(8))
_LITTLE, _BIG = Cluster((0, 1, 2, 3), 1803), Cluster((4, 5, 6, 7), 2850)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        # The big cores are off: cpufreq has no files for them, or still has.
        (
            f"## present\n0-7\n## online\n0-3\n## max\n{_SPEEDS.partition(_cpu(4, 'cpuinfo_max_freq', 2850000))[0]}",
            (_LITTLE,),
        ),
        (f"## present\n0-7\n## online\n0-3\n## max\n{_SPEEDS}", (_LITTLE,)),
        (f"## present\n0-7\n## online\n0-3,5\n## max\n{_SPEEDS}", (_LITTLE, Cluster((5,), 2850))),
        # No list of online cores, or one that is no list: /proc/cpuinfo, then each core's own switch.
        (
            f"## present\n0-7\n## online\n0-\n## max\n{_SPEEDS}## cpuinfo\nprocessor\t: 0\nprocessor\t: 1\n",
            (Cluster((0, 1), 1803),),
        ),
        (
            f"## present\n0-7\n## off\n{_CPUS}/cpu7/online:0\n{_CPUS}/cpu6/online:1\n## max\n{_SPEEDS}",
            (_LITTLE, Cluster((4, 5, 6), 2850)),
        ),
        (f"## max\n{_SPEEDS}", (_LITTLE, _BIG)),
        # A container, or a cpuset, that has fewer cores than the machine.
        (
            f"## online\n0-7\n## allowed\nCpus_allowed_list:\t2-4,12\n## max\n{_SPEEDS}",
            (Cluster((2, 3), 1803), Cluster((4,), 2850)),
        ),
        # Frequencies of policies only, and those that a core's own file hides.
        (
            f"## online\n0-2\n## policies\n{_CPUS}/cpufreq/policy0/related_cpus:0 1\n"
            f"{_CPUS}/cpufreq/policy2/related_cpus:2\n"
            f"{_CPUS}/cpufreq/policy0/cpuinfo_max_freq:1803000\n{_CPUS}/cpufreq/policy2/cpuinfo_max_freq:2850000\n",
            (Cluster((0, 1), 1803), Cluster((2,), 2850)),
        ),
        (f"## online\n0-1\n## max\n{_cpu(0, 'cpuinfo_max_freq', 1803000)}", (Cluster((1,), 0), Cluster((0,), 1803))),
        # Frequencies hidden, capacities not.
        (
            f"## online\n0-1\n## capacity\n{_CPUS}/cpu0/cpu_capacity:1024\n{_CPUS}/cpu1/cpu_capacity:250\n",
            (Cluster((1,), 0, 250), Cluster((0,), 0, 1024)),
        ),
    ],
)
def test_cores_are_those_that_can_be_used(parts, found):
    assert read_info(Answers(f"## uname\naarch64\n{parts}")).clusters == found


def test_cores_that_change_are_seen_before_a_run(host):
    device = Device(Answers("## online\n0-3\n"), host_runner())
    assert device.resolve(BenchSpec(cores="f")).cores == "f"
    device.transport = Answers("## online\n0-2\n")
    with pytest.raises(BadRequest, match="core mask 'f' names cores that are not online; all that are have the mask 7"):
        device.resolve(BenchSpec(cores="f"))


_X86 = """## cpuinfo
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 26
model\t\t: 2
model name\t: AMD EPYC
stepping\t: 1
## features
flags\t\t: fpu sse2 svm smep avx2 avx512_vnni
"""
_ARM = """## cpuinfo
processor\t: 0
CPU implementer\t: 0x41
CPU variant\t: 0x1
CPU part\t: 0xd05
CPU revision\t: 0
processor\t: 1
CPU implementer\t: 0x41
CPU variant\t: 0x1
CPU part\t: 0xd44
CPU revision\t: 0
## features
Features\t: fp asimd aes asimddp i8mm sve
## getprop
[ro.board.platform]: [gs201]
[ro.build.fingerprint]: [google/panther:14]
[ro.boot.hardware.revision]: [MP1.0]
"""


def test_what_decides_the_speed_of_an_x86_processor():
    identity = read_info(Answers(_X86)).identity
    assert identity.processor == "AuthenticAMD family 26 model 2 stepping 1"
    assert identity.features == ("avx2", "avx512_vnni", "sse2")
    older = read_info(Answers(_X86.replace(": 26", ": 25").replace(" avx512_vnni", ""))).identity
    assert older.differences(identity) == [
        "processor AuthenticAMD family 25 model 2 stepping 1 against AuthenticAMD family 26 model 2 stepping 1",
        "instruction sets avx512_vnni in the second alone",
    ]


def test_what_decides_the_speed_of_a_phone():
    identity = read_info(Answers(_ARM)).identity
    assert identity.parts == ("0x41 0xd05 0x1 0", "0x41 0xd44 0x1 0")
    assert identity.features == ("asimd", "asimddp", "i8mm", "sve")
    assert (identity.soc, identity.revision, identity.build) == ("gs201", "MP1.0", "google/panther:14")
    other = read_info(Answers(_ARM.replace("0xd44", "0xd4d").replace(":14", ":15"))).identity
    assert identity.differences(other) == [
        "cores 0x41 0xd05 0x1 0 and 0x41 0xd44 0x1 0 against 0x41 0xd05 0x1 0 and 0x41 0xd4d 0x1 0"
    ]
    assert identity.differences(Identity()) == []


def test_the_maker_is_not_said_twice():
    answer = "## getprop\n[ro.product.manufacturer]: [Fairphone]\n[ro.product.model]: [Fairphone 4]\n"
    assert read_info(Answers(answer)).model == "Fairphone 4"


def test_a_board_is_called_by_its_tree():
    answer = "## cpuinfo\n## board\nRaspberry Pi 5 Model B\n## memory\nMemTotal: 8245000 kB\n"
    info = read_info(Answers(answer))
    assert (info.model, info.memory_mb) == ("Raspberry Pi 5 Model B", 8051)


def test_an_empty_answer_is_an_empty_state():
    assert read_state(Answers("")) == DeviceState()
    assert read_state(Answers("## thermal\r\nThermal Status: 2\r\n")).thermal_status == 2


_HEADS = st.sampled_from(
    "uname getprop present online off allowed max policies capacity cpuinfo features soc0 board memory".split()
    + "thermal battery zones freq cap governor load".split()
)
_LINES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["level: 9", "temperature: -5", "Thermal Status: 9", "0-99999999999", "1.5 2 3", "MemTotal: kB"]),
    st.integers().map(lambda value: f"/sys/class/thermal/thermal_zone0/temp:{value}"),
    st.integers().map(lambda value: f"/sys/devices/system/cpu/cpu{value}/cpufreq/scaling_max_freq:{value}"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_HEADS, st.lists(_LINES, max_size=4)), max_size=8))
def test_no_answer_whatever_breaks_it(parts):
    text = "".join(f"## {head}\n" + "".join(f"{line}\n" for line in lines) for head, lines in parts)
    state, info = read_state(Answers(text)), read_info(Answers(text))
    assert state.thermal_status in (None, *range(10))
    assert state.hottest_c is None or 0 < state.hottest_c < 150
    assert state.load is None or state.load >= 0
    assert all(0 < cluster.mask < 2**1024 for cluster in info.clusters)


def test_a_device_without_a_shell_says_so():
    with pytest.raises(TransportError, match=r"adb:TEST: .*no sh"):
        read_state(Answers("", 127, "no sh\n"))
