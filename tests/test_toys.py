"""A family and a task of other packages, announced by entry points alone, through every command as users run them."""

import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import toy_task
from toy_search import TOY_SECTIONS, begin

from device_bench import LatencyTable
from mnas.run import Run
from mnas.training.outputs import tflite_predict

pytestmark = pytest.mark.xdist_group("search")
CONFIG = (
    """
[search]
run = "{run}"
trials = 8
batch = 2
workers = 1
"""
    + TOY_SECTIONS
    + """
[latency]
device = "table:table.json"
target_ms = "toy-net"
check_table = false
[confirm]
top = 2
rounds = 1
keep = 2
[references]
names = ["toy-net"]
"""
)
BUILD = """table build --space toy --task discs --image-size 16 --classes 1 --reference toy-net --minutes 0.1
 --networks 6 --workers 1 -o table.json"""


def end(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=250)
    assert process.returncode == 0, said
    return said


def search(folder: Path, name: str) -> subprocess.Popen[str]:
    (folder / f"{name}.toml").write_text(CONFIG.format(run=name))
    return begin(folder, "search", f"{name}.toml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, and two searches on it: `whole`, and `killed` in its second batch and resumed."""
    folder = tmp_path_factory.mktemp("toys")
    end(begin(folder, *BUILD.split()))
    killed, whole = search(folder, "killed"), search(folder, "whole")
    while len(list((folder / "killed" / "candidates").glob("*/evaluation.json"))) < 3 and killed.poll() is None:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    (folder / "whole.txt").write_text(end(whole))
    (folder / "resumed.txt").write_text(end(search(folder, "killed")))
    return folder


def story(run: Run) -> dict[str, Any]:
    """What must be equal."""
    trials = [(one.number, one.params, one.values, one.user_attrs["reward"]) for one in run.study().trials]
    references = [(one.name, one.value, one.latency_ms) for one in run.references()]
    return {"trials": trials, "references": references, "final": run.final}


def test_a_search_that_was_killed_ends_as_one_that_was_not(folder: Path) -> None:
    assert re.search("resuming killed: [2-6] of 8 trials are done", (folder / "resumed.txt").read_text())
    whole = story(Run.open(folder / "whole"))
    assert story(Run.open(folder / "killed")) == whole
    assert len(whole["trials"]) == 8


def test_a_search_speaks_of_the_metric_and_prefers_less_of_it(folder: Path) -> None:
    said = (folder / "whole.txt").read_text()
    assert "discs:200: 200 discs" in said
    assert "radius error" in said
    assert "accura" not in said
    run = Run.open(folder / "whole")
    study = run.study()
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MINIMIZE"]
    assert run.final is not None
    front = {(one.value, one.latency_ms) for one in run.final.front}
    assert front == {tuple(trial.values) for trial in study.best_trials}


def test_a_table_prices_what_the_search_found(folder: Path) -> None:
    assert LatencyTable.load(folder / "table.json").facts["space"]["task"] == "discs"
    trial = Run.open(folder / "whole").study().trials[0]
    file = f"whole/candidates/{trial.user_attrs['arch_hash']}/model.tflite"
    words = ["--image-size", "16", "--classes", "1", "--unchecked"]
    said = end(begin(folder, "table", "predict", "table.json", "toy-net", file, *words))
    assert f"{file}: {trial.values[1]:.3f} ms" in said
    assert f"toy-net: {Run.open(folder / 'whole').references()[0].latency_ms:.3f} ms" in said


def test_an_exported_file_is_as_good_as_the_search_says(folder: Path) -> None:
    run = Run.open(folder / "whole")
    end(begin(folder, "export", "whole", "--trial", "1", "--epochs", "0", "--grey", "--device", "none", "-o", "out"))
    trial, judge = run.study().trials[1], toy_task.DISCS.judge
    said = {"float32": (trial.user_attrs["radius_error_float"], 1e-4), "int8": (trial.values[0], 0.1)}
    for precision, (expected, tolerance) in said.items():  # int8 is calibrated on more images than in the search
        content = (folder / "out" / f"model-{precision}.tflite").read_bytes()
        found = judge(tflite_predict(content), run.task.open(run.path / "data").validation)
        assert found == pytest.approx(expected, rel=tolerance)


def test_a_report_speaks_of_the_metric(folder: Path) -> None:
    said = end(begin(folder, "report", "whole", "-o", "page.html", "--csv", "front.csv", "--all-figures", "drawn"))
    assert "radius error" in said
    assert "accura" not in said
    assert "radius error" in (folder / "page.html").read_text()
    assert "radius_error" in (folder / "front.csv").read_text().splitlines()[0]
    assert (folder / "drawn" / "pareto.png").stat().st_size > 0
