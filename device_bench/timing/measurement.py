"""The timing protocol, the same for this machine and for phones.

    gate, warm up, [canary, rounds of shuffled sessions, canary] until exact enough or out of time, verdict

Each session is a fresh process. A block of sessions between two canaries counts only when the device was fit and
equally fast before and after; else it is dropped, the device rests, and the block is done again. The rules and where
they come from: docs/benchmarking.md.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from device_bench.device import Device
from device_bench.errors import CommandTimeout, RunnerError
from device_bench.runners.runner import BenchSpec, Session
from device_bench.tflite.model_file import custom_operators, model_precision
from device_bench.tflite.model_inputs import choose
from device_bench.timing.canary import canary_model
from device_bench.timing.plausible import Work, check_plausible, least_work
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import BlockRecord, GateRecord, Header, Record, SessionRecord, StateRecord
from device_bench.timing.steady import steady
from device_bench.timing.timing import Timing
from device_bench.timing.verdict import block_problems, counted, interval_of, judge

_LATER_ROUNDS = 2
_ATTEMPTS = 2
_CANARY_RUNS, _CANARY_WARMUP = 20, 5


@dataclass(frozen=True, slots=True)
class Progress:
    """What a measurement does now, for a display.

    Attributes:
        device: Where.
        doing: "waiting", "canary" or a model's name.
        sessions: Sessions finished so far, all models together.
        detail: Why it waits, or "".
    """

    device: str
    doing: str
    sessions: int
    detail: str = ""


def measure(
    device: Device,
    models: Mapping[str, bytes],
    protocol: TimingProtocol,
    spec: BenchSpec,
    *,
    rng: np.random.Generator,
    record: Callable[[Record], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Timing]:
    """Times models on a device, interleaved.

    Args:
        device: Where; held by this thread alone.
        models: TFLite files by a name of the caller's choice.
        protocol: How often and how exact.
        spec: How one session times.
        rng: Source of the order of the sessions.
        record: Called with everything that is seen, as it happens (`records.appender` keeps it in a file).
        progress: Called when something begins.

    Returns:
        A latency with its verdict for each model.

    Raises:
        BadRequest: A file is no TFLite model, leaves a choice open that the spec does not make, or the device or its
            runner cannot do what the spec asks.
        TransportError: The device was lost or refused a file. What was recorded stays recorded.
    """
    if not models:
        return {}
    job = _Measurement(device, models, protocol, device.resolve(spec), rng, record, progress)
    try:
        with steady(device.transport, device.info):
            job.run()
    finally:
        device.release(job.paths)
    return judge(job.records)


class _Measurement:
    """The state of one call of `measure`."""

    def __init__(
        self,
        device: Device,
        models: Mapping[str, bytes],
        protocol: TimingProtocol,
        spec: BenchSpec,
        rng: np.random.Generator,
        record: Callable[[Record], None] | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.records: list[Record] = []
        self._device, self._protocol, self._spec, self._rng = device, protocol, spec, rng
        self._record, self._progress = record, progress
        self._canary_spec = replace(
            spec, runs=_CANARY_RUNS, warmup_runs=_CANARY_WARMUP, op_profile=False, shapes=(), signature=None
        )
        self._deadline = time.monotonic() + protocol.time_limit_s * len(models)
        self._failures = dict.fromkeys(models, 0)
        # Asked before anything is pushed: a spec that the runner cannot serve costs no time.
        device.runner.argv(spec, "model")
        chosen = {name: choose(model, spec.shapes, spec.signature, name) for name, model in models.items()}
        self._fresh_us = device.canary_us.get(self._canary_spec)
        header = Header(
            device=device.name,
            info=device.describe(),
            spec=spec,
            protocol=asdict(protocol),
            precisions={name: model_precision(one.model, name) for name, one in chosen.items()},
            sha256={name: hashlib.sha256(model).hexdigest() for name, model in models.items()},
            canary_us=self._fresh_us,
            shapes={name: one.shape for name, one in chosen.items()},
            signatures={name: one.signature for name, one in chosen.items()},
        )
        self._work = {name: least_work(one.model) for name, one in chosen.items()}
        self._custom = {name: custom_operators(one.model) for name, one in chosen.items()}
        self._paths = {name: device.push_model(one.model) for name, one in chosen.items()}
        self._canary_path = "" if protocol.canary_limit is None else device.push_model(canary_model())
        self.paths = tuple(filter(None, (*self._paths.values(), self._canary_path)))
        self._note = ""
        self._keep(header)

    def run(self) -> None:
        """Measures until each model is exact enough, given up, or out of time."""
        before_us: float | None = None
        block, rounds = 0, self._protocol.min_sessions
        while names := self._open():
            if not self._gate():
                return
            state = self._device.state()
            before_us = before_us or self._canary(None)
            for _ in range(rounds):
                self._round(names, block)
            after_us = self._canary(before_us)
            self._keep(BlockRecord(block, before_us, after_us, state, self._device.state(), self._note))
            before_us, block, rounds = after_us, block + 1, _LATER_ROUNDS
            if block - 1 in self._problems():
                before_us, rounds = None, self._protocol.min_sessions
                self._pause(self._protocol.cool_down_s, "the device became slower")

    def _open(self) -> list[str]:
        """Models that need more sessions and may have them."""
        if time.monotonic() >= self._deadline:
            return []
        return [name for name in self._paths if self._failures[name] < _ATTEMPTS and not self._done(name)]

    def _done(self, name: str) -> bool:
        tried = counted(name, self.records, {})
        good = counted(name, self.records, self._problems())
        limit = self._protocol.max_sessions
        if len(good) >= limit or len(tried) >= 2 * limit:
            return True
        exact = len(good) == 1 or (bool(good) and interval_of(good).relative <= self._protocol.precision)
        return len(good) >= self._protocol.min_sessions and exact

    def _full(self, name: str, block: int) -> bool:
        """Whether a model has all sessions it may have, those of the block at work included."""
        closed = {number: reason for number, reason in self._problems().items() if number != block}
        return len(counted(name, self.records, closed)) >= self._protocol.max_sessions

    def _problems(self) -> dict[int, str]:
        return block_problems(self.records, self._protocol, self._fresh_us)

    def _round(self, names: list[str], block: int) -> None:
        """One session of each model, in a new order."""
        for index in self._rng.permutation(len(names)):
            name = names[index]
            if self._failures[name] >= _ATTEMPTS or self._full(name, block) or time.monotonic() >= self._deadline:
                continue
            self._tell(name)
            try:
                session = self._session(self._spec, self._paths[name], self._work[name])
            except (RunnerError, CommandTimeout) as error:
                self._failures[name] += 1
                words = f"{error}{_lacking(self._custom[name], str(error))}"
                self._keep(SessionRecord(name, block, None, words))
            else:
                self._failures[name] = 0
                self._keep(SessionRecord(name, block, session))
            # A phone may be hot in the middle of a block and cool at both ends.
            self._keep(StateRecord(block, self._device.state()))

    def _session(self, spec: BenchSpec, path: str, work: Work) -> Session:
        argv = self._device.runner.argv(spec, path)
        completed = self._device.transport.shell(argv, timeout_s=self._protocol.session_timeout_s)
        session = self._device.runner.parse(spec, completed)
        check_plausible(session, work, spec)
        return session

    def _canary(self, reference_us: float | None) -> float | None:
        """The canary's time; None where none is asked for, or where this runner cannot run it."""
        if not self._canary_path:
            return None
        self._tell("canary")
        try:
            found_us = self._canary_us(reference_us or self._device.canary_us.get(self._canary_spec))
        except (RunnerError, CommandTimeout) as error:
            self._canary_path, self._note = "", f"no canary: {error}"
            return None
        self._device.canary_us.setdefault(self._canary_spec, found_us)
        return found_us

    def _canary_us(self, expected_us: float | None) -> float:
        """The better of two sessions where one alone would be a surprise, or nothing to compare with."""
        found_us = self._canary_session().center_us
        if expected_us is None or found_us > (self._protocol.canary_limit or 1) * expected_us:
            found_us = min(found_us, self._canary_session().center_us)
        return found_us

    def _canary_session(self) -> Session:
        return self._session(self._canary_spec, self._canary_path, least_work(canary_model()))

    def _gate(self) -> bool:
        """Waits until the device is fit; False when it is not in time."""
        start = time.monotonic()
        reason = first = self._protocol.unfit(self._device.state())
        while reason and time.monotonic() - start < self._protocol.gate_timeout_s:
            self._pause(self._protocol.gate_poll_s, reason)
            reason = self._protocol.unfit(self._device.state())
        waited_s = time.monotonic() - start
        self._deadline += waited_s
        if first:
            self._keep(GateRecord(waited_s, first, not reason))
        return not reason

    def _pause(self, seconds: float, reason: str) -> None:
        self._tell("waiting", reason)
        time.sleep(seconds)

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        if self._record:
            self._record(record)

    def _tell(self, doing: str, detail: str = "") -> None:
        if self._progress:
            done = sum(isinstance(one, SessionRecord) for one in self.records)
            self._progress(Progress(self._device.name, doing, done, detail))


def _lacking(custom: Sequence[str], words: str) -> str:
    """What may be the matter with a model of custom operators, where the runtime's own words do not name them."""
    named = ", ".join(map(repr, custom))
    unsaid = custom and not any(one in words for one in custom)
    return (
        f"; the model has operators that are not TFLite's own, which this runtime may lack: {named}" if unsaid else ""
    )
