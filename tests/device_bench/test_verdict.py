import re
from dataclasses import asdict, replace

import pytest

from device_bench.errors import BenchError
from device_bench.probe import DeviceState
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.protocol import TimingProtocol
from device_bench.timing.records import BlockRecord, GateRecord, Header, SessionRecord
from device_bench.timing.verdict import judge

_PROTOCOL = TimingProtocol(min_sessions=3, precision=0.05)
_COOL = DeviceState(thermal_status=0, battery_c=30.0, core_cap_mhz=(2000, 2000))


def _header(**changes):
    header = Header("adb:X", {"model": "Pixel"}, BenchSpec(threads=4), asdict(_PROTOCOL), {"a": "int8"}, {"a": "00"})
    return replace(header, **changes)


def _sessions(times_ms, *, block=0, model="a", runtime="LiteRT 2.3.0"):
    return [
        SessionRecord(
            model, block, Session.of_samples([1e3 * time_ms] * 3, runtime=runtime, init_ms=5.0, peak_mb=time_ms)
        )
        for time_ms in times_ms
    ]


def _block(number=0, before=1000.0, after=1000.0, **after_state):
    return BlockRecord(number, before, after, _COOL, replace(_COOL, **after_state))


def _judge(*records, **header):
    return judge([_header(**header), *records])["a"]


def test_equal_sessions_on_a_fit_device_are_valid():
    timing = _judge(*_sessions([4.0, 4.01, 3.99]), _block())
    assert (timing.verdict, timing.reason) == ("valid", "")
    assert timing.median_ms == 4.0
    assert timing.low_ms < 4.0 < timing.high_ms
    assert (timing.sessions, timing.runs) == (3, 9)
    assert (timing.device, timing.threads, timing.precision, timing.runtime) == ("adb:X", 4, "int8", "LiteRT 2.3.0")
    assert (timing.init_ms, timing.peak_mb) == (5.0, 4.01)
    assert timing.conditions["model"] == "Pixel"
    assert timing.conditions["statistic"] == "median"


def test_scattered_sessions_are_noisy():
    timing = _judge(*_sessions([4.0, 5.0, 3.0]), _block())
    assert timing.verdict == "noisy"
    assert "instead of +-5.0%" in timing.reason


@pytest.mark.parametrize("short_by", [1e-2, 1e-4, 1e-9])
def test_an_interval_that_is_a_little_too_wide_never_reads_as_wide_as_asked(short_by):
    records = [*_sessions([4.0, 4.4, 3.8]), _block()]
    found = _judge(*records)
    reached = (found.high_ms - found.low_ms) / 2 / found.median_ms
    timing = _judge(*records, protocol=asdict(replace(_PROTOCOL, precision=reached * (1 - short_by))))
    ours, asked = re.findall(r"\+-([\d.]+)%", timing.reason)
    assert float(asked) < float(ours)
    assert timing.median_ms == 4.0


def test_too_few_sessions_are_noisy_whatever_their_spread():
    timing = _judge(*_sessions([4.0, 4.0]), _block())
    assert (timing.verdict, timing.reason) == ("noisy", "only 2 of 3 sessions count")


def test_one_session_has_no_interval():
    timing = _judge(*_sessions([4.0]), _block(), protocol=asdict(replace(_PROTOCOL, min_sessions=1)))
    assert (timing.median_ms, timing.low_ms, timing.high_ms, timing.verdict) == (4.0, None, None, "valid")


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (_block(after=1200.0), "canary became 1.20 times slower"),
        (_block(thermal_status=1), "thermal status 1"),
        (_block(battery_c=43.0), "the battery has 43 C"),
        (_block(core_cap_mhz=(2000, 1500)), "lowered core 1 from 2000 to 1500 MHz"),
    ],
)
def test_a_device_that_became_slower_is_throttled(block, words):
    timing = _judge(*_sessions([4.0, 4.0, 4.0]), block)
    assert timing.verdict == "throttled"
    assert words in timing.reason
    assert timing.conditions["dropped_sessions"] == 3


def test_a_device_slower_than_when_fresh_is_throttled():
    good = (*_sessions([4.0, 4.0, 4.0]), _block(before=1200.0, after=1200.0))
    assert _judge(*good).verdict == "valid"
    timing = _judge(*good, canary_us=1000.0)
    assert (timing.verdict, "1.20 times slower than when" in timing.reason) == ("throttled", True)


def test_the_first_block_is_what_later_blocks_are_held_against():
    creeping = [_block(number, 1000.0 * 1.07**number, 1000.0 * 1.07 ** (number + 1)) for number in range(3)]
    records = [one for block in creeping for one in (*_sessions([4.0 + block.block], block=block.block), block)]
    assert _judge(*records).conditions["dropped_sessions"] == 1


def test_only_good_blocks_count():
    timing = _judge(*_sessions([9.0] * 3), _block(after=2000.0), *_sessions([4.0] * 3, block=1), _block(1))
    assert (timing.verdict, timing.median_ms, timing.sessions) == ("valid", 4.0, 3)
    assert timing.conditions["dropped_sessions"] == 3


def test_a_block_that_was_never_closed_does_not_count():
    timing = _judge(*_sessions([4.0] * 3), _block(), *_sessions([9.0] * 2, block=1))
    assert (timing.median_ms, timing.conditions["dropped_sessions"]) == (4.0, 2)
    timing = _judge(*_sessions([4.0] * 3))
    assert (timing.verdict, timing.reason, timing.median_ms) == ("failed", "it was cut short", None)


def test_without_a_canary_the_state_alone_judges():
    assert _judge(*_sessions([4.0] * 3), _block(before=None, after=None)).verdict == "valid"


def test_a_model_that_ends_in_failures_has_failed_and_has_no_number():
    failure = SessionRecord("a", 0, None, "exit code 134")
    timing = _judge(*_sessions([4.0] * 3), failure, _block())
    assert (timing.verdict, timing.reason, timing.median_ms, timing.sessions) == ("failed", "exit code 134", None, 0)


def test_a_failure_that_was_overcome_is_counted():
    timing = _judge(SessionRecord("a", 0, None, "exit code 134"), *_sessions([4.0] * 3), _block())
    assert (timing.verdict, timing.conditions["failed_sessions"]) == ("valid", 1)


def test_sessions_of_two_runtimes_are_no_latency():
    timing = _judge(*_sessions([4.0] * 2), *_sessions([4.0], runtime="LiteRT 2.4.0"), _block())
    assert (timing.verdict, timing.median_ms) == ("failed", None)


def test_a_device_that_never_cooled_has_failed():
    timing = _judge(GateRecord(300.0, "the battery has 45 C, more than 42 C", False))
    assert timing.verdict == "failed"
    assert "not fit after 300 s: the battery has 45 C" in timing.reason


def test_models_are_judged_apart():
    header = _header(precisions={"a": "int8", "b": "float32"}, sha256={"a": "0", "b": "1"})
    found = judge([header, *_sessions([4.0] * 3), *_sessions([8.0, 8.0, 2.0], model="b"), _block()])
    assert (found["a"].verdict, found["b"].verdict, found["b"].precision) == ("valid", "noisy", "float32")


@pytest.mark.parametrize("records", [[], _sessions([4.0])])
def test_without_a_header_there_is_no_verdict(records):
    with pytest.raises(BenchError, match="header"):
        judge(records)
