import json
import os
import subprocess
import sys

import pytest
from tiny_model import tiny_model

from device_bench.errors import RunnerError
from device_bench.local import LocalTransport
from device_bench.runners.json_runner import host_runner
from device_bench.runners.runner import BenchSpec


@pytest.fixture(scope="module")
def host():
    transport = LocalTransport()
    transport.push(tiny_model(), "tiny.tflite")
    yield transport
    transport.close()


def _session(host, model="tiny.tflite", **values):
    spec = BenchSpec(**{"warmup_runs": 2, "runs": 5, **values})
    return host_runner().parse(spec, host.shell(host_runner().argv(spec, model), timeout_s=60))


def test_each_inference_is_timed(host):
    session = _session(host)
    assert len(session.samples_us) == 5
    assert session.runtime.startswith("LiteRT 2.")
    assert session.init_ms > 0
    assert session.peak_mb >= 0


def test_the_memory_of_whoever_starts_it_is_not_counted(host, tmp_path):
    model = tmp_path / "tiny.tflite"
    model.write_bytes(tiny_model())
    ballast = "import subprocess, sys\nheld = b'1' * (400 << 20)\nsubprocess.run(sys.argv[1:], check=True)"
    command = [sys.executable, "-c", ballast, *host_runner().argv(BenchSpec(runs=2), str(model))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert 0 < json.loads(done.stdout)["peak_mb"] < 200


def test_a_core_that_is_not_there(host):
    missing = max(os.sched_getaffinity(0)) + 1
    with pytest.raises(RunnerError, match=f"core {missing} of mask"):
        _session(host, cores=f"{1 << missing:x}")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "exit code 1"), (b"hello", "exit code 1"), (tiny_model()[:300], "exit code"), (None, "No such file")],
)
def test_a_bad_model_is_an_error_in_one_line(host, content, words):
    host.remove("bad.tflite")
    if content is not None:
        host.push(content, "bad.tflite")
    with pytest.raises(RunnerError, match=words) as caught:
        _session(host, "bad.tflite")
    assert "\n" not in str(caught.value)


def test_a_flag_it_does_not_know_is_an_error(host):
    argv = (*host_runner().argv(BenchSpec(), "tiny.tflite"), "--profile")
    assert host.shell(argv, timeout_s=60).exit_code == 2
