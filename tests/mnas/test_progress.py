import io
import threading

import pytest
from rich.console import Console

from mnas.executors import Event
from mnas.search.display import LiveDisplay, PlainDisplay, Tally
from mnas.search.standing import Finished
from mnas.tasks import DEFAULT, task

ACCURACY = task(DEFAULT).metric

TRIALS = [
    Finished(0, "aaaaaaaaaaaaaaaa", 0.90, 2.0, 0.80, ACCURACY),
    Finished(1, "bbbbbbbbbbbbbbbb", 0.95, 3.0, 0.85, ACCURACY),
    Finished(2, "cccccccccccccccc", 0.80, 4.0, 0.70, ACCURACY),
]


def live() -> tuple[LiveDisplay, io.StringIO]:
    screen = io.StringIO()
    return LiveDisplay(Console(file=screen, force_terminal=True, width=100, height=30)), screen


def test_the_live_display_shows_trials_best_front_time_and_workers() -> None:
    display, screen = live()
    display.begin(5, TRIALS[:1])
    display.event(Event(0, "bbbbbbbbbbbb", "train", 3, 8, 1.234))
    display.event(Event(1, "", "idle"))
    display.timing("host: aaaaaaaaaaaa, session 2")
    display.done(TRIALS[1])
    display.failed(3, "training diverged")
    display.close()
    text = screen.getvalue()
    for words in (
        "3/5",
        "trial 1: accuracy 95.00%, 3 ms, reward 0.8500",
        "2 candidates, 1 failed",
        "train 3/8 (1.234)",
        "session 2",
        "new best",
        "trial 3 failed: training diverged",
        "time left",
    ):
        assert words in text


def test_a_finished_job_leaves_its_worker_idle() -> None:
    display, screen = live()
    display.begin(2, [])
    display.event(Event(0, "bbbbbbbbbbbb", "done"))
    display.close()
    assert "idle" in screen.getvalue()
    assert "done" not in screen.getvalue()


def test_events_from_many_threads_do_no_harm() -> None:
    display, _ = live()
    display.begin(400, [])

    def shout(worker: int) -> None:
        for step in range(100):
            display.event(Event(worker, "job", "train", step, 100))
            display.done(Finished(worker * 100 + step, "a" * 16, 0.5, 1.0, 0.5, ACCURACY))

    threads = [threading.Thread(target=shout, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    display.close()
    assert display._tally.count == 400


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    display = PlainDisplay()
    display.begin(4, TRIALS[:1])
    display.event(Event(0, "bbbb", "train", 1, 2))
    display.event(Event(0, "bbbb", "lost"))
    display.done(TRIALS[1])
    display.failed(3, "no room")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "worker 0 was lost with bbbb"
    assert lines[1].startswith("[2/4] trial 1 bbbbbbbb: accuracy 95.00%, 3 ms, reward 0.8500 | best trial 1")
    assert "front 2" in lines[1]
    assert lines[2] == "[3/4] trial 3 failed: no room"


def test_time_left_counts_what_this_process_did() -> None:
    tally = Tally(10, list(TRIALS))
    assert tally.time_left() == "-"
    tally.finished.append(TRIALS[0])
    tally.here, tally.since = 1, tally.since - 60
    assert tally.time_left() in ("6:00", "6:01")
    tally.total = 100
    assert tally.time_left().startswith("1:36:")


def test_names_with_markup_are_shown_as_they_are() -> None:
    display, screen = live()
    display.say("folder:[bold]images[/bold]")
    display.close()
    assert "folder:[bold]images[/bold]" in screen.getvalue()


def test_devices_and_networks_are_shown_as_they_are_called(capsys: pytest.CaptureFixture[str]) -> None:
    display, screen = live()
    display.begin(4, TRIALS[:1])
    display.timing("adb:phone:5555 waits \x1b[2J")
    display.event(Event(0, "net:phone:[b]", "train", 1, 2))
    display.failed(3, "adb:phone:5555\x1b]0;title\x07")
    display.close()
    shown = screen.getvalue()
    assert "adb:phone:5555 waits \\x1b[2J" in shown
    assert "net:phone:[b]" in shown
    assert "adb:phone:5555\\x1b]0;title\\x07" in shown
    assert "\N{BLACK TELEPHONE}" not in shown
    PlainDisplay().say("two lines\n\x1b[31mred")
    assert capsys.readouterr().out == "two lines\n\\x1b[31mred\n"
