from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnas.data import Dataset, Split
from mnas.errors import SearchError
from mnas.run import Run

CONFIG: dict[str, Any] = {"study": {"storage": "", "name": ""}, "search": {"seed": 0}}


def dataset() -> Dataset:
    split = Split(np.zeros((4, 8, 8, 1), np.float32), np.array([0, 1, 0, 1]))
    return Dataset("made", ("a", "b"), split, split, split)


def test_what_create_makes_open_finds(tmp_path: Path) -> None:
    made = Run.create(tmp_path / "run", CONFIG, dataset())
    study = made.open_study({"target_ms": 3.0})
    study.ask()
    found = Run.open(tmp_path / "run")
    assert found.config == CONFIG
    assert found.study().user_attrs["target_ms"] == 3.0
    assert len(found.study().trials) == 1
    assert [direction.name for direction in found.study().directions] == ["MAXIMIZE", "MINIMIZE"]
    assert found.final is None
    assert found.references() == []


def test_a_run_can_be_moved(tmp_path: Path) -> None:
    Run.create(tmp_path / "here", CONFIG, dataset()).open_study({}).ask()
    (tmp_path / "here").rename(tmp_path / "there")
    assert len(Run.open(tmp_path / "there").study().trials) == 1


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(SearchError, match="exists and is not a run"):
        Run.create(tmp_path, CONFIG, dataset())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_creation_cut_short_can_be_done_again(tmp_path: Path) -> None:
    Run.create(tmp_path / "run", CONFIG, dataset())
    (tmp_path / "run" / "config.json").unlink()
    assert Run.create(tmp_path / "run", CONFIG, dataset()).config == CONFIG


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 0}'])
def test_a_damaged_or_older_run_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SearchError, match=r"config\.json"):
        Run.open(tmp_path)


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="is not a run directory"):
        Run.open(tmp_path / "none")


def test_a_run_without_trials_says_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG, dataset())
    with pytest.raises(SearchError, match="no trials yet"):
        run.study()


def test_a_damaged_storage_is_one_line(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG, dataset())
    (run.path / "study.db").write_text("not a database, whatever its name says, and long enough to be read as one")
    with pytest.raises(SearchError, match="cannot use the storage"):
        run.study()


def test_a_storage_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    config = {**CONFIG, "study": {"storage": "sqlite:////nowhere/at/all/study.db", "name": "x"}}
    run = Run.create(tmp_path / "run", config, dataset())
    with pytest.raises(SearchError, match="cannot use the storage") as caught:
        run.open_study({})
    assert "\n" not in str(caught.value)


def test_a_second_search_in_one_directory_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG, dataset())
    with run.locked(), pytest.raises(SearchError, match="another search is running"), run.locked():
        pass
    with run.locked():
        pass
