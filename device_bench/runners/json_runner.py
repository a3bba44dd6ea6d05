"""The command line and the JSON that our own runners share: the host's (Python) and the C runner.

A session is one process. The command:

    RUNNER --model PATH --threads N --warmup N --runs N --delegate NAME [--cores HEX] [--profile]

prints one JSON object on the last line of its standard output and exits with 0:

    {"format": 1, "runtime": "LiteRT 2.3.0", "threads": 1, "delegate": "cpu", "cores": "f0" or null,
     "warmup_us": [..], "samples_us": [..], "init_ms": 5.1, "peak_mb": 12.9,
     "nodes": 66, "delegated": 66, "sum_us": 2345.678,
     "operators": [{"name": "..", "kind": "..", "mean_us": 1.5, "calls": 1}, ..]}

`init_ms` is the time to load and prepare the model, `peak_mb` the growth of the process' memory from before the
model to its peak; `peak_mb`, `nodes` and `delegated` may be null or missing where unknown. Any failure is an exit
code other than 0 with the reason on the last line of standard error.
"""

import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_bench.errors import BadRequest, RunnerError
from device_bench.kinds import Delegate
from device_bench.runners.runner import BenchSpec, OperatorTime, Session
from device_bench.transport import Completed

FORMAT = 1
# The runtime's own first complaint; those that follow are consequences.
_CAUSE = re.compile(r"^ERROR: (?:\[[^\]\n]*\] )?(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class JsonRunner:
    """A runner that speaks the dialect above.

    Attributes:
        name: Name of the tool.
        command: The words that start it on the device.
        delegates: What it can run a model on.
        profiles: Whether it can time each operator.
        summed: Whether it also prints `sum_us`, the sum of its samples; it is then held against them.
    """

    name: str
    command: tuple[str, ...]
    delegates: tuple[Delegate, ...] = ("cpu",)
    profiles: bool = False
    summed: bool = False

    def argv(self, spec: BenchSpec, model: str) -> tuple[str, ...]:
        """The command line of one session."""
        if spec.delegate not in self.delegates:
            raise BadRequest(
                f"{self.name} runs on {', '.join(self.delegates)}, not on {spec.delegate}; use benchmark_model for it"
            )
        if spec.op_profile and not self.profiles:
            raise BadRequest(f"{self.name} has no operator profile; use litert_bench or benchmark_model for it")
        words = [*self.command, "--model", model, "--threads", str(spec.threads)]
        words += ["--warmup", str(spec.warmup_runs), "--runs", str(spec.runs), "--delegate", spec.delegate]
        if spec.core_mask is not None:
            words += ["--cores", f"{spec.core_mask:x}"]
        if spec.op_profile:
            words.append("--profile")
        return tuple(words)

    def parse(self, spec: BenchSpec, completed: Completed) -> Session:
        """Reads the JSON line and holds it against what was asked."""
        if completed.exit_code != 0:
            words = _last_line(completed.stderr) or _last_line(completed.stdout) or "it said nothing"
            if (cause := _CAUSE.search(completed.stderr)) and cause[1].strip() not in words:
                words = f"{words}: {cause[1].strip()[:200]}"
            raise RunnerError(f"{self.name} failed with exit code {completed.exit_code}: {words}")
        values = self._values(completed.stdout)
        try:
            self._check(spec, values)
            return Session.of_samples(
                [float(one) for one in values["samples_us"]],
                runtime=str(values["runtime"]),
                init_ms=_number(values.get("init_ms")),
                peak_mb=_number(values.get("peak_mb")),
                operators=tuple(_operator(row) for row in values.get("operators") or ()),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunnerError(f"{self.name} printed a line that misses or garbles {error}") from error

    def _values(self, stdout: str) -> Mapping[str, Any]:
        line = _last_line(stdout)
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise RunnerError(f"{self.name} printed {line[:80]!r} where its JSON line should be") from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise RunnerError(f"{self.name} printed JSON of another format than {FORMAT}; build both of one version")
        return values

    def _check(self, spec: BenchSpec, values: Mapping[str, Any]) -> None:
        """Nothing that ran otherwise than asked passes for a measurement."""
        mask = None if spec.core_mask is None else f"{spec.core_mask:x}"
        asked = {"threads": spec.threads, "delegate": spec.delegate, "cores": mask}
        for key, wanted in asked.items():
            if values[key] != wanted:
                raise RunnerError(f"{self.name} ran with {key} {values[key]!r} instead of {wanted!r}")
        if len(values["samples_us"]) != spec.runs:
            raise RunnerError(f"{self.name} timed {len(values['samples_us'])} inferences instead of {spec.runs}")
        if self.summed and not math.isclose(
            math.fsum(values["samples_us"]), values["sum_us"], rel_tol=1e-9, abs_tol=1e-3 * spec.runs
        ):
            raise RunnerError(f"{self.name} printed samples that do not add up to their sum; the output is damaged")
        if spec.delegate != "cpu" and not values.get("delegated"):
            raise RunnerError(f"{self.name}: the {spec.delegate} delegate took no node of the model")
        if spec.op_profile and not values.get("operators"):
            raise RunnerError(f"{self.name} gave no operator profile")


def host_runner() -> JsonRunner:
    """The runner of this machine: LiteRT's Python interpreter in a process of its own."""
    script = Path(__file__).with_name("host_runner.py")
    return JsonRunner("host_runner", (sys.executable, "-I", str(script)))


def _operator(row: Mapping[str, Any]) -> OperatorTime:
    return OperatorTime(str(row["name"]), str(row["kind"]), float(row["mean_us"]), int(row.get("calls", 1)))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
