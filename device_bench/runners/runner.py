"""From what shall be timed to a command line, and from a tool's words to a session. No I/O in here."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from device_bench.errors import BadRequest, RunnerError
from device_bench.kinds import DELEGATES, Delegate
from device_bench.tflite.model_inputs import parse_shapes
from device_bench.transport import Completed


@dataclass(frozen=True, slots=True)
class BenchSpec:
    """How one session times a model.

    Attributes:
        threads: Threads of the runtime.
        delegate: Where the model runs: cpu, gpu, nnapi or npu.
        cores: "big", "little", "all", a hexadecimal mask such as "f0" (bit n is core n), or None to leave the
            choice to the system. Names are resolved by the device; a runner sees a mask or None.
        warmup_runs: Inferences before the timed ones.
        runs: Timed inferences.
        op_profile: Also time each operator (slows the inferences by a few per cent).
        shapes: Shapes of inputs that a model leaves open, such as "1,224,224,3" or "images=1,224,224,3".
        signature: The signature to time of a model that has several.
    """

    threads: int = 1
    delegate: Delegate = "cpu"
    cores: str | None = None
    warmup_runs: int = 8
    runs: int = 50
    op_profile: bool = False
    shapes: tuple[str, ...] = ()
    signature: str | None = None

    def __post_init__(self) -> None:
        parse_shapes(self.shapes)
        if self.threads < 1:
            raise BadRequest(f"threads is {self.threads}; at least 1 is needed")
        if self.runs < 1 or self.warmup_runs < 0:
            raise BadRequest(f"runs is {self.runs} and warmup_runs {self.warmup_runs}; use at least 1 and 0")
        if self.delegate not in DELEGATES:
            raise BadRequest(f"unknown delegate {self.delegate!r}; use one of {', '.join(DELEGATES)}")

    @property
    def core_mask(self) -> int | None:
        """The core mask as a number, bit n for core n.

        Raises:
            BadRequest: `cores` is no hexadecimal mask (a name that the device has not resolved), or is empty.
        """
        if self.cores is None:
            return None
        try:
            mask = int(self.cores, 16)
        except ValueError:
            raise BadRequest(f"{self.cores!r} is not a hexadecimal core mask such as f0") from None
        if mask <= 0:
            raise BadRequest(f"core mask {self.cores!r} names no core")
        return mask


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One row of an operator profile.

    Attributes:
        name: The runtime's own label.
        kind: Type of the node, as the runtime calls it.
        mean_us: Mean time of one call.
        calls: Calls in one inference.
    """

    name: str
    kind: str
    mean_us: float
    calls: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """What one process measured.

    Attributes:
        center_us: The session's typical inference time: the median, or the mean where a tool tells no more.
        statistic: Which of the two `center_us` is.
        runs: Timed inferences.
        runtime: What ran the model, with its version, such as "LiteRT 2.3.0".
        samples_us: Each inference's time in order; empty when the tool prints a summary only.
        init_ms: Time to load and prepare the model, where told.
        peak_mb: Memory footprint in MB, where told.
        operators: The operator profile, when asked for.
    """

    center_us: float
    statistic: Literal["median", "mean"]
    runs: int
    runtime: str
    samples_us: tuple[float, ...] = ()
    init_ms: float | None = None
    peak_mb: float | None = None
    operators: tuple[OperatorTime, ...] = ()

    def __post_init__(self) -> None:
        if not self.center_us > 0 or self.center_us == float("inf"):
            raise RunnerError(f"{self.center_us} us is not an inference time")
        if self.runs < 1:
            raise RunnerError("a session without a timed inference is not a measurement")

    @classmethod
    def of_samples(
        cls,
        samples_us: Sequence[float],
        *,
        runtime: str,
        init_ms: float | None = None,
        peak_mb: float | None = None,
        operators: tuple[OperatorTime, ...] = (),
    ) -> "Session":
        """Makes a session of raw times.

        Raises:
            RunnerError: There is none, or one is not a positive finite number of microseconds.
        """
        if not samples_us:
            raise RunnerError("the runner printed no sample")
        if bad := [one for one in samples_us if not 0 < one < float("inf")]:
            raise RunnerError(f"the runner printed {bad[0]} us, which is not an inference time")
        samples = tuple(float(one) for one in samples_us)
        center_us = statistics.median(samples)
        return cls(center_us, "median", len(samples), runtime, samples, init_ms, peak_mb, operators)


class Runner(Protocol):
    """Knows one benchmark tool: its flags, its output and the ways it fails."""

    @property
    def name(self) -> str:
        """Short name of the tool, such as "litert_bench"."""

    def argv(self, spec: BenchSpec, model: str) -> tuple[str, ...]:
        """The command that runs one session of the model file at path `model` on the device.

        Raises:
            BadRequest: The tool cannot do what the spec asks.
        """

    def parse(self, spec: BenchSpec, completed: Completed) -> Session:
        """Reads what the command printed.

        Raises:
            RunnerError: The command failed, or what it measured is not, or not surely, what the spec asked.
        """
