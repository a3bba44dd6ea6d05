import os

import pytest
from android_commands import AndroidCommands
from hypothesis import given, settings
from hypothesis import strategies as st

from device_bench.cores import Cluster
from device_bench.errors import TransportError
from device_bench.local import LocalTransport
from device_bench.probe import DeviceState, read_info, read_state
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
    assert sum(len(one.cores) for one in info.clusters) == os.cpu_count()
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
    "uname getprop present max cpuinfo board memory thermal battery zones freq cap governor load".split()
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
