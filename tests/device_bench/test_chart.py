from dataclasses import replace

import matplotlib as mpl
import pytest

from device_bench.errors import BadRequest
from device_bench.matrix.cells import Cell
from device_bench.matrix.chart import check_figure, draw_bars, save_bars
from device_bench.matrix.results import Results
from device_bench.timing.timing import Timing

_TIMING = Timing(4.0, 3.5, 4.5, 250, 5, "x", "LiteRT 2.3.0", "int8", 1, conditions={"model": "Pixel 7"})
_FAILED = replace(_TIMING, median_ms=None, low_ms=None, high_ms=None, verdict="failed", reason="it crashed")


def _cell(model="a", device="adb:X", threads=1, repeat=1):
    return Cell(device, repeat, threads, "cpu", "", model, model * 64, "int8")


@pytest.fixture
def frame():
    results = Results()
    for device in ("adb:X", "adb:Y"):
        slow = replace(_TIMING, median_ms=8.0, low_ms=None, high_ms=None, verdict="throttled")
        results.add([(_cell("a", device), _TIMING), (_cell("a", device, 4), slow)])
        results.add(
            [(_cell("b", device), _FAILED), (_cell("b", device, 4), replace(_TIMING, median_ms=2.0, low_ms=1.9))]
        )
    return results.frame()


def test_a_panel_a_device_and_a_bar_a_number(frame):
    figure = draw_bars(frame)
    assert [panel.get_title() for panel in figure.axes] == ["adb:X\nPixel 7", "adb:Y\nPixel 7"]
    for panel in figure.axes:
        bars = sorted(patch.get_width() for patch in panel.patches)
        assert bars == [2.0, 4.0, 8.0]
        assert [patch.get_width() for patch in panel.patches if patch.get_hatch()] == [8.0]
        assert "failed" in " ".join(text.get_text() for text in panel.texts)


def test_the_interval_is_drawn(frame):
    panel = draw_bars(frame).axes[0]
    ends = [tuple(line[:, 0]) for bars in panel.collections for line in bars.get_segments()]
    assert sorted(ends) == [(1.9, 4.5), (3.5, 4.5)]


def test_the_fastest_model_is_on_top_and_labelled(frame):
    panel = draw_bars(frame).axes[0]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["a", "b"]
    legend = draw_bars(frame).axes[-1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["1 thread, cpu", "4 threads, cpu"]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_it_is_written_in_each_format(frame, tmp_path, suffix):
    save_bars(frame, tmp_path / "deep" / f"bars{suffix}")
    head = (tmp_path / "deep" / f"bars{suffix}").read_bytes()[:100]
    assert {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix] in head


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(BadRequest, match=r"bars\.gif: figures end in"):
        check_figure(tmp_path / "bars.gif")


def test_a_folder_that_cannot_be_written(frame, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match="cannot be written"):
        save_bars(frame, tmp_path / "file" / "bars.png")


def test_without_a_number_there_is_nothing_to_draw():
    results = Results()
    with pytest.raises(BadRequest, match="no latency to draw"):
        draw_bars(results.frame())
    results.add([(_cell(), _FAILED)])
    with pytest.raises(BadRequest, match="no latency to draw"):
        draw_bars(results.frame())


def test_one_number_alone():
    results = Results()
    results.add([(_cell(), _TIMING)])
    assert len(draw_bars(results.frame()).axes[0].patches) == 1


def test_panels_stand_in_the_order_of_names_on_one_scale():
    results = Results()
    for device, factor in (("adb:Z", 1), ("adb:B", 100), ("host", 3)):
        results.add([(_cell("a", device), replace(_TIMING, median_ms=4.0 * factor, low_ms=None, high_ms=None))])
    panels = draw_bars(results.frame()).axes
    assert [panel.get_title().splitlines()[0] for panel in panels] == ["adb:B", "adb:Z", "host"]
    assert len({panel.get_xlim() for panel in panels}) == 1


@pytest.mark.parametrize("suffix", [".png", ".SVG", ".pdf"])
def test_names_are_names_and_not_formulas(tmp_path, suffix):
    results = Results()
    names = ["$", "$x_1$", "$\\frac$", "a_b^c", "\\alpha{", "50%&#", ":phone:", "\x1b[31m\ud83d"]
    results.add([(_cell(name, "$\\dev$"), replace(_TIMING, conditions={"model": "$\\Pixel$"})) for name in names])
    with mpl.rc_context({"text.usetex": True}):
        save_bars(results.frame(), tmp_path / f"bars{suffix}")
    assert (tmp_path / f"bars{suffix}").stat().st_size > 1_000
