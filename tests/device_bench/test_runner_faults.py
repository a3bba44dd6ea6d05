"""Runners that fail on a real phone, in the ways runners do: never a number, nothing left, and the next one works."""

import pytest
from tool_outputs import NEW

from device_bench.adb.transport import open_tcp
from device_bench.errors import BenchError, CommandTimeout, RunnerError
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]

GOOD = f"cat <<'END'\n{NEW.stdout}END\n"
JSON = (
    'echo \'{"format": 1, "runtime": "x", "threads": 1, "delegate": "cpu", "cores": null, '
    '"samples_us": [5.0, 6.0], "sum_us": 11.0}\'\n'
)
FAULTS = {
    "aborts": ("kill -ABRT $$", "exit code 134"),
    "bus error": ("kill -BUS $$", "exit code 135"),
    "prints garbage": ("head -c 5000 /dev/urandom", "printed|no result"),
    "prints nothing": (":", "printed"),
    "is missing": (None, "exit code 127"),
}


@pytest.fixture
def transport(phone):
    opened = open_tcp(phone.host, phone.port)
    yield opened
    opened.close()


def session(transport, phone, runner, script, *, runs, timeout_s=10.0):
    path = phone.files / "fake_runner"
    path.unlink(missing_ok=True)
    if script is not None:
        phone.put("/fake_runner", f"#!/bin/sh\n{script}\n")
    spec = BenchSpec(runs=runs)
    return runner.parse(spec, transport.shell(runner.argv(spec, "/model"), timeout_s=timeout_s))


RUNNERS = {
    "benchmark_model": (BenchmarkModel("/fake_runner"), GOOD, 50),
    "litert_bench": (JsonRunner("litert_bench", ("/fake_runner",), summed=True), JSON, 2),
}


@pytest.mark.parametrize("name", RUNNERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_runner_that_fails_gives_no_number(phone, transport, name, fault):
    runner, good, runs = RUNNERS[name]
    script, words = FAULTS[fault]
    with pytest.raises(RunnerError, match=words):
        session(transport, phone, runner, script, runs=runs)
    assert phone.processes() == []
    assert session(transport, phone, runner, good, runs=runs).runs == runs


@pytest.mark.parametrize("name", RUNNERS)
@pytest.mark.parametrize("ending", ["exit 1", "kill -ABRT $$", "kill -SEGV $$"])
def test_a_good_line_and_a_bad_end_give_no_number(phone, transport, name, ending):
    runner, good, runs = RUNNERS[name]
    with pytest.raises(RunnerError, match="failed with exit code"):
        session(transport, phone, runner, good + ending, runs=runs)


@pytest.mark.parametrize("name", RUNNERS)
def test_a_runner_that_hangs_after_a_good_line_gives_no_number(phone, transport, name):
    runner, good, runs = RUNNERS[name]
    with pytest.raises(CommandTimeout):
        session(transport, phone, runner, good + "sleep 60", runs=runs, timeout_s=1)
    assert phone.processes() == []
    assert session(transport, phone, runner, good, runs=runs).runs == runs


@pytest.mark.parametrize("name", RUNNERS)
def test_adbd_dying_after_a_good_line_gives_no_number(mortal_phone, name):
    runner, good, runs = RUNNERS[name]
    transport = open_tcp(mortal_phone.host, mortal_phone.port)
    with pytest.raises(BenchError):
        session(transport, mortal_phone, runner, good + "kill -9 $(pgrep -x adbd); sleep 60", runs=runs)
    mortal_phone.await_adbd()
    assert session(transport, mortal_phone, runner, good, runs=runs).runs == runs
    assert mortal_phone.processes() == []
    transport.close()
