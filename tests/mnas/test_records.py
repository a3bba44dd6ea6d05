"""What a run keeps is read by the class that wrote it: other versions and damage are one line, older runs are read."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from mnas.errors import SearchError
from mnas.latency.timer import stored_timing
from mnas.main import run as mnas
from mnas.records import Final, FinishedTrial, ReferenceRecord, StudyRecord, TrialRecord, read_study
from mnas.run import Run
from mnas.tasks import DEFAULT, task
from mnas.training.evaluation import EvaluationFile
from mnas.training.recipe import Recipe

OLDER = Path(__file__).with_name("older_run")
"""A run of four trials on digits from before there were records, without its data, weights and models."""

EVALUATION = "candidates/35ea21f2cb4129ba/evaluation.json"

CLASSIFICATION = task(DEFAULT)


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLDER, tmp_path / "run"))


def test_an_older_run_is_read_whole(older: Path) -> None:
    run = Run.open(older)
    study = run.study()
    final = run.final
    assert final is not None
    assert [one.number for one in final.front] == [0, 1, 2]
    assert tuple(one.target_ms for one in final.targets) == run.facts(study).targets_ms
    assert [run.finished(trial).value_float for trial in study.trials] == [
        trial.user_attrs["accuracy_float"] for trial in study.trials
    ]
    assert run.config.latency.check_table  # a key that the run does not have is at its default
    assert run.references()[0].latency_ms == run.facts(study).target_ms


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Final, "final.json"),
        (ReferenceRecord, "references/mobilenet-v2/record.json"),
        (EvaluationFile, EVALUATION),
    ],
)
def test_what_an_older_run_wrote_is_written_again_as_it_was(kind: Any, name: str) -> None:
    values = json.loads((OLDER / name).read_text())
    stored = kind.of(values, CLASSIFICATION, name).stored(CLASSIFICATION)
    if name == EVALUATION:  # keys that the recipe did not have then are at their defaults
        values["job"]["recipe"] = asdict(Recipe(**values["job"]["recipe"]))
    assert stored == values


def test_trials_and_the_study_of_an_older_run_are_written_again_as_they_were(older: Path) -> None:
    study = Run.open(older).study()
    for trial in study.trials:
        assert FinishedTrial.of(trial.user_attrs, CLASSIFICATION, "").stored(CLASSIFICATION) == trial.user_attrs
    assert StudyRecord.of(study.user_attrs, CLASSIFICATION, "").stored(CLASSIFICATION) == study.user_attrs


def changed(file: str, *keys: str | int, value: Any) -> Callable[[Path], None]:
    """Sets, or with `...` removes, a value of a JSON file."""

    def change(run: Path) -> None:
        whole = inner = json.loads((run / file).read_text())
        for key in keys[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = value
        (run / file).write_text(json.dumps(whole))

    return change


def damage_trial(run: Path, number: int, key: str, value: Any) -> None:
    """Sets a user attribute of a finished trial, which Optuna itself does not."""
    with sqlite3.connect(run / "study.db") as database:
        where = "trial_id = (SELECT trial_id FROM trials WHERE number = ?) AND key = ?"
        command = f"UPDATE trial_user_attributes SET value_json = ? WHERE {where}"
        assert database.execute(command, (json.dumps(value), number, key)).rowcount == 1
    database.close()


DAMAGE = {
    "final.json: best.accuracy is 'high'": changed("final.json", "best", "accuracy", value="high"),
    "final.json: front[1].test_accuracy is missing": changed("final.json", "front", 1, "test_accuracy", value=...),
    "record.json: latency_ms is True": changed("references/mobilenet-v2/record.json", "latency_ms", value=True),
    "median_ms is 'fast'": changed("references/mobilenet-v2/record.json", "latency", "median_ms", value="fast"),
    "config.json: latency.precision = 'int3'": changed("config.json", "latency", "precision", value="int3"),
    "config.json: 'data' is missing": changed("config.json", "data", value=...),
    "config.json: space.name: no space 'other'": changed("config.json", "space", "name", value="other"),
    "config.json: task.name = 'other'": changed("config.json", "task", value={"name": "other"}),
}


@pytest.mark.parametrize("words", DAMAGE)
def test_a_damaged_record_is_one_line_with_file_and_key(
    words: str, older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGE[words](older)
    assert mnas(["report", str(older)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["report", "export"])
def test_a_damaged_trial_is_one_line_with_number_and_key(
    command: str, older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage_trial(older, 2, "reward", "much")
    assert mnas([command, str(older), "-o", str(older.parent / "x.html")]) == 2
    assert f"trial 2 of {older}: reward is 'much': input should be a valid number" in capsys.readouterr().err


CONFIG = """
[search]
run = "{run}"
[data]
source = "digits"
image_size = 32
channels = 1
[latency]
target_ms = 1.0
"""


@pytest.mark.parametrize("command", ["search", "export", "report", "watch"])
def test_a_run_of_another_version_is_one_line(
    command: str, older: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed("config.json", "format", value=2)(older)
    (tmp_path / "search.toml").write_text(CONFIG.format(run=older))
    words = {"search": [str(tmp_path / "search.toml")], "export": [str(older), "-o", str(tmp_path / "out")]}
    assert mnas([command, *words.get(command, [str(older)])]) == 2
    said = capsys.readouterr().err
    assert f"{older}/config.json is of format 2, and this version of mnas reads format 1" in said
    assert said.count("\n") == 1


def test_a_study_of_another_version_is_refused_and_one_of_somebody_else_is_not() -> None:
    with pytest.raises(SearchError, match="study x is of format 2"):
        read_study({"format": 2}, "study x")
    with pytest.raises(SearchError, match="no task 'other'"):
        read_study({"format": 1, "task": "other"}, "study x")
    facts, judged_by = read_study({"task": "my homework", "device": 3, "classes": 10}, "study x")
    assert judged_by is CLASSIFICATION
    assert (facts.device, facts.outputs) == (None, 10)


def test_what_fits_of_anybodys_trial_is_taken() -> None:
    found = TrialRecord.fitting({"latency": "fast", "macs": True, "params": 7, "mine": 1}, CLASSIFICATION)
    assert found == TrialRecord(params=7)


@pytest.mark.parametrize("key", ["reward", "latency", "mean loss", ""])
def test_a_metric_cannot_be_called_like_something_else(key: str) -> None:
    with pytest.raises(SearchError, match="cannot have the key"):
        replace(CLASSIFICATION.metric, key=key)


@pytest.mark.parametrize("values", [{"median_ms": "fast"}, [1], 3, {}])
def test_a_damaged_latency_of_a_candidate_is_one_line(values: Any, tmp_path: Path) -> None:
    (tmp_path / "latency.json").write_text(json.dumps(values))
    with pytest.raises(SearchError, match=r"latency\.json: .*: delete it to time the network again"):
        stored_timing(tmp_path / "latency.json")
