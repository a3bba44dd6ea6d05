"""Our executors are held to what every one promises, and that of processes to what it promises besides."""

import errno
import multiprocessing.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnas.errors import RunFailed, SearchError
from mnas.executors import ProcessExecutor, SerialExecutor, WorkerLost
from mnas.executors.handle import WorkerHandle
from mnas.testing import ExecutorTestCase, WorkersTestCase
from mnas.testing.executors import alive, until
from mnas.testing.jobs import Die, Pid, Square, Variable


class TestSerial(ExecutorTestCase):
    @pytest.fixture
    def open_executor(self):
        return SerialExecutor


class TestProcesses(WorkersTestCase):
    @pytest.fixture
    def open_executor(self):
        return lambda listener: ProcessExecutor(2, listener=listener)


@pytest.mark.parametrize(
    ("job", "death"),
    [
        (Die(), "ended with exit code 3"),
        (Die(signal.SIGKILL), "killed by SIGKILL, out of memory?"),
        (Die(signal.SIGSEGV), "SIGSEGV"),
    ],
)
def test_the_death_of_a_worker_is_told_with_its_cause(job, death):
    with ProcessExecutor(1) as executor:
        doomed = executor.submit(job, "doomed")
        assert death in str(doomed.exception(30))
        assert str(doomed.exception()).endswith("while it ran doomed")


def test_threads_are_limited_before_the_libraries_load():
    with ProcessExecutor(1, threads_per_worker=3) as executor:
        assert executor.submit(Variable("TF_NUM_INTRAOP_THREADS"), "threads").result(30) == "3"


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
from mnas.testing.jobs import Sleep
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
