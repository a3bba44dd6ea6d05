"""A whole search priced by the table that ships with the project."""

import subprocess
from pathlib import Path

import pytest
from small_search import search_command, write_config

from device_bench import LatencyTable
from mnas.run import Run
from search_spaces import space
from search_spaces.signatures import signatures

TABLES = Path(__file__).parents[2] / "configs" / "tables"


@pytest.fixture(scope="module")
def path():
    (found,) = TABLES.glob("*-digits32.json")
    return found


def test_the_shipped_table_is_named_for_what_it_is(path):
    table = LatencyTable.load(path)
    facts = table.facts
    processor = table.identity.processor.partition(" ")[2].partition(" stepping")[0] or "of unknown family"
    assert path.name.startswith(f"{facts['device']} {processor} {facts['abi']} litert ".lower().replace(" ", "-"))
    assert facts["runtime"].split()[1] in path.name
    assert f"{facts['precision']}-{facts['threads']}-thread" in path.name
    assert table.check["table"]["random"]["networks"] >= 30


def test_it_prices_every_network_of_the_demo_space(path):
    import numpy as np

    table = LatencyTable.load(path)
    searched = space("mnasnet", (32, 32, 1), width=0.25, depth=0.5, head_filters=64)
    rng = np.random.default_rng(123)
    for _ in range(200):
        guess = table.predict(signatures(searched.decode(searched.sample(rng)), (32, 32, 1), 10, "int8"))
        assert 0 < guess.low_ms < guess.median_ms < guess.high_ms


def test_a_search_on_it_says_what_the_table_is_worth(path, tmp_path):
    write_config(
        tmp_path / "search.toml",
        search={"trials": 3, "batch": 3},
        space={"head_filters": 64},
        data={"image_size": 32, "limit": 200},
        # The table is that of another machine than the tests may run on.
        latency={"device": f"table:{path}", "check_table": False},
        references={"names": ["mobilenet-v2"]},
    )
    done = subprocess.run(search_command("search.toml"), cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "error on random networks" in done.stdout + done.stderr
    assert "not checked, as asked" in done.stdout + done.stderr
    trials = Run.open(tmp_path / "run").open_study({}).get_trials(deepcopy=False)
    assert len(trials) == 3
    table = LatencyTable.load(path)
    for trial in trials:
        timing = trial.user_attrs["latency"]
        assert timing["conditions"]["predicted"] is True
        model = tmp_path / "run" / "candidates" / trial.user_attrs["arch_hash"] / "model.tflite"
        assert trial.values[1] == pytest.approx(table.predict(model.read_bytes()).median_ms)
