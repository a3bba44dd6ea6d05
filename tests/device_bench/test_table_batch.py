"""Sessions in batches, on this machine."""

import pytest
from tiny_model import tiny_model

from device_bench.device import open_device
from device_bench.errors import CommandTimeout, RunnerError
from device_bench.latency_table.batch import (
    NETWORK_SPEC,
    Sample,
    network_session,
    operator_session,
    run_batch,
    wait_until_fit,
)
from device_bench.probe import DeviceState
from device_bench.runners.native_runner import install_native
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.protocol import TimingProtocol


@pytest.fixture(scope="module")
def host():
    with open_device("host", install=install_native) as device:
        yield device


def test_each_session_has_its_own_spec_and_a_failure_its_own_reason(host):
    small, large = (host.push_model(tiny_model(side=side)) for side in (8, 64))
    broken = host.push_model(b"no model at all")
    specs = [BenchSpec(runs=5), BenchSpec(runs=5), BenchSpec(runs=9)]
    first, second, third = run_batch(host, list(zip((small, broken, large), specs, strict=True)))
    assert isinstance(first, Session)
    assert isinstance(third, Session)
    assert (first.runs, third.runs) == (5, 9)
    assert isinstance(second, RunnerError)
    assert "litert_bench failed with exit code" in str(second)


def test_small_models_get_more_inferences_and_all_of_them_threads_and_cores():
    spec = BenchSpec(threads=4, cores="f0", warmup_runs=3, runs=12)
    assert network_session(spec, []) == spec
    runs = [network_session(spec, [Sample(p10, p10, 12)]).runs for p10 in (0.01, 1.0, 4.0, 50.0)]
    assert runs == [120, 80, 20, 12]
    first, later = operator_session(spec, []), operator_session(spec, [Sample(0.1, 0.1, 30)])
    assert (first.runs, later.runs) == (25, 60)
    assert (later.threads, later.cores, later.warmup_runs) == (4, "f0", 3)
    assert NETWORK_SPEC.runs >= 10


def test_a_shell_that_ends_early_is_made_good_one_by_one(host):
    path = host.push_model(tiny_model())
    real = host.transport

    class Cut:
        """Drops the second half of what a batch prints."""

        def __getattr__(self, name):
            return getattr(real, name)

        def shell(self, argv, *, timeout_s):
            done = real.shell(argv, timeout_s=timeout_s)
            if "@@exit" in argv[-1]:
                return type(done)(137, done.stdout[: len(done.stdout) // 2], "Killed")
            return done

    host.transport = Cut()
    try:
        results = run_batch(host, [(path, BenchSpec(runs=3))] * 4)
    finally:
        host.transport = real
    assert [type(one) for one in results] == [Session] * 4


def test_a_batch_that_hangs_is_ended(host, monkeypatch):
    monkeypatch.setattr("device_bench.latency_table.batch._SESSION_S", -29.9)
    path = host.push_model(tiny_model(operators=3, side=512))
    with pytest.raises(CommandTimeout):
        run_batch(host, [(path, BenchSpec(runs=100_000))])


def test_a_sample_is_a_low_and_a_middle():
    session = Session.of_samples([1000.0 + i for i in range(101)], runtime="test")
    sample = Sample.of(session)
    assert sample.p10_ms == pytest.approx(1.01)
    assert sample.median_ms == pytest.approx(1.05)
    assert sample.runs == 101
    told = Sample.of(Session(2000.0, "mean", 50, "test"))
    assert (told.p10_ms, told.median_ms, told.runs) == (2.0, 2.0, 50)


def test_a_hot_device_is_waited_for_and_given_up_in_one_line(host, monkeypatch):
    states = iter([3, 3, 0])
    monkeypatch.setattr(host, "state", lambda: DeviceState(thermal_status=next(states)))
    wait_until_fit(host, TimingProtocol(gate_poll_s=0.001))
    assert next(states, None) is None
    monkeypatch.setattr(host, "state", lambda: DeviceState(thermal_status=3))
    with pytest.raises(RunnerError, match="thermal status 3 is above 0; let it cool and run again to resume"):
        wait_until_fit(host, TimingProtocol(gate_timeout_s=0.01, gate_poll_s=0.001))
