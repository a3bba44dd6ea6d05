import os
import sqlite3
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnas.config import Config, StudySection
from mnas.config_file import checked_config
from mnas.data import Dataset, Split
from mnas.errors import SearchError
from mnas.run import Run, check_directory

CONFIG = checked_config(
    {"search": {"run": "run"}, "data": {"source": "digits"}, "latency": {"target_ms": 1.0}}, Path("made.toml")
)


def stored_at(url: str, name: str = "") -> Config:
    return CONFIG.model_copy(update={"study": StudySection(storage=url, name=name)})


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
    config = stored_at("sqlite:////nowhere/at/all/study.db", "x")
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


NAMES = [
    "lr=0.1?a",
    "a#b",
    "c%20d%",
    "e&f=g",
    "x y",
    "new\nline",
    ":memory:",
    "{SCHEMA_VERSION}",
    "\u65e5",
    "caf\udce9",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_trials_lie_in_the_run_whatever_its_name(name: str, tmp_path: Path) -> None:
    run = Run.create(tmp_path / name, CONFIG, dataset())
    run.open_study({}).ask()
    assert (tmp_path / name / "study.db").stat().st_size > 0
    assert len(Run.open(tmp_path / name).study().trials) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_database_that_another_program_locks_is_one_line(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", CONFIG, dataset())
    study = run.open_study({})
    with sqlite3.connect(run.path / "study.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        locked = pytest.raises(SearchError, match=r"cannot use the storage .*/study\.db: database is locked")
        with locked, run.storage_errors(SearchError):
            study.ask()
    other.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+nodriver://me:secret@host/x", "nodriver"),
        ("mysql+mysqldb://me:secret@host/x", "database access|DB access"),
        ("sqlite:///a{b}.db", "'b'"),
        ("redis://host", "JournalRedisBackend"),
        ("study.db", "Could not parse"),
    ],
)
def test_a_storage_of_no_use_is_one_line_without_its_password(url: str, words: str, tmp_path: Path) -> None:
    run = Run(tmp_path, stored_at(url, "x"))
    with pytest.raises(SearchError, match=words) as caught:
        run.open_study({})
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def as_nobody(call: Callable[[], None]) -> None:
    """Does something in a child without the rights of root."""
    child = os.fork()
    if not child:
        os.setegid(65534)
        os.seteuid(65534)
        try:
            call()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def a_file(path: Path) -> Path:
    path.write_text("precious")
    return path


def below_a_file(path: Path) -> Path:
    return a_file(path) / "run"


def a_dangling_link(path: Path) -> Path:
    path.symlink_to("nowhere")
    return path


def a_circle(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


def too_long(path: Path) -> Path:
    return path.with_name("x" * 300)


def too_deep(path: Path) -> Path:
    return path.joinpath(*["x" * 100] * 5)


@pytest.mark.parametrize("make", [too_deep, a_file, below_a_file, a_dangling_link, a_circle, too_long])
def test_what_cannot_become_a_run_is_refused_before_anything_runs(make: Callable[[Path], Path], tmp_path: Path) -> None:
    path = make(tmp_path / "thing")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SearchError, match=r"choose another run directory with -o search\.run=DIR") as caught:
        check_directory(path)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("mode", "below"), [(0o555, "run"), (0o644, "run"), (0o555, "."), (0o644, "."), (0o000, ".")])
def test_a_directory_of_somebody_else_is_refused(mode: int, below: str) -> None:
    if os.getuid():
        pytest.skip("needs root, to be somebody else")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(mode)

    def refused() -> None:
        with pytest.raises(SearchError, match="choose another run directory"):
            check_directory(folder / below)

    try:
        as_nobody(refused)
    finally:
        folder.rmdir()


def test_a_directory_that_can_be_made_passes(tmp_path: Path) -> None:
    check_directory(tmp_path / "new" / "run")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    check_directory(tmp_path / "link")
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_storage_that_forgets_is_refused(tmp_path, url):
    with pytest.raises(SearchError, match="in memory only"):
        Run(tmp_path / "r", stored_at(url)).check_storage()


@pytest.mark.parametrize("url", ["nope", "sqlite:///no/such/folder/x.db"])
def test_a_storage_that_cannot_be_opened_is_refused_before_there_is_a_run(tmp_path, url):
    with pytest.raises(SearchError, match="cannot use the storage"):
        Run(tmp_path / "r", stored_at(url)).check_storage()
    assert not (tmp_path / "r").exists()
