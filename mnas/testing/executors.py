"""What every executor promises."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mnas.errors import SearchError
from mnas.executors import Event, Executor, JobCancelled, JobError, WorkerLost
from mnas.executors.events import Listener
from mnas.testing.jobs import Die, Interrupt, Pid, Refuse, Sleep, Square, Stumble, Unpicklable, Write

_LIMIT_S = 60.0


class ExecutorTestCase:
    """Holds an executor to its contract, `mnas.executors.Executor`.

    Override `open_executor`. An executor whose jobs run in other processes is held to `WorkersTestCase` instead, which
    has all of these tests too.
    """

    @pytest.fixture
    def open_executor(self) -> Callable[[Listener], Executor]:
        """Makes an executor, of two workers where it can have them, whose events go to the listener."""
        raise NotImplementedError

    @pytest.fixture
    def events(self) -> list[Event]:
        """What the listener of `executor` has received; it is complete when the executor is closed."""
        return []

    @pytest.fixture
    def executor(self, open_executor: Callable[[Listener], Executor], events: list[Event]) -> Iterator[Executor]:
        """An executor of this test's own, closed afterwards."""
        with closing(open_executor(events.append)) as opened:
            yield opened

    def test_each_result_comes_back_in_its_own_future(self, executor: Executor) -> None:
        """Whatever the order in which the jobs end."""
        futures = [executor.submit(Square(value), f"job {value}") for value in range(7)]
        assert [future.result(_LIMIT_S) for future in futures] == [0, 1, 4, 9, 16, 25, 36]
        assert executor.workers >= 1

    def test_a_job_reports_and_its_end_is_told(self, executor: Executor, events: list[Event]) -> None:
        """The listener hears what the job reports, then that it is done, each with the job and its worker."""
        executor.submit(Square(3), "three").result(_LIMIT_S)
        executor.close()
        told = [event for event in events if event.job == "three"]
        assert told, "the listener heard nothing of it"
        worker = told[0].worker
        assert told == [Event(worker, "three", "square", 1, 2, 0.5), Event(worker, "three", "done")]
        assert worker in range(executor.workers)

    def test_a_failed_job_says_why_in_one_line(self, executor: Executor, events: list[Event]) -> None:
        """In its own words where it raised one of our errors, else with the kind of error; with its traceback."""
        refused, stumbled = executor.submit(Refuse(), "refuse"), executor.submit(Stumble(), "stumble")
        assert _error(refused, JobError) == "the image cat.png is broken"
        assert _error(stumbled, JobError) == "ZeroDivisionError: integer division or modulo by zero"
        error = stumbled.exception()
        assert isinstance(error, JobError)
        assert "return 1 // 0" in error.details
        assert not error.fatal
        executor.close()
        assert {event.job for event in events if event.phase == "failed"} == {"refuse", "stumble"}

    def test_a_disk_that_cannot_be_written_ends_the_run(self, executor: Executor, tmp_path: Path) -> None:
        """The error is fatal, and says what cannot be written without the name of a class."""
        (tmp_path / "file").touch()
        error = executor.submit(Write(tmp_path / "file" / "weights"), "write").exception(_LIMIT_S)
        assert isinstance(error, JobError)
        assert str(error).startswith("cannot write")
        assert error.fatal

    def test_a_failed_job_harms_no_other(self, executor: Executor) -> None:
        """Those beside it and behind it run."""
        before, _, after = (executor.submit(job, str(job)) for job in (Square(2), Stumble(), Square(3)))
        assert (before.result(_LIMIT_S), after.result(_LIMIT_S)) == (4, 9)

    def test_close_waits_for_what_was_submitted(self, executor: Executor) -> None:
        """Without `cancel` every future has its result when `close` returns."""
        futures = [executor.submit(Square(value), str(value)) for value in range(5)]
        executor.close()
        assert [future.done() and future.exception() for future in futures] == [None] * 5
        assert [future.result() for future in futures] == [0, 1, 4, 9, 16]

    def test_closed_is_closed(self, executor: Executor) -> None:
        """Closing again does nothing; a job that comes later is refused by its name."""
        executor.close()
        executor.close(cancel=True)
        with pytest.raises(SearchError, match="late"):
            executor.submit(Square(1), "late")


class WorkersTestCase(ExecutorTestCase):
    """Holds an executor whose jobs run in other processes of this machine to what such promise besides."""

    def test_jobs_run_in_other_processes_that_stay(self, executor: Executor) -> None:
        """A worker loads TensorFlow once and not for every job."""
        pids = {executor.submit(Pid(), "pid").result(_LIMIT_S) for _ in range(4 * executor.workers)}
        assert len(pids) <= executor.workers
        assert os.getpid() not in pids

    def test_workers_work_side_by_side(self, executor: Executor, tmp_path: Path) -> None:
        """As many jobs as there are workers are at work at the same time."""
        places = [tmp_path / str(number) for number in range(executor.workers)]
        naps = [executor.submit(Sleep(0.5, place), place.name) for place in places]
        until(lambda: all(place.exists() for place in places))
        assert not any(nap.done() for nap in naps)
        wait(naps, _LIMIT_S)

    @pytest.mark.parametrize("job", [Die(), Die(signal.SIGKILL), Die(signal.SIGSEGV)], ids=str)
    def test_a_worker_that_dies_fails_only_its_own_job(self, executor: Executor, events: list[Event], job: Die) -> None:
        """The job learns of it by name, in one line; all others run."""
        others = [executor.submit(Square(value), f"before {value}") for value in range(3)]
        doomed = executor.submit(job, "doomed")
        others += [executor.submit(Square(value), f"after {value}") for value in range(3, 6)]
        assert "doomed" in _error(doomed, WorkerLost)
        assert [other.result(_LIMIT_S) for other in others] == [0, 1, 4, 9, 16, 25]
        executor.close()
        assert [event.job for event in events if event.phase == "lost"] == ["doomed"]

    def test_an_idle_worker_that_dies_is_replaced(self, executor: Executor) -> None:
        """At the cost of one job at most."""
        first = executor.submit(Pid(), "pid").result(_LIMIT_S)
        os.kill(first, signal.SIGKILL)
        until(lambda: not alive(first))
        nexts = [executor.submit(Pid(), "pid") for _ in range(executor.workers)]
        lost = [one for one in nexts if isinstance(one.exception(_LIMIT_S), WorkerLost)]
        assert len(lost) <= 1
        assert first not in [one.result() for one in nexts if one not in lost]
        assert executor.submit(Square(3), "three").result(_LIMIT_S) == 9

    def test_ctrl_c_does_not_reach_the_workers(self, executor: Executor) -> None:
        """Whoever waits for the jobs decides what it means."""
        assert executor.submit(Interrupt(), "interrupt").result(_LIMIT_S) == "still here"

    def test_what_cannot_travel_is_told_by_name(self, executor: Executor) -> None:
        """A job is refused when it is submitted, a result fails its job, and the next job runs."""
        with pytest.raises(SearchError, match="local") as caught:
            executor.submit(lambda report: None, "local")
        assert "\n" not in str(caught.value)
        assert "pickle" in _error(executor.submit(Unpicklable(), "result"), JobError).lower()
        assert executor.submit(Square(2), "two").result(_LIMIT_S) == 4

    def test_a_waiting_job_can_be_cancelled(self, executor: Executor, tmp_path: Path) -> None:
        """By its own future; the jobs around it run."""
        naps = [executor.submit(Sleep(0.5, tmp_path / str(number)), "nap") for number in range(executor.workers)]
        waiting = executor.submit(Square(1), "waiting")
        assert waiting.cancel()
        wait(naps, _LIMIT_S)
        assert executor.submit(Square(2), "two").result(_LIMIT_S) == 4

    def test_cancelling_ends_everything_soon(self, executor: Executor, tmp_path: Path) -> None:
        """Jobs at work are ended with their processes, those that wait are not begun, and both say so."""
        places = [tmp_path / str(number) for number in range(executor.workers)]
        futures: list[Future[Any]] = [executor.submit(Sleep(300, place), "running") for place in places]
        futures.append(executor.submit(Square(1), "waiting"))
        until(lambda: all(place.exists() and place.read_text() for place in places))
        began = time.monotonic()
        executor.close(cancel=True)
        assert time.monotonic() - began < _LIMIT_S
        for future in futures:
            assert isinstance(future.exception(0), JobCancelled)
        assert not any(alive(int(place.read_text())) for place in places)


def until(condition: Callable[[], bool], limit_s: float = _LIMIT_S) -> None:
    """Waits until something is so; fails when that takes too long."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _error(future: Future[Any], kind: type[JobError]) -> str:
    """The words of the error with which a job has ended."""
    error = future.exception(_LIMIT_S)
    assert isinstance(error, kind)
    assert "\n" not in str(error)
    return str(error)
