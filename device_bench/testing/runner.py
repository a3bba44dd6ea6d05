"""What every benchmark tool promises, and what is read of its output."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest

from device_bench.errors import BadRequest, RunnerError
from device_bench.kinds import Delegate
from device_bench.runners.runner import BenchSpec, Runner, Session
from device_bench.timing.canary import canary_model
from device_bench.transport import Completed, Transport

_TIMEOUT_S = 120.0
_CUTS = 40


class RunnerOutputTestCase:
    """Holds what a runner reads to its contract, `device_bench.Runner.parse`; it needs no device.

    Override `runner` and `completed`, and `spec` where the output is of another session: a real output, kept in a
    file, serves as well as a tool at hand.
    """

    @pytest.fixture
    def runner(self) -> Runner:
        """The runner under test."""
        raise NotImplementedError

    @pytest.fixture
    def spec(self) -> BenchSpec:
        """What the session was asked."""
        return BenchSpec(warmup_runs=2, runs=5)

    @pytest.fixture
    def completed(self) -> Completed:
        """What a good session of that spec printed."""
        raise NotImplementedError

    def test_a_session_is_read(self, runner: Runner, spec: BenchSpec, completed: Completed) -> None:
        """The session has the inferences that were asked for, and says what ran them."""
        assert re.fullmatch(r"\S+", runner.name)
        session = runner.parse(spec, completed)
        assert session.runs == spec.runs
        assert session.center_us > 0
        assert session.runtime.strip()
        assert session.samples_us == () or len(session.samples_us) == spec.runs
        assert bool(session.operators) == spec.op_profile
        assert all(one.mean_us >= 0 and one.calls >= 1 and one.kind for one in session.operators)

    def test_a_good_output_alone_is_no_session(self, runner: Runner, spec: BenchSpec, completed: Completed) -> None:
        """A bad exit code, silence, and other runs or threads than were asked for raise, in one line."""
        silent = replace(completed, stdout="", stderr="")
        wrong = [(spec, silent), *((spec, replace(completed, exit_code=code)) for code in (1, 127, 134, 139))]
        wrong += [(replace(spec, runs=spec.runs + 1), completed), (replace(spec, threads=spec.threads + 1), completed)]
        for asked, given in wrong:
            with pytest.raises(RunnerError) as caught:
                runner.parse(asked, given)
            assert "\n" not in str(caught.value)

    def test_a_cut_output_gives_the_same_time_or_none(
        self, runner: Runner, spec: BenchSpec, completed: Completed
    ) -> None:
        """Wherever the connection ended, no other number comes out."""
        whole = runner.parse(spec, completed)
        text = completed.stdout
        for cut in range(0, len(text), max(1, len(text) // _CUTS)):
            try:
                session = runner.parse(spec, replace(completed, stdout=text[:cut]))
            except RunnerError:
                continue
            assert session.runs == whole.runs
            # A summary may be told twice, once with fewer digits.
            assert session.center_us == pytest.approx(whole.center_us, rel=0.01)


class RunnerTestCase(RunnerOutputTestCase):
    """Holds a runner to its contract, `device_bench.Runner`, on a device on which it is installed.

    Override `transport` and `runner`.
    """

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        """An open connection of this test's own, closed afterwards."""
        raise NotImplementedError

    @pytest.fixture
    def model(self) -> bytes:
        """A TFLite file that the runner can time."""
        return canary_model()

    @pytest.fixture
    def path(self, transport: Transport, model: bytes) -> Iterator[str]:
        """Where that file lies on the device."""
        path = f"{transport.workdir}/contract.tflite"
        transport.push(model, path)
        yield path
        transport.remove(path)

    @pytest.fixture
    def completed(self, runner: Runner, transport: Transport, path: str, spec: BenchSpec) -> Completed:
        """A session on the device."""
        return transport.shell(runner.argv(spec, path), timeout_s=_TIMEOUT_S)

    def test_the_command_is_made_of_words(self, runner: Runner) -> None:
        """The same words for the same spec; a delegate that the tool lacks is a `BadRequest`."""
        for delegate in get_args(Delegate):
            spec = BenchSpec(delegate=delegate)
            try:
                words = runner.argv(spec, "/a folder/model.tflite")
            except BadRequest:
                assert delegate != "cpu"
                continue
            assert words == runner.argv(spec, "/a folder/model.tflite")
            assert any("/a folder/model.tflite" in word for word in words)

    def test_threads_and_cores_are_those_asked_for(self, runner: Runner, transport: Transport, path: str) -> None:
        """A session on two threads of one core is one; a core that is not there is an error."""
        core = _allowed_core(transport)
        spec = BenchSpec(threads=2, cores=f"{1 << core:x}", warmup_runs=0, runs=3)
        assert _session(runner, transport, path, spec).runs == 3
        with pytest.raises((BadRequest, RunnerError)) as caught:
            _session(runner, transport, path, replace(spec, cores=f"{1 << 127:x}"))
        assert "\n" not in str(caught.value)

    def test_a_profile_is_given_or_refused(self, runner: Runner, transport: Transport, path: str) -> None:
        """A tool that cannot time operators says so before anything runs."""
        spec = BenchSpec(warmup_runs=0, runs=3, op_profile=True)
        try:
            runner.argv(spec, path)
        except BadRequest:
            return
        assert _session(runner, transport, path, spec).operators

    @pytest.mark.parametrize("content", [None, b"", b"hello", canary_model()[:300]])
    def test_what_is_not_a_model_is_an_error(self, runner: Runner, transport: Transport, content: bytes | None) -> None:
        """A file that is missing, empty, something else or cut raises, in one line."""
        path = f"{transport.workdir}/contract-bad.tflite"
        transport.remove(path)
        if content is not None:
            transport.push(content, path)
        with pytest.raises(RunnerError) as caught:
            _session(runner, transport, path, BenchSpec(warmup_runs=0, runs=1))
        transport.remove(path)
        assert "\n" not in str(caught.value)


def _session(runner: Runner, transport: Transport, path: str, spec: BenchSpec) -> Session:
    return runner.parse(spec, transport.shell(runner.argv(spec, path), timeout_s=_TIMEOUT_S))


def _allowed_core(transport: Transport) -> int:
    """The first core that a command may use there."""
    words = transport.shell(("grep", "Cpus_allowed:", "/proc/self/status"), timeout_s=20).stdout.split()
    mask = int(words[-1].replace(",", ""), 16)
    return (mask & -mask).bit_length() - 1
