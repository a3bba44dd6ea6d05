import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mutations import mutated
from tiny_model import tiny_model
from tool_outputs import BLANKS, CSV, GPU, LITERT, NEW, OLD, OLD_GPU, OUTPUTS, PROFILED, SLOW, TABS

from device_bench.errors import BadRequest, RunnerError
from device_bench.runners.benchmark_lines import plain, read_lines
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.runners.benchmark_profile import read_profile
from device_bench.runners.runner import BenchSpec, OperatorTime
from device_bench.transport import Completed

WHOLE = "GPU delegate, and the model graph will be completely executed by the delegate."
PART = "GPU delegate, and the model graph will be partially executed by the delegate"


def parse(output, *, exit_code=0, **changed):
    spec = BenchSpec(
        threads=changed.get("threads", output.threads),
        runs=changed.get("runs", output.runs),
        delegate=changed.get("delegate", output.delegate),
        op_profile=output.op_profile,
    )
    completed = Completed(exit_code, changed.get("stdout", output.stdout), changed.get("stderr", output.stderr))
    return BenchmarkModel("/x/benchmark_model", output.tool).parse(spec, completed)


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_dialect_gives_its_mean(name):
    session = parse(OUTPUTS[name])
    assert (session.center_us, session.statistic, session.runs) == (OUTPUTS[name].mean_us, "mean", OUTPUTS[name].runs)


@pytest.mark.parametrize(
    ("output", "init_ms", "peak_mb"),
    [(OLD, 38.467, 12.8672), (SLOW, 16.24, 41.2031), (NEW, 5.685, 18.7227), (LITERT, 5.8, 7.07)],
)
def test_initialization_and_memory_are_read_where_told(output, init_ms, peak_mb):
    session = parse(output)
    assert (session.init_ms, session.peak_mb) == (init_ms, peak_mb)


def test_a_memory_of_nothing_is_not_known():
    assert parse(OLD, stdout=OLD.stdout.replace("overall=12.8672", "overall=0")).peak_mb is None


def test_windows_line_ends_do_not_matter():
    assert parse(NEW, stdout=NEW.stdout.replace("\n", "\r\n")).center_us == NEW.mean_us


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WARN: Unconsumed cmdline flags: --use_gpuu=true", "Unconsumed cmdline flags: --use_gpuu=true"),
        ("WARN: GPU acceleration is unsupported on this platform.", "GPU acceleration is unsupported"),
        (
            "Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.",
            "will not be executed",
        ),
        ("ERROR: Failed to apply GPU delegate.", "Failed to apply GPU delegate."),
        ("ERROR: Failed to allocate tensors!", "Failed to allocate tensors!"),
        ("Benchmarking failed.", "Benchmarking failed."),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_failures_that_exit_with_0_are_errors_in_the_tools_own_words(line, words, stream):
    for output in (NEW, GPU, OLD):
        changed = {stream: line + "\n" + getattr(output, stream)}
        with pytest.raises(RunnerError, match=r"did not do what it was asked: .*" + words.replace("!", ".")):
            parse(output, **changed)


@pytest.mark.parametrize("exit_code", [1, 134, 135, 139])
def test_a_good_line_with_a_bad_exit_code_is_no_result(exit_code):
    with pytest.raises(RunnerError, match=f"exit code {exit_code}: Failed to load model x"):
        parse(NEW, exit_code=exit_code, stdout=NEW.stdout + "ERROR: Failed to load model x\n")
    with pytest.raises(RunnerError, match=f"exit code {exit_code}: last words"):
        parse(NEW, exit_code=exit_code, stderr="first\nlast words\n")


def test_a_delegate_has_to_say_that_it_took_the_model():
    assert parse(GPU).runtime == "benchmark_model (gpu: 64 of 66 nodes)"
    whole = "Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.\n"
    assert parse(GPU, stdout=whole + NEW.stdout).runtime == "benchmark_model"
    with pytest.raises(RunnerError, match="does not say that the gpu delegate took the model"):
        parse(GPU, stdout=NEW.stdout)
    with pytest.raises(RunnerError, match="does not say how many nodes"):
        parse(GPU, stdout=GPU.stdout.replace("Replacing 64", "Replacing 0"))
    with pytest.raises(RunnerError, match="does not say that the nnapi"):
        parse(NEW, delegate="nnapi")
    with pytest.raises(RunnerError, match="applied the GPU delegate, which was not asked for"):
        parse(NEW, stdout=whole + NEW.stdout)


@pytest.mark.parametrize(
    ("old", "new", "runtime"),
    [
        ("", "", "benchmark_model"),
        ("yielding 1", "yielding 3", "benchmark_model (gpu: 63 nodes)"),
        (", yielding 1 partitions.", "", "benchmark_model (gpu: 63 nodes)"),
        ("63 node(s)", "63 out of 63 node(s)", "benchmark_model"),
        ("Applied GPU delegate.", f"Applied {WHOLE}", "benchmark_model"),
        ("Applied GPU delegate.", f"Explicitly applied {WHOLE.replace('by', 'w/')}", "benchmark_model"),
        (
            "Applied GPU delegate.",
            f"Explicitly applied {PART} w/ 2 delegate kernels.",
            "benchmark_model (gpu: 63 nodes)",
        ),
        ("63 node(s)", "0 node(s)", None),
        ("Applied GPU delegate.", "", None),
        ("Applied GPU delegate.", "Applied NNAPI delegate.", None),
        ("INFO: Replacing 63 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions.", "", None),
        ("(TfLiteGpuDelegateV2)", "(TfLiteXNNPackDelegate)", None),
    ],
)
def test_old_lines_tell_what_a_delegate_took(old, new, runtime):
    changed = OLD_GPU.stdout.replace(old, new)
    if runtime:
        assert parse(OLD_GPU, stdout=changed).runtime == runtime
    else:
        with pytest.raises(RunnerError, match=r"does not say (that|how many nodes) the gpu|which was not asked for"):
            parse(OLD_GPU, stdout=changed)


def test_litert_without_the_gpu_asked_for_is_an_error():
    missing = LITERT.stderr + "WARNING: [gpu_registry.cc:160] GPU accelerator could not be loaded and registered.\n"
    assert parse(LITERT, stderr=missing).center_us == LITERT.mean_us
    with pytest.raises(RunnerError, match="GPU accelerator could not be loaded"):
        parse(LITERT, stderr=missing, delegate="gpu")
    with pytest.raises(RunnerError, match="NPU accelerator could not be loaded"):
        parse(LITERT, delegate="npu")


def test_other_threads_or_runs_than_asked_are_errors():
    with pytest.raises(RunnerError, match=r"Num threads: \[1\].*instead of 2 threads"):
        parse(NEW, threads=2)
    with pytest.raises(RunnerError, match="timed 50 inferences instead of 51"):
        parse(NEW, runs=51)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("avg=1241.3", "avg=1242.3", "both 1242.3 us and 1241.3 us"),
        ("min=1190", "min=1250", "contradicts itself"),
        ("std=24", "std=2400", "contradicts itself"),
        ("avg=1241.3", "avg=", "garbled|no result"),
        ("avg=1241.3", "avg=nan", "garbled"),
        ("avg=1241.3 ", "", "lacks avg"),
        ("count=50 ", "count=50", "no result|garbled"),
        ("INFO: Inference timings", "INFO: Timings", "garbled"),
        ("Inference (avg)", "Mean", "ends before its summary|garbled"),
    ],
)
def test_a_result_that_does_not_agree_with_itself_is_an_error(old, new, words):
    with pytest.raises(RunnerError, match=words):
        parse(NEW, stdout=NEW.stdout.replace(old, new))


def test_nothing_and_only_a_warm_up_are_no_results():
    with pytest.raises(RunnerError, match="printed nothing"):
        parse(NEW, stdout="")
    with pytest.raises(RunnerError, match="timed no inference"):
        parse(NEW, stdout="count=0\n")
    with pytest.raises(RunnerError):
        parse(SLOW, stdout=SLOW.stdout.partition("Running benchmark for at least 50")[0])


def test_the_command_line_pins_the_number_of_runs():
    spec = BenchSpec(threads=4, cores="f0", runs=30, warmup_runs=3, op_profile=True)
    words = BenchmarkModel("/x/benchmark_model").argv(spec, "/m.tflite")
    assert words[:3] == ("taskset", "f0", "/x/benchmark_model")
    pinned = {"--graph=/m.tflite", "--num_threads=4", "--num_runs=30", "--min_secs=0", "--warmup_runs=3"}
    assert pinned | {"--warmup_min_secs=0", "--enable_op_profiling=true"} < set(words)


def test_each_tool_has_its_own_flags():
    gpu = BenchSpec(delegate="gpu", op_profile=True)
    assert "--use_cpu=false" not in BenchmarkModel("b").argv(gpu, "m")
    assert {"--use_gpu=true", "--use_cpu=false", "--require_full_delegation=true", "--use_profiler=true"} < set(
        BenchmarkModel("b", "litert").argv(gpu, "m")
    )
    with pytest.raises(BadRequest, match="tflite runs on cpu, gpu, nnapi, not on npu"):
        BenchmarkModel("b").argv(BenchSpec(delegate="npu"), "m")
    with pytest.raises(BadRequest, match="litert runs on cpu, gpu, npu, not on nnapi"):
        BenchmarkModel("b", "litert").argv(BenchSpec(delegate="nnapi"), "m")


def test_the_profile_is_that_of_the_timed_inferences():
    operators = parse(PROFILED).operators
    assert [one.kind for one in operators] == ["CONV_2D", "MAX_POOL_2D"]
    assert operators[0] == OperatorTime("[a;b]:1", "CONV_2D", pytest.approx(3640.0), 1)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (TABS, [("CONV_2D", 3640.0), ("MAX_POOL_2D", 2183.0)]),
        (BLANKS, [("TfLiteNnapiDelegate", 4011.0), ("Delegate/Convolution (NHWC, QC8) IGEMM", 58.0)]),
        (CSV, [("CONV_2D", 3640.0), ("Delegate/Convolution (NHWC QC8) IGEMM", 2183.0)]),
    ],
)
def test_tables_are_read_by_their_header(table, expected):
    rows = read_profile(table, 1)
    assert [(row.kind, pytest.approx(row.mean_us)) for row in rows] == expected
    assert rows[-1].calls in (1, 2)


def test_a_table_that_is_not_known_is_an_error():
    for old, new in [("[avg ms]", "[time]"), ("[node type]", "[op]"), ("Run Order", "Order"), ("3.640", "x")]:
        with pytest.raises(RunnerError):
            read_profile(TABS.replace(old, new), 1)
    with pytest.raises(RunnerError, match="is empty"):
        read_profile("\n".join(TABS.splitlines()[:2]), 1)


def test_the_python_tool_of_litert_is_read(tmp_path):
    model = tmp_path / "tiny.tflite"
    model.write_bytes(tiny_model(operators=60, side=224))
    tool = Path(__import__("sys").executable).with_name("litert-benchmark")
    command = [tool, f"--model={model}", "--num_runs", "20", "--result_json", "/dev/stdout"]
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, timeout=60, check=True)
    lines = read_lines(plain(done.stdout + done.stderr))
    assert lines.runs == 20
    assert lines.init_ms > 0
    assert f"{lines.mean_us / 1e3:.2f} ms (20 runs)" in done.stdout
    with pytest.raises(RunnerError):
        read_lines(plain(done.stdout.replace("Inference (avg):  ", "Inference (avg): 1")))
    with pytest.raises(RunnerError):
        read_lines(plain(done.stdout[: done.stdout.find('"num_runs"')]))


def right_or_refused(output, text):
    try:
        session = BenchmarkModel("b", output.tool).parse(output.spec, Completed(0, text, ""))
    except RunnerError:
        return
    assert abs(session.center_us - output.mean_us) <= output.tolerance_us
    assert session.runs == output.runs


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("name", OUTPUTS)
@given(data=st.data())
def test_a_damaged_output_gives_the_right_number_or_an_error(name, data):
    output = OUTPUTS[name]
    right_or_refused(output, data.draw(mutated([output.stdout + output.stderr])))


@settings(max_examples=150, deadline=None)
@example(text=BLANKS.replace("    3.826", "   .3.826").replace("62.037%     0.000", "62.037% 0   0.000"))
@given(text=mutated([TABS, BLANKS, CSV]))
def test_a_damaged_table_gives_rows_or_an_error(text):
    try:
        rows = read_profile(text, 1)
    except RunnerError:
        return
    assert all(row.mean_us >= 0 and row.calls >= 1 for row in rows)
