import re

import pytest

from device_bench.runners.runner import BenchSpec, OperatorTime, Session
from device_bench.timing.records import Header, SessionRecord, appender
from reports import ReportError
from reports.html import write_page
from reports.profiles import operator_times
from reports.runs import read_run


def header(profile=True):
    return Header("phone", {}, BenchSpec(op_profile=profile), {}, {}, {})


def session(*operators, model="net"):
    return SessionRecord(model, 0, Session(900.0, "median", 50, "LiteRT 2.3.0", operators=operators))


def write(path, *records):
    record = appender(path)
    for one in records:
        record(one)
    return path


CONV = OperatorTime("stem", "CONV_2D", 500.0, 2)
OTHER = OperatorTime("head", "CONV_2D", 100.0)
ADD = OperatorTime("add", "ADD", 50.0)


def test_kinds_are_summed_over_calls_and_averaged_over_sessions(tmp_path):
    slower = OperatorTime("add", "ADD", 70.0)
    path = write(tmp_path / "profile.jsonl", header(), session(CONV, OTHER, ADD), session(CONV, OTHER, slower))
    assert operator_times(path) == [("CONV_2D", pytest.approx(1.1)), ("ADD", pytest.approx(0.06))]


def test_the_last_profiled_measurement_counts(tmp_path):
    path = write(tmp_path / "p.jsonl", header(), session(CONV), header(), session(ADD), header(False), session())
    assert operator_times(path) == [("ADD", pytest.approx(0.05))]


def test_a_record_without_a_profile_is_empty_and_a_damaged_one_refused(tmp_path):
    assert operator_times(write(tmp_path / "a.jsonl", header(False), session())) == []
    (tmp_path / "b.jsonl").write_text('{"record": "what"}\n{}\n')
    with pytest.raises(ReportError, match="not a record of a measurement"):
        operator_times(tmp_path / "b.jsonl")


@pytest.mark.xdist_group("browser")
def test_the_page_shows_the_profile_of_the_selected_network(browser, runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(3))
    best = max(read_run(path).trials, key=lambda trial: trial.user_attrs["reward"])
    write(path / "candidates" / best.user_attrs["arch_hash"] / "profile.jsonl", header(), session(CONV, ADD))
    write_page([read_run(path)], path / "report.html")
    page = browser.open(path / "report.html")
    assert page.complaints() == []
    rows = [row.text for row in page.all("#details .bar-row")]
    assert re.match(r"CONV_2D\s+1.00 ms · 95%", rows[0])
    assert re.match(r"ADD\s+0.0500 ms · 5%", rows[1])
