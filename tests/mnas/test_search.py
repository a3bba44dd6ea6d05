"""Whole searches as users run them: processes, real training, real timing, real files."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from judged import tflite_accuracy
from PIL import Image
from small_search import MNAS, search_command, write_config

from mnas.data import open_dataset
from mnas.run import Run
from mnas.shipping.quantizing import file_predict
from mnas.tasks.classification import CLASSIFICATION

pytestmark = pytest.mark.xdist_group("search")


def search(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *overrides), capture_output=True, text=True, timeout=280, cwd=folder, check=False
    )


def command(folder: Path, *overrides: str) -> list[str]:
    write_config(
        folder / "search.toml",
        latency={"target_ms": "mobilenet-v2", "runs": 10},
        confirm={"top": 2, "rounds": 1, "keep": 2},
        references={"names": ["mobilenet-v2"]},
    )
    return search_command("search.toml", *overrides)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    done = search(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "first.out").write_text(done.stdout)
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy"


def test_what_a_search_leaves(finished: Path) -> None:
    run = Run.open(finished / "run")
    trials = run.study().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE"]
    for trial in trials:
        attrs = trial.user_attrs
        folder = run.candidate(attrs["arch_hash"])
        accuracy, latency_ms = trial.values
        assert attrs["latency"]["median_ms"] == latency_ms
        assert attrs["latency"]["verdict"] in ("valid", "noisy")
        assert attrs["latency"]["low_ms"] <= latency_ms <= attrs["latency"]["high_ms"]
        model = (folder / "model.tflite").read_bytes()
        assert attrs["size_bytes"] == len(model)
        assert tflite_accuracy(model, open_dataset(run.path / "data").validation) == accuracy
    assert (run.path / "controller.npz").exists()
    best = json.loads((run.path / "best.json").read_text())
    assert best["reward"] == max(trial.user_attrs["reward"] for trial in trials)
    assert (run.path / "best.tflite").read_bytes() == (run.candidate(best["hash"]) / "model.tflite").read_bytes()
    assert run.study().user_attrs["target_ms"] == run.references()[0].latency_ms


def test_the_test_split_is_judged_once_at_the_end(finished: Path) -> None:
    run = Run.open(finished / "run")
    test = open_dataset(run.path / "data").test
    final = run.final
    assert final is not None
    for member in final.front:
        model = (run.candidate(member.hash) / "model.tflite").read_bytes()
        assert member.test_value == tflite_accuracy(model, test)
    assert final.references[0].test_value > 0


def test_plain_lines_where_the_output_is_no_terminal(finished: Path) -> None:
    lines = (finished / "first.out").read_text().splitlines()
    assert any(line.startswith("[2/2] trial 1") and "front" in line and "left" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_run_again_it_resumes_and_has_nothing_to_do(copy: Path) -> None:
    trained = contents(copy / "run" / "candidates")
    done = search(copy)
    assert done.returncode == 0
    assert "resuming run: 2 of 2 trials are done" in done.stdout
    assert "[2/2]" not in done.stdout
    assert contents(copy / "run" / "candidates") == trained


def test_with_more_trials_it_goes_on(copy: Path) -> None:
    done = search(copy, "search.trials=3", "search.workers=1")
    assert done.returncode == 0, done.stderr
    assert "resuming run: 2 of 3" in done.stdout
    assert "[3/3] trial 2" in done.stdout
    assert len(Run.open(copy / "run").study().trials) == 3


def test_another_configuration_is_refused(copy: Path) -> None:
    before = contents(copy / "run")
    done = search(copy, "train.epochs=2", "search.seed=1")
    assert done.returncode == 2
    assert done.stderr.startswith("mnas: run is a run of another configuration (search.seed, train.epochs)")
    assert contents(copy / "run") == before


def test_a_corrupt_checkpoint_is_refused_and_left(copy: Path) -> None:
    path = copy / "run" / "controller.npz"
    path.write_bytes(path.read_bytes()[:1000])
    done = search(copy, "search.trials=4")
    assert done.returncode == 2
    assert "controller.npz" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert path.stat().st_size == 1000


def test_a_full_disk_fails_the_run_not_the_candidates(copy: Path) -> None:
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "limited", *command(copy, "search.trials=4")]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=200, cwd=copy, check=False)
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "File too large" in done.stderr or "disk" in done.stderr
    again = search(copy, "search.trials=4")
    assert again.returncode == 0, again.stderr
    assert [trial.state.name for trial in Run.open(copy / "run").study().trials] == ["COMPLETE"] * 4


def test_workers_that_cannot_start_leave_the_trials_open(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "short" / "tensorflow").mkdir(parents=True)
    (copy / "short" / "tensorflow" / "__init__.py").write_text("raise MemoryError")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(copy / "short"), os.environ.get("PYTHONPATH", ""))))
    done = search(copy, "search.trials=4")
    assert done.returncode == 1
    assert "while it started" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [trial.state.name for trial in Run.open(copy / "run").study().trials] == ["COMPLETE"] * 2 + ["RUNNING"] * 2


def test_ctrl_c_stops_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(tmp_path, "search.trials=50"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    while not list((tmp_path / "run").glob("references/*/evaluation.json")):
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "stopped; nothing is lost. To resume: mnas search search.toml -o search.trials=50\n"


def test_candidates_that_cannot_be_trained_are_recorded_with_the_reason(tmp_path: Path) -> None:
    done = search(tmp_path, "train.learning_rate=1e38", "references.names=[]", "latency.target_ms=1")
    assert done.returncode == 1
    assert "no trial of run has succeeded" in done.stderr
    trials = Run.open(tmp_path / "run").study().trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL"]
    assert all("diverged" in trial.user_attrs["error"] for trial in trials)
    assert all(trial.values is None for trial in trials)


def test_a_search_begins_with_a_summary_of_its_images(finished: Path) -> None:
    said = (finished / "first.out").read_text()
    assert said.startswith("digits: 300 images of 10 classes: ")
    assert "per class (train + validation + test): 0: " in said
    assert tuple(said.splitlines()[:3]) == open_dataset(finished / "run" / "data").summary[:3]


def test_the_best_is_named_after_new_trainings(finished: Path) -> None:
    run = Run.open(finished / "run")
    assert run.final is not None
    assert run.final.confirmation is not None
    standings = run.final.confirmation.standings
    assert [one.runs for one in standings] == [2, 2]
    assert run.final.best.hash == standings[0].name
    assert all((run.candidate(one.name) / "again-1" / "evaluation.json").exists() for one in standings)
    assert "probability" in run.final.confirmation.sentence


def test_a_run_with_other_targets_begins_with_the_trials_of_an_earlier_one(copy: Path) -> None:
    done = search(copy, 'search.start=["run"]', "search.run=next", "search.trials=3", "latency.target_ms=[0.01, 0.02]")
    assert done.returncode == 0, done.stderr
    assert "beginning with 2 trials of run" in done.stdout
    earlier, later = (Run.open(copy / name).study().trials for name in ("run", "next"))
    assert [trial.values for trial in later[:2]] == [trial.values for trial in earlier]
    assert all(new.user_attrs["reward"] < old.user_attrs["reward"] for old, new in zip(earlier, later[:2], strict=True))
    assert all(trial.user_attrs["reward"] == trial.user_attrs["rewards"][trial.number % 2] for trial in later)
    assert len(later) == 3
    final = Run.open(copy / "next").final
    assert final is not None
    assert [one.target_ms for one in final.targets] == [0.01, 0.02]
    for one in final.targets:
        model = (copy / "next" / f"best-{one.target_ms:g}ms.tflite").read_bytes()
        assert model == (copy / "next" / "candidates" / one.best.hash / "model.tflite").read_bytes()


def test_published_networks_can_begin_a_search(copy: Path) -> None:
    done = search(copy, 'search.start=["mobilenet-v2"]', "search.run=next", "search.trials=1", "latency.target_ms=1")
    assert done.returncode == 0, done.stderr
    trial = Run.open(copy / "next").study().trials[0]
    assert {trial.params[f"block{number}.op"] for number in range(2, 8)} == {"mbconv6"}


def test_a_sampler_of_optuna_in_place_of_the_controller(copy: Path) -> None:
    done = search(copy, "search.run=other", "search.algorithm=NSGAIISampler", "latency.target_ms=0.1")
    assert done.returncode == 0, done.stderr
    assert not (copy / "other" / "controller.npz").exists()
    assert len(Run.open(copy / "other").study().trials) == 2


def test_export_writes_the_candidate_as_the_search_trained_it(finished: Path, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    words = [MNAS, "export", str(finished / "run"), "--trial", "1", "--epochs", "0", "--device", "none"]
    subprocess.run([*words, "-o", str(tmp_path)], check=True, capture_output=True, timeout=200)
    run = Run.open(finished / "run")
    trial = run.study().trials[1]
    expected = {"float32": trial.user_attrs["accuracy_float"], "int8": trial.values[0]}
    for precision, dtype in (("float32", np.float32), ("int8", np.uint8)):
        file = tmp_path / f"model-{precision}.tflite"
        assert Interpreter(str(file)).get_input_details()[0]["dtype"] == dtype
        accuracy = CLASSIFICATION.judge(file_predict(file.read_bytes()), open_dataset(run.path / "data").validation)
        assert accuracy == pytest.approx(expected[precision], abs=0.03)


def one_class(folder: Path) -> str:
    (folder / "images" / "cat").mkdir(parents=True)
    Image.new("L", (20, 20)).save(folder / "images" / "cat" / "1.png")
    return "data.source=folder:images"


def broken_image(folder: Path) -> str:
    for name in ("cat", "dog"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (20, 20), number).save(folder / "images" / name / f"{number}.png")
    (folder / "images" / "dog" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    return "data.source=folder:images"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("search.trails=3", "did you mean 'trials'"),
        ("space.name=mnasnett", "no space 'mnasnett'; known: mnasnet"),
        ("data.image_size=4", "input 4x4 is too small"),
        ("data.source=folder:nowhere", "nowhere"),
        ("data.source=floder:images", "no data source"),
        (one_class, "one class"),
        (broken_image, "3.png"),
        ("latency.device=fridge", "unknown device 'fridge'"),
        ("latency.target_ms=mobilenet-v9", "latency.target_ms = 'mobilenet-v9'"),
        ("latency.target_ms=-1", "above 0 ms"),
        ('references.names=["resnet-50"]', "no published network 'resnet-50'"),
        ('search.start=["runs/none"]', "neither a run directory nor one of"),
        ("latency.target_ms=[]", "an empty list"),
        ("search.algorithm=ppoo", "search.algorithm 'ppoo' is unknown"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, override: str | Callable[[Path], str], words: str
) -> None:
    done = search(tmp_path, override if isinstance(override, str) else override(tmp_path))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("latency.device=fridge", "unknown device 'fridge'"),
        ("latency.target_ms=mobilenet-v9", "latency.target_ms = 'mobilenet-v9'"),
        ("search.algorithm=GridSampler", "cannot drive a search"),
        ("search.start=runs/none", "neither a run directory nor one of"),
        ("space.name=mnasnett", "no space 'mnasnett'"),
        ("search.run=search.toml", "search.toml is not a directory"),
    ],
)
def test_what_needs_no_images_is_checked_before_they_are_read(tmp_path: Path, override: str, words: str) -> None:
    done = search(tmp_path, broken_image(tmp_path), override)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
