"""Tables built for real: on this machine and on a real adbd phone, from files of additions."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_model import tiny_model

from device_bench.device import open_device
from device_bench.errors import BadRequest, BenchError, DeviceLost, TransportError
from device_bench.latency_table.batch import Sample
from device_bench.latency_table.build import BuildPlan, build
from device_bench.latency_table.carve import carve
from device_bench.latency_table.check import compare, measure_networks, report
from device_bench.latency_table.parts import Network, part_name
from device_bench.latency_table.samples import lowest_ms, repeat_error
from device_bench.latency_table.signature import signatures
from device_bench.latency_table.table import LatencyTable
from device_bench.runners.native_runner import install_native
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.protocol import TimingProtocol

SIDES = (32, 64, 96, 128, 160)
PROTOCOL = TimingProtocol(canary_limit=None)
SPEC = BenchSpec(warmup_runs=2, runs=15)


@pytest.fixture
def host():
    with open_device("host", install=install_native) as device:
        yield device


@pytest.fixture
def parts(tmp_path):
    """Signature -> file of one addition."""
    files = {}
    for side in SIDES:
        model = tiny_model(operators=2, side=side)
        for signature, content in carve(model, set(signatures(model))).items():
            (tmp_path / part_name(signature)).write_bytes(content)
            files[signature] = part_name(signature)
    return files


def network(folder, operators, side):
    content = tiny_model(operators=operators, side=side)
    name = f"net{operators}-{side}"
    (folder / f"{name}.tflite").write_bytes(content)
    return Network(name, f"{name}.tflite", signatures(content), operators * side * side)


@pytest.fixture
def plan(tmp_path, parts):
    networks = [network(tmp_path, operators, side) for operators in (3, 6) for side in (64, 96, 128)]
    return BuildPlan(parts, networks, tmp_path, SPEC, max_rounds=3, facts={"precision": "float32"})


def test_a_table_is_built_and_prices_networks(host, plan, tmp_path):
    told = []
    table = build(host, plan, PROTOCOL, told.append)
    assert set(table.entries) == set(plan.parts)
    assert all(entry.ms > 0 and entry.count >= 30 for entry in table.entries.values())
    assert table.facts["runtime"].startswith("LiteRT")
    assert (table.facts["threads"], table.facts["precision"], table.facts["name"]) == (1, "float32", "host")
    assert table.facts["conditions"]["device_s"] > 0
    assert table.calibration.networks == 6
    assert table.facts["conditions"]["profiles"] == 6
    assert [one.round for one in told] == sorted(one.round for one in told)
    assert told[-1].done == told[-1].total >= len(plan.parts) + 2 * len(plan.networks)
    assert told[0].error is None
    assert told[-1].error is not None
    small, large = (table.predict(tiny_model(operators=4, side=side)).median_ms for side in (32, 160))
    assert large > 2 * small
    table.save(tmp_path / "host.json")
    assert LatencyTable.load(tmp_path / "host.json").entries == table.entries


def test_a_check_uses_other_networks_and_says_how_far_off(host, plan, tmp_path):
    table = build(host, plan, PROTOCOL)
    others = [network(tmp_path, operators, side) for operators in (4, 8, 12) for side in (64, 160)]
    samples = measure_networks(host, others, tmp_path, SPEC, PROTOCOL, sessions=3, rng=np.random.default_rng(0))
    assert all(3 <= len(rounds) <= 9 for rounds in samples.values())
    result = report(compare(table, {"random": others}, samples), 3)
    assert result["table"]["random"]["networks"] == 6
    assert 0 <= result["table"]["random"]["mape"] < 3
    assert result["table"]["random"]["spearman"] > 0.3
    assert set(result["macs_baseline"]["random"]) == set(result["table"]["random"])
    floor = np.mean([repeat_error(rounds) for rounds in samples.values()])
    assert result["floor_mape"] == pytest.approx(floor)
    assert {row["measured_ms"] for row in result["networks"]} == set(map(lowest_ms, samples.values()))
    assert json.loads(json.dumps(result)) == result


def test_a_runner_without_profiles_does_without(plan):
    with open_device("host") as device:
        table = build(device, replace(plan, max_rounds=2), PROTOCOL)
    assert table.facts["runner"] == "host_runner"
    assert table.facts["conditions"]["profiles"] == 0
    assert table.calibration.networks == 6


def test_a_profile_of_other_operators_is_not_used(host, plan):
    wrong = [replace(one, signatures=(*one.signatures, one.signatures[0])) for one in plan.networks]
    told = []
    table = build(host, replace(plan, networks=wrong, max_rounds=2), PROTOCOL, told.append)
    assert table.facts["conditions"]["profiles"] == 0
    assert told[-1].total <= len(plan.parts) + 4 * len(plan.networks)


def test_a_profile_that_fails_costs_the_profile_not_the_build(host, plan):
    class NoProfiler:
        """A program whose library has no profiler, as it says when it is asked for one."""

        name = "litert_bench"

        def argv(self, spec, model):
            words = real.argv(replace(spec, op_profile=False), model)
            return (*words, "--no-such-flag", "1") if spec.op_profile else words

        def parse(self, spec, completed):
            return real.parse(spec, completed)

    real, host.runner = host.runner, NoProfiler()
    table = build(host, replace(plan, max_rounds=1), PROTOCOL)
    assert table.facts["conditions"]["profiles"] == 0
    assert table.calibration.networks == 6


def test_an_operator_slower_than_its_kind_is_timed_again(host, plan, monkeypatch):
    """Its first three processes are disturbed; two more in the third round find it calm."""
    ways = {}

    def times(device, jobs):
        results = []
        for path, _spec in jobs:
            ways[path] = ways.get(path, 0) + 1
            side = sides[path]
            us = side * side * (1.5 if side == 96 and ways[path] <= 3 else 1.0)
            results.append(Session.of_samples([us] * 12, runtime="LiteRT"))
        return results

    sides = {host.push_model((plan.folder / file).read_bytes()): side_of(key) for key, file in plan.parts.items()}
    calm = replace(plan, networks=[], max_rounds=3)
    monkeypatch.setattr("device_bench.latency_table.build.run_batch", times)
    table = build(host, calm, PROTOCOL)
    assert {side_of(key): entry.ms for key, entry in table.entries.items()} == pytest.approx(
        {side: side * side / 1e3 for side in SIDES}
    )
    counts = {side_of(key): entry.count for key, entry in table.entries.items()}
    assert counts == {side: 12 * (5 if side == 96 else 3) for side in SIDES}


def side_of(signature):
    return int(signature.split("x")[1])


def sample(p10_ms):
    return Sample(p10_ms, 1.1 * p10_ms, 20)


def test_the_lowest_process_counts_and_the_next_tells_how_sure_it_is():
    rounds = [sample(12.0), sample(10.0), sample(10.5)]
    assert lowest_ms(rounds) == 10.0
    assert repeat_error(rounds) == pytest.approx(0.05)
    assert repeat_error(rounds[:1]) == 0.0


def test_the_step_to_the_second_lowest_is_the_error_of_the_lowest():
    waits = 10 + np.random.default_rng(0).exponential(1.0, (4000, 5))
    rounds = [[sample(one) for one in row] for row in waits.tolist()]
    true_error = np.mean([lowest_ms(one) / 10 - 1 for one in rounds])
    assert np.mean([repeat_error(one) for one in rounds]) == pytest.approx(true_error, rel=0.25)


class Flaky:
    """A transport that is lost after some commands."""

    def __init__(self, transport, commands):
        self._transport, self._left = transport, commands

    def __getattr__(self, name):
        return getattr(self._transport, name)

    def shell(self, argv, *, timeout_s):
        if "@@exit" in argv[-1]:
            self._left -= 1
            if self._left < 0:
                raise DeviceLost("the phone was unplugged")
        return self._transport.shell(argv, timeout_s=timeout_s)


def test_a_lost_device_costs_one_command_and_the_build_goes_on(host, plan, monkeypatch):
    monkeypatch.setattr("device_bench.latency_table.build._BATCH", 4)
    solid, host.transport = host.transport, Flaky(host.transport, 2)
    with pytest.raises(DeviceLost, match="unplugged"):
        build(host, plan, PROTOCOL)
    stored = json.loads((plan.folder / "samples.json").read_text())
    assert sum(map(len, [*stored["operators"].values(), *stored["networks"].values()])) == 8
    host.transport = solid
    first = []
    table = build(host, plan, PROTOCOL, first.append)
    assert first[0].total == len(plan.parts) + 3 * len(plan.networks) - 8
    assert len(table.entries) == len(plan.parts)
    again = json.loads((plan.folder / "samples.json").read_text())
    kept = {key: rounds[0] for key, rounds in stored["operators"].items() if rounds}
    assert kept == {key: again["operators"][key][0] for key in kept}


def test_the_budget_ends_it(host, plan):
    told = []
    table = build(host, replace(plan, minutes=1e-6), PROTOCOL, told.append)
    assert {one.round for one in told} == {1}
    assert len(table.entries) == len(plan.parts)


def test_samples_of_another_build_are_not_mixed(host, plan):
    build(host, replace(plan, max_rounds=1), PROTOCOL)
    with pytest.raises(BadRequest, match="is an unfinished build of another threads") as caught:
        build(host, replace(plan, spec=BenchSpec(threads=2)), PROTOCOL)
    assert "\n" not in str(caught.value)
    whole = json.loads((plan.folder / "samples.json").read_text())
    first = next(iter(plan.parts))
    for odd in (
        "{",
        "",
        json.dumps({**whole, "operators": {first: [{"p10_ms": None, "median_ms": 1.0, "runs": 1}]}}),
        json.dumps({**whole, "device_s": float("nan")}),
        json.dumps({**whole, "networks": []}),
    ):
        (plan.folder / "samples.json").write_text(odd)
        with pytest.raises(BadRequest, match=r"samples\.json is damaged") as caught:
            build(host, plan, PROTOCOL)
        assert "\n" not in str(caught.value)


def test_an_operator_that_does_not_run_is_left_out_and_a_network_is_an_error(host, plan):
    (plan.folder / "broken.tflite").write_bytes(b"no model")
    table = build(host, replace(plan, parts={**plan.parts, "ODD 1>1 int8": "broken.tflite"}, max_rounds=1), PROTOCOL)
    assert "ODD 1>1 int8" not in table.entries
    assert table.facts["conditions"]["failed"] == 1
    (plan.folder / "samples.json").unlink()
    bad = Network("bad", "broken.tflite", (), 1)
    with pytest.raises(BenchError, match="network bad does not run on host"):
        build(host, replace(plan, networks=[*plan.networks, bad]), PROTOCOL)


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
def test_a_phone_on_adb_is_built_the_same_way(phone, plan):
    with open_device(f"adb:{phone.host}:{phone.port}") as device:
        table = build(device, replace(plan, max_rounds=2), PROTOCOL)
    assert set(table.entries) == set(plan.parts)
    assert table.facts["name"] == f"adb:{phone.host}:{phone.port}"
    assert table.facts["runner"] == "litert_bench"
    assert table.predict(tiny_model(operators=4, side=96)).median_ms > 0


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
def test_a_phone_that_dies_is_one_line(mortal_phone, plan, monkeypatch):
    monkeypatch.setattr("device_bench.latency_table.build._BATCH", 4)
    with open_device(f"adb:{mortal_phone.host}:{mortal_phone.port}") as device, pytest.raises(TransportError) as caught:
        build(device, plan, PROTOCOL, lambda progress: mortal_phone.close())
    assert "\n" not in str(caught.value)
    stored = json.loads((plan.folder / "samples.json").read_text())
    assert sum(map(len, stored["operators"].values())) > 0
