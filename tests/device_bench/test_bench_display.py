import io
import os
import pty
import threading
from dataclasses import replace

import pytest

from device_bench.matrix.cells import Cell
from device_bench.matrix.display import LiveDisplay, PlainDisplay, describe, make_display
from device_bench.pool import PoolEvent
from device_bench.timing.measurement import Progress
from device_bench.timing.timing import Timing

_CELL = Cell("adb:X", 1, 4, "cpu", "big", "net", "0" * 64, "int8")
_TIMING = Timing(4.0, 3.5, 4.5, 250, 5, "adb:X", "LiteRT 2.3.0", "int8", 4)


def _play(display):
    with display:
        display.event(PoolEvent("adb:X", "ready"))
        display.progress(Progress("adb:X", "net", 3))
        display.progress(Progress("adb:X", "waiting", 3, "the battery has 43 C"))
        display.finished(_CELL, _TIMING)
        display.event(PoolEvent("adb:X", "lost", "the cable [is] out"))
        display.event(PoolEvent("adb:X", "aside", "the cable [is] out"))


def test_a_log_has_a_line_a_cell_and_says_why_it_waits(capsys):
    _play(PlainDisplay(2))
    assert capsys.readouterr().err.splitlines() == [
        "adb:X: waiting: the battery has 43 C",
        "[1/2] net int8 on adb:X, 4 threads, cpu, cores big: 4 ms (3.5 - 4.5) valid",
        "adb:X: lost, will be tried again: the cable [is] out",
        "adb:X: set aside: the cable [is] out",
    ]


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (replace(_TIMING, low_ms=None, high_ms=None), "4 ms valid"),
        (replace(_TIMING, verdict="noisy", reason="too wide"), "4 ms (3.5 - 4.5) noisy: too wide"),
        (
            replace(_TIMING, median_ms=None, low_ms=None, high_ms=None, verdict="failed", reason="crashed"),
            "no latency failed: crashed",
        ),
    ],
)
def test_a_result_in_a_line(timing, words):
    assert describe(_CELL, timing).endswith(f": {words}")


def test_no_terminal_no_drawing(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(make_display(1), PlainDisplay)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_a_terminal_shows_every_device_and_keeps_the_results(monkeypatch, encoding):
    ours, theirs = pty.openpty()
    shown = []

    def read():
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                return
            if not part:
                return
            shown.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "150")
    with os.fdopen(theirs, "w", encoding=encoding) as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        display = make_display(2)
        assert isinstance(display, LiveDisplay)
        _play(display)
    reader.join(20)
    os.close(ours)
    text = b"".join(shown).decode(encoding)
    assert "net int8 on adb:X, 4 threads, cpu, cores big: 4 ms (3.5 - 4.5) valid" in text
    assert "set aside: the cable [is] out" in text
    assert "1/2" in text


def test_a_name_commands_no_log(capsys):
    display = PlainDisplay(1)
    display.finished(replace(_CELL, model="\x1b[2Jnet", device="adb:phone:5555"), replace(_TIMING, verdict="noisy"))
    display.event(PoolEvent("adb:X", "lost", "\x1b]0;gone\x07\nadb:Y: set aside"))
    said = capsys.readouterr().err
    assert "\\x1b[2Jnet int8 on adb:phone:5555" in said
    assert "\x1b" not in said
    assert len(said.splitlines()) == 2
