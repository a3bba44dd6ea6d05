"""Whose times a table holds, and what is done where that device is at hand or another one is called the same."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_model import tiny_model
from tiny_table import tiny_table

from device_bench import LatencyTable
from device_bench.device import open_device
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.signature import signatures
from device_bench.runners.native_runner import install_native
from mnas.config import LatencySection, differences
from mnas.errors import SearchError
from mnas.latency.source import open_latency
from mnas.latency_tables.at_hand import confirm
from mnas.main import mnas


def timed(folder):
    """Ten additions, timed on this machine."""
    with open_device("host", install=install_native) as device:
        return tiny_table(device, folder)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return timed(tmp_path_factory.mktemp("parts"))


def said(table, **settings):
    lines = []
    confirm(table, Path("own.json"), lines.append, **({"check": True, "override": "--unchecked"} | settings))
    (line,) = lines
    assert "\n" not in line
    return line


def confirmed(table, folder, facts):
    """A machine that has changed its pace since the table was built is tried again, with a new table."""
    for attempt in range(4):
        own = with_facts(timed(folder) if attempt else table, **facts)
        try:
            return said(own), own
        except SearchError as error:
            refused = error
    raise refused


def with_facts(table, **facts):
    return replace(table, facts={**table.facts, **facts})


def slowed(table, factor):
    entries = {key: replace(one, ms=one.ms * factor) for key, one in table.entries.items()}
    return replace(with_facts(table, canary_ms=table.facts["canary_ms"] * factor), entries=entries)


def test_the_table_of_this_machine_is_confirmed(table, tmp_path):
    line, _ = confirmed(table, tmp_path, {})
    assert line.startswith(f"times of {table.facts['device']} (")
    assert "checked on host: 8 operators take" in line


def test_a_table_of_other_times_is_refused_with_both_numbers(table):
    other = slowed(table, 6)
    with pytest.raises(
        SearchError, match=r"own\.json: times of .*, which host does not take: 8 operators take"
    ) as caught:
        said(other)
    assert f"ms here and {other.facts['canary_ms']:.3g} ms by the table" in str(caught.value)
    assert "go ahead with --unchecked" in str(caught.value)
    assert said(other, check=False).endswith("not checked, as asked")


def test_another_machine_of_the_same_name_is_refused_by_its_identity(table):
    older = "GenuineIntel family 6 model 1 stepping 9"  # a Pentium Pro
    other = with_facts(table, identity={**asdict(table.identity), "processor": older})
    if not table.identity.processor:
        pytest.skip("this machine's /proc/cpuinfo does not tell its family")
    with pytest.raises(
        SearchError, match=r"own\.json: .*, another device than the one at hand of that name; by the table and here:"
    ) as caught:
        said(other)
    assert f"processor {older} against {table.identity.processor}" in str(caught.value)


def test_a_machine_of_another_name_is_planned_for(table):
    assert said(with_facts(table, device="Another CPU")).endswith("which is not at hand to confirm them")


@pytest.mark.parametrize("name", ["adb:127.0.0.1:1", "adb:N0SUCHPH0NE", "adb-server:N0SUCHPH0NE"])
def test_a_phone_that_is_away_is_planned_for(table, name):
    assert said(with_facts(table, name=name, device="Pixel 7")).endswith("which is not at hand to confirm them")


def test_a_published_table_says_whose_it_is(table):
    published = LatencyTable(table.entries, {"device": "Pixel 1"}, "proxyless-blocks")
    assert said(published).startswith("times of Pixel 1 (identity unknown): published")


def test_a_search_on_a_published_table_is_refused(tmp_path):
    LatencyTable({"Conv-input:8x8x3": Entry(1.0, 1.0, 0.0, 1)}, {"device": "Pixel 1"}, "proxyless-blocks").save(
        tmp_path / "pixel.json"
    )
    with pytest.raises(SearchError, match=r"pixel\.json is a published table \(proxyless-blocks\)"):
        open_latency(LatencySection(device=f"table:{tmp_path / 'pixel.json'}", target_ms=1.0), print, print)


def test_a_mask_may_be_spelled_in_any_way(table, tmp_path):
    with_facts(table, cores="f0").save(tmp_path / "big.json")
    section = {"device": f"table:{tmp_path / 'big.json'}", "target_ms": 1, "precision": "float32", "check_table": False}
    open_latency(LatencySection(**section, cores="0xF0"), print, print).close()
    with pytest.raises(SearchError, match="measured on cores f0, not big"):
        open_latency(LatencySection(**section, cores="big"), print, print)


def test_what_cannot_be_timed_here_is_said_and_no_reason_to_stop(table):
    assert "not checked: they were measured by benchmark_model, here is" in said(
        with_facts(table, runner="benchmark_model")
    )
    assert "not checked: core mask" in said(with_facts(table, cores=f"{1 << 500:x}"))
    assert "not checked: the table holds no operators" in said(replace(table, probes={}))


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
def test_a_phone_that_is_attached_is_held_against_its_table(phone, table, tmp_path):
    name = f"adb:{phone.host}:{phone.port}"
    with open_device(name) as device:
        facts = {"name": name, "device": device.info.model, "identity": asdict(device.info.identity)}
    # The phone of the tests runs on this machine's processor.
    line, own = confirmed(table, tmp_path, facts)
    assert f"checked on {name}: 8 operators take" in line
    with pytest.raises(SearchError, match=f"which {name} does not take"):
        said(slowed(own, 6))
    with pytest.raises(SearchError, match="by the table and here: Pixel 7 against"):
        said(with_facts(own, device="Pixel 7"))


def test_a_search_and_a_prediction_ask_the_device_first(table, tmp_path):
    path = tmp_path / "other.json"
    slowed(table, 6).save(path)
    section = {"device": f"table:{path}", "target_ms": 1.0, "precision": "float32"}
    with pytest.raises(SearchError, match=r"go ahead with latency\.check_table = false"):
        open_latency(LatencySection(**section), print, print)
    lines = []
    source = open_latency(LatencySection(**section, check_table=False), print, lines.append)
    model = tiny_model(operators=3, side=64)
    timing = source.measure({"net": model}, np.random.default_rng(0), tmp_path)["net"]
    assert timing.median_ms == pytest.approx(
        3 * table.predict(signatures(tiny_model(operators=1, side=64))).median_ms * 6
    )
    assert lines[-1].endswith("not checked, as asked")
    (tmp_path / "net.tflite").write_bytes(model)
    words = ["table", "predict", str(path), str(tmp_path / "net.tflite")]
    refused = CliRunner().invoke(mnas, words)
    assert isinstance(refused.exception, SearchError)
    assert "go ahead with --unchecked" in str(refused.exception)
    done = CliRunner().invoke(mnas, [*words, "--unchecked"])
    assert f"{timing.median_ms:.3f} ms" in done.stdout
    assert "times of" in done.stderr


def test_shared_latencies_are_those_of_one_table_not_of_one_path(table, tmp_path):
    section = LatencySection(
        device=f"table:{tmp_path / 'host.json'}", target_ms=1.0, precision="float32", check_table=False
    )
    names = []
    for one in (table, slowed(table, 2), table):
        one.save(tmp_path / "host.json")
        names.append(open_latency(section, print, print).name)
    assert names[0] == names[2] != names[1]


def test_a_search_may_be_resumed_with_the_check_or_without():
    assert differences({"latency": {"check_table": False}}, {"latency": {"check_table": True}}) == []
    assert differences({"latency": {"check_table": True}}, {"latency": {}}) == []


def test_the_file_tells_the_identity(table, tmp_path):
    table.save(tmp_path / "host.json")
    stored = json.loads((tmp_path / "host.json").read_text())["facts"]["identity"]
    assert stored["features"] == list(table.identity.features)
