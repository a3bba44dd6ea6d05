"""`mnas table` from a space to a checked table on this machine, in small; and what it refuses."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from device_bench import LatencyTable, to_tflite
from device_bench.errors import BadRequest, BenchError
from mnas.config import LatencySection
from mnas.errors import SearchError
from mnas.latency.source import open_latency
from mnas.latency.table import trust
from mnas.latency_tables.at_hand import confirm
from mnas.latency_tables.run import BuildRequest, TableSpace, build_table, check_table, leave_out, open_for_tables
from mnas.main import mnas
from search_spaces import Decision, Space, SpaceChoice, build_model
from search_spaces.mnasnet.architecture import MnasNetArch
from search_spaces.mnasnet.block_strings import from_block_strings


def tiny_space(choice, shape):
    """Eight networks: three decisions."""

    def build(choices):
        kernel, expansion, filters = choices
        blocks = ["r1_k3_s22_e1_i8_o8", f"r2_k{kernel}_s22_e{expansion}_i8_o{filters}_se0.25"]
        return from_block_strings(blocks, stem_filters=8, head_filters=16)

    def choose(arch: MnasNetArch):
        block = arch.blocks[1]
        return (block.kernel, block.expansion, block.filters)

    decisions = (
        Decision("kernel", (3, 5), "kernel"),
        Decision("expansion", (3, 6), "op"),
        Decision("filters", (16, 24), "filters"),
    )
    return Space("tiny", decisions, build, choose)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A table of the tiny space, its file, and what was said."""
    folder, said, told = tmp_path_factory.mktemp("table"), [], []
    choice = TableSpace(SpaceChoice.of("mnasnet", {}), image_size=48, classes=5)
    request = BuildRequest("host", choice, "int8", 1, None, 0.5, 5, 1, 0, False, folder / "host.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpaceChoice, "space", tiny_space)
        table = build_table(request, said.append, told.append)
    return table, folder / "host.json", said, told


def test_a_build_leaves_one_file(built):
    table, path, said, told = built
    assert [one.name for one in path.parent.iterdir()] == ["host.json"]
    assert LatencyTable.load(path).entries == table.entries
    assert len(table.entries) > 20
    assert table.facts["space"]["image_size"] == 48
    assert len(table.facts["built_from"]) >= 4
    assert told[-1].done == told[-1].total
    assert any("different operators" in line for line in said)
    assert "never checked" in trust(table)


def test_it_prices_every_network_of_the_space(built):
    table, *_ = built
    target = tiny_space("tiny", None)
    from search_spaces.signatures import signatures

    for index in range(8):
        arch = target.decode([index & 1, index >> 1 & 1, index >> 2])
        guess = table.predict(signatures(arch, (48, 48, 3), 5, "int8"))
        assert guess.low_ms < guess.median_ms < guess.high_ms
        assert guess.filled_share == 0


def test_it_prices_the_files_that_ship(built):
    """Their uint8 ends are operators that no network of the space has."""
    table, *_ = built
    model = build_model(tiny_space("tiny", None).decode([0, 0, 0]), (48, 48, 3), 5)
    images = np.random.default_rng(0).random((4, 48, 48, 3), np.float32)
    plain, shipped = (table.predict(to_tflite(model, "int8", images, interface=kind)) for kind in (None, "uint8"))
    assert shipped.filled_share == 0
    assert shipped.median_ms > plain.median_ms


def test_a_check_is_stored_and_a_search_says_it(built, tmp_path, monkeypatch):
    table = built[0]
    monkeypatch.setattr(SpaceChoice, "space", tiny_space)
    copy = tmp_path / "copy.json"
    # Fewer networks were seen: what is left of the eight can be held against it.
    replace(table, facts={**table.facts, "built_from": table.facts["built_from"][:2]}).save(copy)
    settings = {"device": None, "randoms": 4, "nears": 0, "sessions": 2, "seed": 0, "workers": 1}
    result = check_table(copy, **settings, unmeasured=0.0, say=lambda text: None)
    assert result["table"]["random"]["networks"] == 4
    stored = LatencyTable.load(copy)
    assert stored.check["table"] == result["table"]
    assert "networks" not in stored.check
    assert "checked" in trust(stored)
    assert [one.name for one in tmp_path.iterdir()] == ["copy.json"]

    told = []
    source = open_latency(LatencySection(device=f"table:{copy}", target_ms=1.0), lambda text: None, told.append)
    assert "error on random networks" in told[0]
    source.close()


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
def test_a_phone_from_its_address_to_a_checked_table(phone, tmp_path, monkeypatch):
    monkeypatch.setattr(SpaceChoice, "space", tiny_space)
    path, device = tmp_path / "phone.json", f"adb:{phone.host}:{phone.port}"
    choice = TableSpace(SpaceChoice.of("mnasnet", {}), image_size=32, classes=5)
    table = build_table(
        BuildRequest(device, choice, "int8", 1, None, 0.5, 4, 1, 0, False, path), lambda text: None, lambda told: None
    )
    conditions = table.facts["conditions"]
    assert (table.facts["name"], table.facts["runner"]) == (device, "litert_bench")
    assert conditions["rounds"] >= 1
    assert conditions["profiles"] >= 4
    # The eight networks are all known to it; it may be held against those that were not converted.
    replace(table, facts={**table.facts, "built_from": table.facts["built_from"][:2]}).save(path)
    settings = {"randoms": 3, "nears": 0, "sessions": 2, "seed": 0, "workers": 1, "unmeasured": 0.0}
    result = check_table(path, device=None, **settings, say=lambda text: None)
    assert result["table"]["random"]["networks"] == 3
    assert LatencyTable.load(path).check["sessions"] == 2
    assert [one.name for one in tmp_path.iterdir()] == ["phone.json"]


def test_a_table_from_before_identities_is_checked_by_operators_converted_again(built, tmp_path, monkeypatch):
    table = built[0]
    monkeypatch.setattr(SpaceChoice, "space", tiny_space)
    facts = {key: value for key, value in table.facts.items() if key not in ("identity", "canary_ms")}
    old = replace(table, facts=facts, probes={})
    said = []
    confirm(old, tmp_path / "old.json", said.append, check=True, override="--unchecked")
    assert "(identity unknown, LiteRT" in said[-1]
    assert "checked on host: 8 operators take" in said[-1]
    assert "canary" not in said[-1]


def test_a_table_of_an_odd_space_is_one_line(built):
    table = built[0]
    for odd, words in [
        ({"name": 3}, "facts.space.name is 3"),
        ({"image_size": "48"}, "facts.space.image_size is '48'"),
        ({"size": 48}, "facts.space.size is 48"),
        (None, "facts.space is None"),
    ]:
        with pytest.raises(SearchError, match=re.escape(words)):
            TableSpace.of(replace(table, facts={**table.facts, "space": odd}))


def test_a_check_on_another_machine_of_that_name_is_refused(built, tmp_path):
    table, *_ = built
    identity = {**table.facts["identity"], "features": ["sse2"]}
    replace(table, facts={**table.facts, "identity": identity}).save(tmp_path / "other.json")
    settings = {"randoms": 2, "nears": 0, "sessions": 1, "seed": 0, "workers": 1, "unmeasured": 0.0}
    with pytest.raises(SearchError, match=r"was built on another .*: instruction sets .* in the second alone"):
        check_table(tmp_path / "other.json", device="host", **settings, say=lambda text: None)


def test_leaving_operators_out_spares_stem_and_classifier(built):
    table, *_ = built
    fewer = leave_out(table, 0.5, 3)
    assert len(fewer.entries) == pytest.approx(len(table.entries) / 2, abs=3)
    kept = [key for key in table.entries if key.startswith(("FULLY_CONNECTED", "SOFTMAX", "CONV_2D 1x48x48x3>"))]
    assert len(kept) == 3
    assert set(kept) <= set(fewer.entries)


def test_a_search_is_priced_by_the_table(built, tmp_path):
    table, path, *_ = built
    import search_spaces
    from device_bench import to_tflite

    arch = tiny_space("tiny", None).decode([1, 0, 1])
    images = np.random.default_rng(0).random((4, 48, 48, 3), np.float32)
    model = to_tflite(search_spaces.build_model(arch, (48, 48, 3), 5), "int8", images)
    other = to_tflite(search_spaces.build_model(arch, (48, 48, 3), 6), "int8", images)
    source = open_latency(LatencySection(device=f"table:{path}", target_ms=1.0), lambda text: None, lambda text: None)
    assert not source.beside_training
    timings = source.measure({"good": model, "other": other}, np.random.default_rng(0), tmp_path)
    assert timings["good"].median_ms == table.predict(model).median_ms
    assert timings["good"].verdict == "valid"
    assert timings["good"].conditions["predicted"] is True
    assert timings["good"].device == f"table:{path}"
    assert timings["other"].verdict == "failed"
    assert "FULLY_CONNECTED 1x1x1x16>1x6 int8" in timings["other"].reason
    done = CliRunner().invoke(mnas, ["table", "predict", str(path), _write(tmp_path, model)])
    assert done.exit_code == 0
    assert f"{timings['good'].median_ms:.3f} ms" in done.output


def _write(folder: Path, model: bytes) -> str:
    path = folder / "model.tflite"
    path.write_bytes(model)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "float32"}, "measured with precision int8, not float32"),
        ({"threads": 4}, "measured with threads 1, not 4"),
        ({"cores": "f0"}, "not f0"),
        ({"device": "table:none.json"}, "cannot read none.json"),
    ],
)
def test_a_search_refuses_a_table_of_something_else(built, settings, message):
    section = LatencySection(**({"device": f"table:{built[1]}", "target_ms": 1.0} | settings))
    with pytest.raises((BadRequest, SearchError), match=message):
        open_latency(section, lambda text: None, lambda text: None)


def test_an_imported_table_is_not_checked(tmp_path):
    (tmp_path / "a.yaml").write_text("Conv-input:8x8x3-output:4x4x8: {mean: 1.0, count: 1}\n")
    run = CliRunner().invoke(
        mnas, ["table", "import", str(tmp_path / "a.yaml"), "--device", "Toy", "-o", str(tmp_path / "a.json")]
    )
    assert run.output == f"{tmp_path / 'a.json'}: 1 entry of proxyless-blocks on Toy\n"
    settings = {"device": None, "randoms": 2, "nears": 0, "sessions": 1, "seed": 0, "workers": 1, "unmeasured": 0.0}
    with pytest.raises(BenchError, match="was imported"):
        check_table(tmp_path / "a.json", **settings, say=lambda text: None)


def test_a_check_on_another_device_is_refused(built, tmp_path):
    table, *_ = built
    replace(table, facts={**table.facts, "device": "Pixel 7"}).save(tmp_path / "pixel.json")
    settings = {"randoms": 2, "nears": 0, "sessions": 1, "seed": 0, "workers": 1, "unmeasured": 0.0}
    with pytest.raises(SearchError, match="built with device 'Pixel 7', this one has"):
        check_table(tmp_path / "pixel.json", device="host", **settings, say=lambda text: None)


def test_realtime_is_for_this_machine():
    with pytest.raises(BenchError, match="for the device host alone"):
        open_for_tables("adb:nowhere", realtime=True)


def test_help_needs_no_tensorflow():
    code = (
        "import sys; from mnas.main import mnas; mnas(['table', 'build', '--help'], standalone_mode=False);"
        " print([one for one in ('tensorflow', 'pandas', 'matplotlib', 'optuna') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--minutes" in done.stdout


def test_the_report_of_a_check_is_readable(built):
    from mnas.latency_tables.show import show_check

    scores = {
        "networks": 3,
        "mape": 0.02,
        "bias": -0.01,
        "within_5": 1.0,
        "within_10": 1.0,
        "spearman": 0.9,
        "pairs": None,
    }
    result = {
        "table": {"random": scores},
        "macs_baseline": {"random": scores},
        "process_noise": 0.02,
        "floor_mape": 0.01,
        "inside_interval": 0.95,
    }
    text = show_check(result)
    assert "table, random" in text
    assert "MACs alone, random" in text


def test_a_check_leaves_a_figure_and_its_numbers(tmp_path):
    from PIL import Image

    from mnas.latency_tables.show import write_check

    row = {"kind": "random", "measured_ms": 1.0, "predicted_ms": 1.02}
    write_check({"floor_mape": 0.01, "networks": [row, {**row, "kind": "near"}]}, tmp_path / "host.json")
    assert json.loads((tmp_path / "host.json.check.json").read_text())["networks"][0] == row
    with Image.open(tmp_path / "host.json.check.png") as image:
        assert image.size[0] > 800
