"""The C runner, on this machine and on real adbd phones."""

import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tiny_graph import Body, Node, Tensor, tiny_graph
from tiny_model import tiny_model

from device_bench.adb.transport import open_tcp
from device_bench.errors import BadRequest, RunnerError
from device_bench.local import LocalTransport
from device_bench.runners.native_build import build_runner
from device_bench.runners.native_runner import NativeFiles, NoRunner, find_files, install_native, platform_of
from device_bench.runners.runner import BenchSpec
from device_bench.transport import Completed

LACKING = tiny_graph(Body([Tensor((1, 4)), Tensor((1, 4))], [Node("CUSTOM", [0], [1], "MyOwnOp")]))
HERE = f"linux-{platform.machine()}"


@pytest.fixture(scope="module")
def files():
    return find_files(HERE)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.tflite"
    path.write_bytes(tiny_model())
    return path


@pytest.fixture
def run(files, model):
    def run_(*words, path=model, library=files.library):
        command = [files.program, "--library", library, "--model", path, *words]
        done = subprocess.run([str(one) for one in command], capture_output=True, text=True, timeout=60)
        return Completed(done.returncode, done.stdout, done.stderr)

    return run_


def test_it_prints_one_time_per_inference(run):
    done = run("--runs", "7", "--warmup", "3", "--runtime", 'LiteRT "2"')
    values = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (len(values["samples_us"]), len(values["warmup_us"])) == (7, 3)
    assert min(values["samples_us"]) > 0
    assert values["runtime"] == 'LiteRT "2"'
    assert (values["nodes"], values["delegated"], values["operators"]) == (3, 3, [])
    assert values["init_ms"] > 0
    assert values["peak_mb"] > 0


def test_its_profile_has_each_operator_in_order(run):
    values = json.loads(run("--runs", "3", "--profile").stdout)
    assert len(values["operators"]) == 3
    assert [one["calls"] for one in values["operators"]] == [1, 1, 1]
    assert all("Add" in one["kind"] for one in values["operators"])
    assert [one["name"] for one in values["operators"]] == [f"[Delegate]:{number}" for number in range(3)]


def test_it_keeps_to_the_cores_it_is_given(run):
    done = run("--cores", "1", "--runs", "2")
    assert (done.exit_code, json.loads(done.stdout)["cores"]) == (0, "1")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["--cores", "f" * 32], 1, "can be used"),
        (["--cores", "xyz"], 2, "a hexadecimal mask"),
        (["--cores", "0"], 2, "names no core"),
        (["--runs", "0"], 2, "a whole number of at least 1"),
        (["--threads", "two"], 2, "a whole number"),
        (["--bogus", "1"], 2, "unknown flag --bogus"),
        (["--runs"], 2, "--runs needs a value"),
        (["--delegate", "npu"], 2, "cpu or gpu"),
        (["--delegate", "gpu"], 1, "the gpu cannot run this model here"),
    ],
)
def test_what_cannot_be_done_is_an_exit_code_and_a_reason(run, words, code, reason):
    done = run(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert reason in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("content", [b"", b"no model", tiny_model()[:200]])
def test_a_broken_model_is_no_measurement(run, tmp_path, content):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(content)
    assert run(path=broken).exit_code == 1
    assert run(path=tmp_path / "missing.tflite").exit_code == 1


def test_a_library_of_another_version_is_refused_with_the_missing_names(run, tmp_path):
    source, library = tmp_path / "other.c", tmp_path / "libother.so"
    source.write_text("int LiteRtCreateEnvironment(void) { return 0; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    done = run(library=library)
    assert done.exit_code == 3
    assert "LiteRtRunCompiledModel" in done.stderr
    assert "LiteRtCreateEnvironment" not in done.stderr
    assert run(library=tmp_path / "none.so").exit_code == 3


def test_an_inference_ends_when_its_output_can_be_read(run, files, tmp_path):
    """An accelerator's call returns at once; what it makes is there 20 ms later, and not before."""
    source, library = tmp_path / "queued.c", tmp_path / "libqueued.so"
    source.write_text(
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <unistd.h>
        int LiteRtLockTensorBuffer(void *buffer, void **memory, int mode) {
          int (*real)(void *, void **, int) = dlsym(RTLD_NEXT, "LiteRtLockTensorBuffer");
          if (mode == 0) usleep(20000);
          return real(buffer, memory, mode);
        }
        """
    )
    folder = files.library.parent
    linked = ["-Wl,--no-as-needed", f"-L{folder}", "-l:libLiteRt.so", f"-Wl,-rpath,{folder}", "-ldl"]
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), *linked], check=True)
    values = json.loads(run("--runs", "3", "--warmup", "1", library=library).stdout)
    assert min(values["samples_us"] + values["warmup_us"]) >= 20_000


def test_its_memory_is_its_own(files, model):
    """What the process that starts it takes is not counted."""
    ballast = "import subprocess, sys\nheld = b'1' * (200 << 20)\nsubprocess.run(sys.argv[1:], check=True)"
    command = [sys.executable, "-c", ballast, files.program, "--library", files.library, "--model", model]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, check=True, timeout=60)
    assert 0 < json.loads(done.stdout)["peak_mb"] < 100


def test_too_few_threads_are_an_error(files, tmp_path, model):
    """A library that ignores the number of threads must not pass for one that does not."""
    preload, source = tmp_path / "one_cpu.so", tmp_path / "one_cpu.c"
    source.write_text("int pthread_create(void *a, void *b, void *c, void *d) { return 11; }")
    subprocess.run(["cc", "-w", "-shared", "-fPIC", "-o", str(preload), str(source)], check=True)
    command = [files.program, "--library", files.library, "--model", model, "--threads", "2"]
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, env={"LD_PRELOAD": str(preload)}, timeout=60
    )
    assert done.returncode == 1
    assert "started 1 threads instead of 2" in done.stderr


def test_on_this_machine_it_runs_through_the_transport_of_this_machine(model):
    transport = LocalTransport("host")
    runner = install_native(transport)
    spec = BenchSpec(runs=5, threads=2, op_profile=True)
    session = runner.parse(spec, transport.shell(runner.argv(spec, str(model)), timeout_s=60))
    assert (session.runs, session.runtime) == (5, f"LiteRT {version('ai-edge-litert')}")
    assert len(session.operators) == 3
    transport.close()


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
class TestOnPhones:
    def check(self, phone, kind, given=None):
        transport = open_tcp(phone.host, phone.port)
        assert platform_of(transport) == kind
        runner = install_native(transport, given)
        transport.push(tiny_model(), "tiny.tflite")
        path = f"{transport.workdir}/tiny.tflite"
        for spec in (BenchSpec(runs=6, warmup_runs=1), BenchSpec(runs=3, op_profile=True, threads=2, cores="3")):
            session = runner.parse(spec, transport.shell(runner.argv(spec, path), timeout_s=90))
            assert session.runs == spec.runs
            assert len(session.operators) == (3 if spec.op_profile else 0)
        missing = transport.shell(runner.argv(BenchSpec(), "/missing.tflite"), timeout_s=30)
        assert missing.exit_code == 1
        with pytest.raises(RunnerError, match=r"exit code 1.*cannot be read"):
            runner.parse(BenchSpec(), missing)
        transport.push(LACKING, "lacking.tflite")
        lacking = transport.shell(runner.argv(BenchSpec(), f"{transport.workdir}/lacking.tflite"), timeout_s=30)
        with pytest.raises(RunnerError, match=r"status 3 .*: Encountered unresolved custom op: MyOwnOp"):
            runner.parse(BenchSpec(), lacking)
        again = install_native(transport, given)
        assert again == runner
        transport.close()

    def test_two_phones_time_a_model(self, phone, second_phone):
        for one in (phone, second_phone):
            self.check(one, HERE)

    def test_an_aarch64_phone_times_a_model(self, arm_phone, arm_files):
        self.check(arm_phone, "linux-aarch64", arm_files)

    def test_without_a_program_for_the_phone_it_is_said_what_to_put_where(self, arm_phone, tmp_path, monkeypatch):
        monkeypatch.setenv("MNAS_NATIVE", str(tmp_path))
        transport = open_tcp(arm_phone.host, arm_phone.port)
        with pytest.raises(NoRunner, match=f"{tmp_path}/linux-aarch64"):
            install_native(transport)
        transport.close()

    def test_files_kept_for_the_phone_are_used(self, arm_phone, arm_files, tmp_path, monkeypatch):
        kept = tmp_path / "linux-aarch64"
        kept.mkdir()
        (kept / "litert_bench").symlink_to(arm_files.program)
        (kept / "libLiteRt.so").symlink_to(arm_files.library)
        monkeypatch.setenv("MNAS_NATIVE", str(tmp_path))
        assert find_files("linux-aarch64").runtime.startswith("LiteRT ")
        (kept / "VERSION").write_text("9.9\n")
        transport = open_tcp(arm_phone.host, arm_phone.port)
        runner = install_native(transport)
        assert runner.command[-1] == "LiteRT 9.9"
        transport.close()


def test_accelerators_kept_beside_the_library_are_loaded(files, model, tmp_path, monkeypatch):
    kept = tmp_path / HERE
    kept.mkdir()
    (kept / "litert_bench").symlink_to(files.program)
    (kept / "libLiteRt.so").symlink_to(files.library)
    source = tmp_path / "accelerator.c"
    source.write_text('#include <stdio.h>\n__attribute__((constructor)) void f(void) { fputs("loaded\\n", stderr); }')
    library = kept / "libLiteRtGpuAccelerator.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    monkeypatch.setenv("MNAS_NATIVE", str(tmp_path))
    transport = LocalTransport("host")
    runner = install_native(transport)
    spec = BenchSpec(runs=2)
    done = transport.shell(runner.argv(spec, str(model)), timeout_s=60)
    assert "loaded\n" in done.stderr
    assert runner.parse(spec, done).runs == 2
    transport.close()


def test_it_offers_the_cpu_and_the_gpu(tmp_path):
    files = NativeFiles(build_runner(), Path(__file__), "LiteRT")
    runner = install_native(LocalTransport("host"), files)
    with pytest.raises(BadRequest, match="npu"):
        runner.argv(BenchSpec(delegate="npu"), "m")
