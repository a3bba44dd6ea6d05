"""Runs `benchmark_model`, TFLite's or LiteRT's, and believes it only when it did what it was asked.

Both print numbers and exit with 0 in cases that are failures: an unknown flag, a missing GPU, a delegate that took no
node. Here each of them is an error with the tool's own words.
"""

import re
from dataclasses import dataclass
from typing import Literal

from device_bench.errors import BadRequest, RunnerError
from device_bench.kinds import Delegate
from device_bench.runners.benchmark_lines import plain, read_lines
from device_bench.runners.benchmark_profile import read_profile
from device_bench.runners.runner import BenchSpec, OperatorTime, Session
from device_bench.transport import Completed

Tool = Literal["tflite", "litert"]

_DELEGATE_NAMES = {"gpu": "GPU", "nnapi": "NNAPI"}
_FLAGS: dict[Tool, dict[Delegate, tuple[str, ...]]] = {
    "tflite": {"gpu": ("--use_gpu=true",), "nnapi": ("--use_nnapi=true",)},
    "litert": {"gpu": ("--use_gpu=true", "--use_cpu=false"), "npu": ("--use_npu=true", "--use_cpu=false")},
}
_REFUSALS = re.compile(
    r"^.*(?:Unconsumed cmdline flags|acceleration is unsupported|delegate is not supported|Benchmarking failed|"
    r"Failed to (?:load model|apply|allocate|invoke|initialize)|model graph will not be executed|"
    r"not fully accelerated).*$",
    re.MULTILINE,
)
_APPLIED = re.compile(
    r"^(?:Explicitly a|A)pplied (?P<name>\w+) delegate(?:, and the model graph will be (?P<how>completely|partially) "
    r"executed (?:by|w/) the delegate(?: w/ (?P<kernels>\d+) delegate kernels)?)?\.",
    re.MULTILINE,
)
# Builds of 2019 and 2020 tell neither the number of all nodes nor, in the line above, how much was taken.
_REPLACED = re.compile(
    r"Replacing (?P<taken>\d+)(?: out of (?P<all>\d+))? node\(s\) with delegate \((?P<name>\w+)\) node"
    r"(?:, yielding (?P<parts>\d+) partitions)?"
)
_THREADS = re.compile(r"^#threads used for CPU inference: \[(-?\d+)\]|^Num threads: \[(-?\d+)\]", re.MULTILINE)
# LiteRT's tool tries every accelerator there is; that others than the one asked for are missing is no failure.
_MISSING = re.compile(r"^.*(GPU|NPU) accelerator could not be loaded.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class BenchmarkModel:
    """The runner for a `benchmark_model` on a device.

    Attributes:
        path: Where the program is on the device.
        tool: "tflite" for TFLite's, "litert" for LiteRT's.
        runtime: Its name and version, as results shall show it.
        name: Short name of the tool.
    """

    path: str
    tool: Tool = "tflite"
    runtime: str = "benchmark_model"
    name: str = "benchmark_model"

    def argv(self, spec: BenchSpec, model: str) -> tuple[str, ...]:
        """The command line of one session, with a pinned number of inferences."""
        if spec.delegate != "cpu" and spec.delegate not in _FLAGS[self.tool]:
            known = ", ".join(("cpu", *_FLAGS[self.tool]))
            raise BadRequest(f"benchmark_model of {self.tool} runs on {known}, not on {spec.delegate}")
        words = [f"--graph={model}", f"--num_threads={spec.threads}", f"--num_runs={spec.runs}", "--min_secs=0"]
        words += ["--max_secs=86400", f"--warmup_runs={spec.warmup_runs}", "--warmup_min_secs=0"]
        words += _FLAGS[self.tool].get(spec.delegate, ())
        if self.tool == "litert" and spec.delegate != "cpu":
            words.append("--require_full_delegation=true")
        if spec.op_profile:
            words.append("--use_profiler=true" if self.tool == "litert" else "--enable_op_profiling=true")
        mask = spec.core_mask
        pinned = () if mask is None else ("taskset", f"{mask:x}")
        return (*pinned, self.path, *words)

    def parse(self, spec: BenchSpec, completed: Completed) -> Session:
        """Reads what it printed, on either output."""
        text = plain(f"{completed.stdout}\n{completed.stderr}")
        refusal = _refusal(spec, text)
        if completed.exit_code != 0:
            words = refusal or _last_words(completed)
            raise RunnerError(f"benchmark_model failed with exit code {completed.exit_code}: {words}")
        if refusal:
            raise RunnerError(f"benchmark_model did not do what it was asked: {refusal}")
        _check_threads(spec, text)
        delegated = self._check_delegate(spec, text)
        lines = read_lines(text)
        if lines.runs != spec.runs:
            raise RunnerError(f"benchmark_model timed {lines.runs} inferences instead of {spec.runs}")
        operators: tuple[OperatorTime, ...] = read_profile(text, lines.runs) if spec.op_profile else ()
        return Session(
            center_us=lines.mean_us,
            statistic="mean",
            runs=lines.runs,
            runtime=self.runtime + delegated,
            init_ms=lines.init_ms,
            peak_mb=lines.peak_mb,
            operators=operators,
        )

    def _check_delegate(self, spec: BenchSpec, text: str) -> str:
        """Makes sure that the delegate took nodes; tells how many where it did not take them all."""
        applied = {found["name"].upper(): found for found in _APPLIED.finditer(text)}
        wanted = _DELEGATE_NAMES.get(spec.delegate, "")
        if others := sorted(set(applied) - {wanted, "XNNPACK"}):
            raise RunnerError(f"benchmark_model applied the {others[0]} delegate, which was not asked for")
        if spec.delegate == "cpu" or self.tool == "litert":
            return ""
        if wanted not in applied:
            raise RunnerError(f"benchmark_model does not say that the {spec.delegate} delegate took the model")
        return _share(spec, text, wanted, applied[wanted])


def _share(spec: BenchSpec, text: str, wanted: str, applied: re.Match[str]) -> str:
    """How many nodes a delegate took, where it did not take them all."""
    if applied["how"] == "completely":
        return ""
    replaced = [found for found in _REPLACED.finditer(text) if wanted in found["name"].upper()]
    if not replaced or not int(replaced[-1]["taken"]) or applied["kernels"] == "0":
        raise RunnerError(f"benchmark_model does not say how many nodes the {spec.delegate} delegate took")
    taken, total = replaced[-1]["taken"], replaced[-1]["all"]
    # One partition is the whole graph.
    if taken == total or (total is None and applied["how"] is None and replaced[-1]["parts"] == "1"):
        return ""
    return f" ({spec.delegate}: {taken} of {total} nodes)" if total else f" ({spec.delegate}: {taken} nodes)"


def _refusal(spec: BenchSpec, text: str) -> str:
    """The tool's own words for not doing what it was asked, or nothing."""
    if found := _REFUSALS.search(text):
        return found[0].strip()
    missing = {found[1].lower(): found[0].strip() for found in _MISSING.finditer(text)}
    return missing.get(spec.delegate, "")


def _check_threads(spec: BenchSpec, text: str) -> None:
    for found in _THREADS.finditer(text):
        if int(found[1] or found[2]) != spec.threads:
            raise RunnerError(f"benchmark_model ran with {found[0]!r} instead of {spec.threads} threads")


def _last_words(completed: Completed) -> str:
    lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return lines[-1].strip()[:200] if lines else "it said nothing"
