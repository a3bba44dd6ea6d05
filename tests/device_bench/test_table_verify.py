"""A table held against the device at hand: its own, and others of the same name."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_table import tiny_table

from device_bench.device import open_device
from device_bench.identity import Identity
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.parts import part_name
from device_bench.latency_table.signature import signatures
from device_bench.latency_table.table import LatencyTable
from device_bench.latency_table.verify import Agreement, choose_probes, verify
from device_bench.runners.native_runner import install_native
from device_bench.runners.runner import Session
from device_bench.timing.protocol import TimingProtocol

PROTOCOL = TimingProtocol()
LARGE = {"a": (1.0, 1.0), "b": (1.0, 1.0), "c": (1.0, 1.0), "d": (1.0, 1.0), "e": (1.0, 1.0), "f": (10.0, 10.0)}


@pytest.fixture(scope="module")
def host():
    with open_device("host", install=install_native) as device:
        yield device


@pytest.fixture(scope="module")
def table(host, tmp_path_factory):
    """Ten additions, timed here."""
    return tiny_table(host, tmp_path_factory.mktemp("parts"))


def scaled(table, operators, canary=None):
    entries = {key: replace(one, ms=one.ms * operators) for key, one in table.entries.items()}
    facts = {**table.facts, "canary_ms": table.facts["canary_ms"] * (canary or operators)}
    return replace(table, entries=entries, facts=facts)


def test_a_table_keeps_what_its_device_is_and_how_it_can_be_told(host, table, tmp_path):
    assert table.identity == host.info.identity
    assert table.facts["canary_ms"] > 0
    assert len(table.probes) == 8
    assert all(signatures(content) == (key,) for key, content in table.probes.items())
    table.save(tmp_path / "host.json")
    again = LatencyTable.load(tmp_path / "host.json")
    assert again.identity == table.identity
    assert again.probes == table.probes


def built(host, table, folder):
    """The table, and new ones in case the machine has changed its pace since then, which no table can foresee."""
    yield table
    for _ in range(2):
        yield tiny_table(host, folder)


def test_it_agrees_with_its_own_device(host, table, tmp_path):
    words = []
    for own in built(host, table, tmp_path):
        found = verify(host, own, PROTOCOL, np.random.default_rng(0))
        assert found.runtime == table.facts["runtime"]
        words.append(found.words())
        if found.agrees:
            break
    assert found.agrees, words


@pytest.mark.parametrize(
    ("operators", "canary", "slower"),
    [(5, 5, False), (0.2, 0.2, True), (1, 5, False), (1, 0.2, True), (5, 1, False)],
    ids=["faster here", "slower here", "canary faster", "canary slower", "operators faster"],
)
def test_a_table_of_other_times_is_told_with_both_numbers(
    host, table, tmp_path, monkeypatch, operators, canary, slower
):
    if slower:  # more attempts are for what may only be busy
        monkeypatch.setattr("device_bench.latency_table.verify._ATTEMPTS", 1)
    for own in built(host, table, tmp_path):
        other = scaled(own, operators, canary)
        found = verify(host, other, PROTOCOL, np.random.default_rng(0))
        assert not found.agrees
        there = sum(other.entries[key].ms for key in other.probes)
        assert f"ms here and {there:.3g} ms by the table" in found.words()
        assert f"ms here and {other.facts['canary_ms']:.3g} ms by the table" in found.words()
        if found.slower == slower:
            break
    assert found.slower == slower


def test_what_seems_too_slow_is_timed_again_and_what_is_too_fast_is_not(host, table, monkeypatch):
    calls = []

    def times(device, jobs):
        calls.append(len(jobs))
        us = 1e3 * (3.0 if len(calls) <= busy else 1.0)
        return [Session.of_samples([us] * 12, runtime="LiteRT") for _ in jobs]

    flat = {key: replace(one, ms=1.0) for key, one in table.entries.items()}
    other = replace(table, entries=flat, facts={**table.facts, "canary_ms": None})
    monkeypatch.setattr("device_bench.latency_table.verify.run_batch", times)
    busy = 2
    assert verify(host, other, PROTOCOL, np.random.default_rng(0)).agrees
    assert calls == [24, 24, 24]
    calls, busy = [], 99
    assert verify(host, other, PROTOCOL, np.random.default_rng(0)).slower
    assert calls == [24] * 4
    calls, busy = [], 0
    slow = replace(other, entries={key: replace(one, ms=3.0) for key, one in flat.items()})
    assert not verify(host, slow, PROTOCOL, np.random.default_rng(0)).agrees
    assert calls == [24]


def test_what_is_within_the_error_agrees():
    times = {"a": (1.05, 1.0), "b": (2.0, 2.0), "c": (0.9, 1.0)}
    assert Agreement(times, (1.08, 1.0), 1.1, "LiteRT").agrees
    assert not Agreement(times, (1.12, 1.0), 1.1, "LiteRT").agrees
    assert not Agreement(times, (0.9, 1.0), 1.1, "LiteRT").agrees
    # One disturbed small operator does not condemn a table; a wrong half does, and so does a wrong convolution.
    assert Agreement({**times, "d": (0.02, 0.01)}, None, 1.1, "LiteRT").agrees
    half = {name: (2 * here, there) if name in "abc" else (here, there) for name, (here, there) in LARGE.items()}
    assert not Agreement(half, None, 1.1, "LiteRT").agrees
    assert Agreement(LARGE, None, 1.1, "LiteRT").agrees
    assert not Agreement({**LARGE, "f": (2.0, 10.0)}, None, 1.1, "LiteRT").agrees


def test_probes_are_slow_small_and_of_every_kind(tmp_path):
    lines = [f"ADD 1x{size}x8x8,1x{size}x8x8>1x{size}x8x8 int8" for size in range(1, 12)]
    lines += [f"MUL 1x{size}x8x8,1x{size}x8x8>1x{size}x8x8 int8" for size in (1, 2)]
    entries = {line: Entry(float(index + 1), 1.0, 0.0, 1) for index, line in enumerate(lines)}
    files = {line: tmp_path / part_name(line) for line in lines}
    for line, file in files.items():
        file.write_bytes(line.encode())
    files[lines[10]].write_bytes(bytes(1 << 20))
    assert list(choose_probes(entries, files)) == [lines[12], lines[9], lines[11], *lines[8:3:-1]]


def test_a_table_without_an_identity_loads_and_differs_from_nothing():
    old = LatencyTable({"ADD 1x1>1x1 int8": Entry(1.0, 1.0, 0.0, 1)}, {"device": "AMD EPYC"})
    assert old.identity == Identity()
    assert old.identity.differences(Identity(processor="AuthenticAMD family 26 model 2 stepping 1")) == []
