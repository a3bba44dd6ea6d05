import io
from dataclasses import replace

import pytest
from rich.console import Console

from device_bench.cores import clusters
from device_bench.devices_table import describe_cores, describe_state, devices_table
from device_bench.matrix.cells import Cell
from device_bench.matrix.results import Results
from device_bench.matrix.table import reasons, results_table
from device_bench.probe import DeviceInfo, DeviceState
from device_bench.terminal import printable
from device_bench.timing.timing import Timing

_INFO = DeviceInfo("Pixel [7]", "GS201", "arm64-v8a", "Android 14", "x", clusters({0: 1803000, 1: 2850000}), 8000, True)
_TIMING = Timing(4.0, 3.5, 4.5, 250, 5, "x", "LiteRT 2.3.0", "int8", 1)
_FAILED = replace(_TIMING, median_ms=None, low_ms=None, high_ms=None, verdict="failed", reason="exit code [134]")


def _cell(model="net", **changes):
    return replace(Cell("adb:X", 1, 1, "cpu", "", model, f"{model:0>64}", "int8"), **changes)


def _drawn(table):
    console = Console(width=200, record=True)
    console.print(table)
    return console.export_text()


def test_a_device_and_how_it_feels():
    state = DeviceState(0, 30.5, 80, 41.2, (1000,), (1000,), ("schedutil",), 1.5)
    drawn = _drawn(devices_table([("adb:X", _INFO, state, ""), ("adb:Y", None, None, "accept the [prompt]")]))
    for words in ("Pixel [7]", "GS201, arm64-v8a", "1 x 1803 MHz + 1 x 2850 MHz", "battery 30.5 C 80 %"):
        assert words in drawn
    assert "accept the [prompt]" in drawn


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (DeviceState(), ""),
        (DeviceState(thermal_status=2), "thermal status 2"),
        (DeviceState(battery_percent=7), "battery 7 %"),
        (DeviceState(hottest_c=41.6, governors=("a", "b"), load=0.5), "hottest zone 42 C, a b, load 0.50"),
    ],
)
def test_only_what_is_known_is_said(state, words):
    assert describe_state(state) == words


def test_cores_of_unknown_speed():
    assert describe_cores(replace(_INFO, clusters=clusters({0: 0, 1: 0}))) == "2 cores"


def test_results_show_what_there_is():
    results = Results()
    results.add([(_cell(), _TIMING), (_cell("[b]"), _FAILED)])
    drawn = _drawn(results_table(results.frame()))
    assert "3.5 - 4.5" in drawn
    assert "[b]" in drawn
    assert not {"cores", "run", "init ms", "peak MB"} & set(drawn.splitlines()[0].split())
    results.add([(_cell(cores="big"), replace(_TIMING, init_ms=1.0)), (_cell(repeat=2), _TIMING)])
    assert {"cores", "run", "init"} <= set(_drawn(results_table(results.frame())).splitlines()[0].split())
    assert "init" not in _drawn(results_table(results.frame(), wide=False)).splitlines()[0]


def test_a_reason_names_its_cells():
    results = Results()
    results.add([(_cell(str(number)), _FAILED) for number in range(3)])
    results.add([(_cell("n"), replace(_TIMING, verdict="noisy", reason="wide")), (_cell("v"), _TIMING)])
    assert reasons(results.frame()) == ["failed: 0, 1, 2: exit code [134]", "noisy: n: wide"]


def test_many_cells_of_one_kind_of_reason_are_one_line():
    results = Results()
    for number in range(50):
        wide = replace(_TIMING, verdict="noisy", reason=f"the interval is +-{4 + number / 10}% instead of +-3.0%")
        results.add([(_cell(f"net{number:02}", threads=4 if number else 1), wide)])
    [line] = reasons(results.frame())
    assert line.startswith("noisy: net00 (1 thread), net01 (4 threads), net02 (4 threads) and 47 more: such as ")
    assert line.endswith("the interval is +-4.0% instead of +-3.0%")


_HOSTILE = ["\x1b[31mred", "two\nlines", ":phone:", "[bold]b[/bold]", "\u202eevil", "$a_b\\c$", "日本"]


@pytest.mark.parametrize("name", _HOSTILE)
def test_names_of_others_stand_in_a_table_as_they_are(name):
    results = Results()
    results.add([(_cell(name, device=name, cores=name), _FAILED)])
    info = replace(_INFO, model=name, soc=name)
    for table in (
        results_table(results.frame()),
        devices_table([(name, info, DeviceState(), ""), ("x", None, None, name)]),
    ):
        drawn = _drawn(table)
        assert printable(name) in drawn
        assert not set("\x1b\u202e\N{BLACK TELEPHONE}") & set(drawn)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_table_survives_a_terminal_without_unicode(encoding):
    results = Results()
    results.add([(_cell("net" * 40), _TIMING)])
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=terminal, width=80).print(results_table(results.frame()))
    terminal.flush()
    assert terminal.buffer.getvalue().count(b"net") >= 38
