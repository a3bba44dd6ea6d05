"""What every executor promises; a new one joins by a line in `KINDS`."""

import errno
import multiprocessing.util
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from pathlib import Path

import pytest
from executor_jobs import (
    Die,
    Interrupt,
    Pid,
    Refuse,
    Sleep,
    Square,
    Stumble,
    Unpicklable,
    Variable,
    Write,
)

from mnas.errors import RunFailed, SearchError
from mnas.executors import Event, JobCancelled, JobError, ProcessExecutor, SerialExecutor, WorkerLost
from mnas.executors.handle import WorkerHandle

KINDS = {"serial": SerialExecutor, "processes": partial(ProcessExecutor, 2)}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def until(condition, limit_s=30.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_results_come_back_in_their_own_future(kind):
    with kind() as executor:
        futures = [executor.submit(Square(i), f"job {i}") for i in range(7)]
        assert [future.result(30) for future in futures] == [0, 1, 4, 9, 16, 25, 36]
        assert executor.workers >= 1


def test_a_job_reports_and_its_end_is_told(kind):
    events = []
    with kind(listener=events.append) as executor:
        executor.submit(Square(3), "three").result(30)
    mine = [event for event in events if event.job == "three"]
    assert mine == [Event(0, "three", "square", 1, 2, 0.5), Event(0, "three", "done")] or mine == [
        Event(1, "three", "square", 1, 2, 0.5),
        Event(1, "three", "done"),
    ]


def test_a_failed_job_says_why_on_one_line_and_the_next_one_runs(kind):
    events = []
    with kind(listener=events.append) as executor:
        refused, stumbled = executor.submit(Refuse(), "refuse"), executor.submit(Stumble(), "stumble")
        assert isinstance(refused.exception(30), JobError)
        assert str(refused.exception()) == "the image cat.png is broken"
        assert str(stumbled.exception(30)) == "ZeroDivisionError: integer division or modulo by zero"
        assert "return 1 // 0" in stumbled.exception().details
        assert executor.submit(Square(2), "next").result(30) == 4
    assert {event.job for event in events if event.phase == "failed"} == {"refuse", "stumble"}


def test_a_disk_that_cannot_be_written_ends_the_run_without_the_name_of_a_class(kind, tmp_path):
    (tmp_path / "file").touch()
    with kind() as executor:
        error = executor.submit(Write(tmp_path / "file" / "weights"), "write").exception(30)
    assert str(error).startswith("cannot write")
    assert error.fatal


def test_closed_is_closed(kind):
    executor = kind()
    executor.close()
    executor.close(cancel=True)
    with pytest.raises(SearchError, match="late: the executor is closed"):
        executor.submit(Square(1), "late")


def test_close_waits_for_what_was_submitted(kind):
    executor = kind()
    futures = [executor.submit(Square(i), str(i)) for i in range(5)]
    executor.close()
    assert [future.result(0) for future in futures] == [0, 1, 4, 9, 16]


@pytest.mark.parametrize(
    ("job", "death"),
    [
        (Die(), "ended with exit code 3"),
        (Die(signal.SIGKILL), "killed by SIGKILL, out of memory?"),
        (Die(signal.SIGSEGV), "SIGSEGV"),
    ],
)
def test_a_worker_that_dies_fails_only_its_own_job(job, death):
    events = []
    with ProcessExecutor(2, listener=events.append) as executor:
        others = [executor.submit(Square(i), f"before {i}") for i in range(3)]
        doomed = executor.submit(job, "doomed")
        others += [executor.submit(Square(i), f"after {i}") for i in range(3, 6)]
        assert isinstance(doomed.exception(30), WorkerLost)
        assert death in str(doomed.exception())
        assert str(doomed.exception()).endswith("while it ran doomed")
        assert [other.result(30) for other in others] == [0, 1, 4, 9, 16, 25]
    assert [event.job for event in events if event.phase == "lost"] == ["doomed"]


def test_an_idle_worker_that_dies_is_replaced(tmp_path):
    with ProcessExecutor(1) as executor:
        first = executor.submit(Pid(), "pid").result(30)
        os.kill(first, signal.SIGKILL)
        until(lambda: not alive(first))
        second = executor.submit(Pid(), "pid")
        assert isinstance(second.exception(30), WorkerLost) or second.result() != first
        assert executor.submit(Square(3), "three").result(30) == 9


def test_workers_stay_and_work_side_by_side(tmp_path):
    with ProcessExecutor(2) as executor:
        naps = [executor.submit(Sleep(0.5, tmp_path / str(i)), str(i)) for i in range(2)]
        until(lambda: all((tmp_path / str(i)).exists() for i in range(2)))
        assert not any(nap.done() for nap in naps)
        wait(naps, 30)
        pids = {executor.submit(Pid(), "pid").result(30) for _ in range(6)}
    assert len(pids) <= 2
    assert os.getpid() not in pids


def test_ctrl_c_does_not_reach_the_workers():
    with ProcessExecutor(1) as executor:
        assert executor.submit(Interrupt(), "interrupt").result(30) == "still here"


def test_threads_are_limited_before_the_libraries_load():
    with ProcessExecutor(1, threads_per_worker=3) as executor:
        assert executor.submit(Variable("TF_NUM_INTRAOP_THREADS"), "threads").result(30) == "3"


def test_cancel_ends_everything_quickly(tmp_path):
    executor = ProcessExecutor(1)
    running = executor.submit(Sleep(60, tmp_path / "pid"), "running")
    waiting = executor.submit(Square(1), "waiting")
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    began = time.monotonic()
    executor.close(cancel=True)
    assert time.monotonic() - began < 30
    assert isinstance(running.exception(0), JobCancelled)
    assert isinstance(waiting.exception(0), JobCancelled)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_waiting_job_can_be_cancelled(tmp_path):
    with ProcessExecutor(1) as executor:
        nap = executor.submit(Sleep(0.5, tmp_path / "pid"), "nap")
        waiting = executor.submit(Square(1), "waiting")
        assert waiting.cancel()
        wait([nap], 30, FIRST_COMPLETED)
        assert executor.submit(Square(2), "two").result(30) == 4


def test_what_cannot_travel_is_refused_by_name():
    with ProcessExecutor(1) as executor:
        with pytest.raises(SearchError, match="cannot send local to a worker"):
            executor.submit(lambda report: None, "local")
        assert "pickle" in str(executor.submit(Unpicklable(), "result").exception(30)).lower()
        assert executor.submit(Square(2), "two").result(30) == 4


def test_workers_that_cannot_start_are_given_up(tmp_path):
    with ProcessExecutor(1, preload=("no_such_module",), log_folder=tmp_path) as executor:
        future = executor.submit(Square(2), "two")
        assert "exit code 1" in str(future.exception(60))
        assert "worker-0.log" in str(future.exception())
        with pytest.raises(SearchError, match="while it started, 3 times in a row"):
            executor.submit(Square(2), "three")
    assert "no_such_module" in (tmp_path / "worker-0.log").read_text()


def test_a_system_without_room_for_a_process_is_told_as_such(monkeypatch):
    def full(*_):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", full)
    refused = pytest.raises(RunFailed, match="cannot start: Resource temporarily unavailable, 3 times in a row")
    with ProcessExecutor(1) as executor, refused:
        executor.submit(Square(2), "two")


def no_memory(handle):
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def test_a_worker_that_cannot_start_again_leaves_the_work_to_the_others(monkeypatch):
    with ProcessExecutor(2) as executor:
        futures = [executor.submit(Pid(), str(number)) for number in range(4)]
        assert all(future.result(60) for future in futures)
        monkeypatch.setattr(WorkerHandle, "start", no_memory)
        assert isinstance(executor.submit(Die(), "doomed").exception(60), WorkerLost)
        assert executor.submit(Square(3), "three").result(60) == 9
        second = executor.submit(Die(), "doomed too").exception(60)
        assert (type(second), second.fatal) == (WorkerLost, False)
        assert "cannot start: Cannot allocate memory" in str(refusal(executor))


def refusal(executor):
    """Why a job is not run: told at once, or by its future where it came before the last worker was given up."""
    try:
        error = executor.submit(Square(4), "four").exception(60)
    except RunFailed as at_once:
        return at_once
    assert error.fatal
    return error


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "logs").write_text("a file")
    with ProcessExecutor(1, log_folder=tmp_path / "logs") as executor:
        assert executor.submit(Square(3), "three").result(60) == 9


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
def test_numbers_below_one_are_refused(numbers):
    with pytest.raises(SearchError, match="at least 1"):
        ProcessExecutor(numbers[0], threads_per_worker=numbers[1])


PARENT = """
import sys, time
from pathlib import Path
from mnas.executors import ProcessExecutor
from executor_jobs import Sleep
if __name__ == "__main__":
    executor = ProcessExecutor(2)
    for i in range(2):
        executor.submit(Sleep(120, Path(sys.argv[1]) / str(i)), str(i))
    time.sleep(120)
"""


def test_workers_die_with_a_parent_that_was_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    paths = os.pathsep.join(path for path in sys.path if path) + os.pathsep + str(Path.cwd())
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", tmp_path], env={**os.environ, "PYTHONPATH": paths}
    )
    begun = [tmp_path / str(i) for i in range(2)]
    until(lambda: all(path.exists() and path.read_text() for path in begun))
    parent.kill()
    parent.wait()
    pids = [int(path.read_text()) for path in begun]
    until(lambda: not any(alive(pid) for pid in pids))


def alive(pid):
    """Whether the process runs; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
