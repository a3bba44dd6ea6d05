import pytest

from device_bench.errors import BenchError
from device_bench.probe import DeviceState
from device_bench.runners.runner import BenchSpec, OperatorTime, Session
from device_bench.timing.records import (
    BlockRecord,
    GateRecord,
    Header,
    SessionRecord,
    appender,
    from_line,
    measurements,
    to_line,
)

_HEADER = Header("host", {"model": "x"}, BenchSpec(cores="f0"), {"precision": 0.03}, {"a": "int8"}, {"a": "00"}, 1.5)
_SESSION = Session.of_samples([1.0, 2.0], runtime="LiteRT", operators=(OperatorTime("conv", "CONV_2D", 1.0),))
_STATE = DeviceState(thermal_status=0, core_mhz=(1000, 2000), governors=("schedutil",))
_RECORDS = [
    _HEADER,
    GateRecord(3.0, "hot", True),
    SessionRecord("a", 0, _SESSION),
    SessionRecord("a", 0, None, "it crashed"),
    BlockRecord(0, 1.0, None, _STATE, DeviceState()),
]


@pytest.mark.parametrize("record", _RECORDS, ids=lambda one: type(one).__name__)
def test_a_line_is_the_record(record):
    assert "\n" not in to_line(record)
    assert from_line(to_line(record)) == record


def test_a_file_holds_measurements(tmp_path):
    append = appender(tmp_path / "raw.jsonl")
    for record in [*_RECORDS, *_RECORDS]:
        append(record)
    assert measurements((tmp_path / "raw.jsonl").read_text().splitlines()) == [_RECORDS, _RECORDS]


def test_a_line_cut_short_by_a_kill_is_left_out():
    lines = [to_line(record) for record in _RECORDS]
    assert measurements([*lines[:-1], lines[-1][:40]]) == [_RECORDS[:-1]]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(BenchError, match="cannot be written: Is a directory"):
        appender(tmp_path)(_HEADER)


def test_a_file_goes_on_after_a_kill(tmp_path):
    path = tmp_path / "raw.jsonl"
    for record in _RECORDS:
        appender(path)(record)
    path.write_bytes(path.read_bytes()[:-30])
    append = appender(path)
    for record in _RECORDS:
        append(record)
    assert measurements(path.read_text().splitlines()) == [_RECORDS[:-1], _RECORDS]


@pytest.mark.parametrize("line", ["hello", "[]", '{"record": "party"}', '{"record": "gate"}', '{"a": 1}', "null"])
def test_another_line_is_an_error(line):
    with pytest.raises(BenchError, match="not a record"):
        from_line(line)
    with pytest.raises(BenchError, match="not a record"):
        measurements([to_line(_HEADER), line, to_line(_RECORDS[1])])


def test_an_empty_file_holds_none():
    assert measurements([]) == []
