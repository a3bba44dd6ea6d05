"""Families and tasks of other packages that are not what they say they are: one line, whichever command meets them."""

import subprocess
import sys

import pytest
from toy_task import DISCS

from mnas.config import TaskSection
from mnas.errors import SearchError
from mnas.tasks import task, task_of, tasks
from search_spaces import SpaceError, families

CODE = """
from dataclasses import replace
from search_spaces import families
from mnas.tasks import TASKS

mnasnet = families.__wrapped__.__globals__["FAMILIES"]["mnasnet"]
other = replace(mnasnet, name="other")
classification = TASKS["classification"]
rival = replace(classification, name="rival", metric=replace(classification.metric, decimals=5))
"""
GROUPS = {"mnas.families": (families, SpaceError), "mnas.tasks": (tasks, SearchError)}


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Announces entries in a group, from an installed package of this test's own."""

    def announce(group, *entries):
        about = tmp_path / "strange-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *entries]) + "\n")
        (tmp_path / "strange.py").write_text(CODE)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "strange", raising=False)

    return announce


@pytest.mark.parametrize(
    ("group", "entry", "words"),
    [
        ("mnas.families", "gone = no_such_package:GONE", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("mnas.families", "gone = strange:GONE", "cannot be loaded: AttributeError"),
        ("mnas.families", "other = strange:classification", "is not a family of that name"),
        ("mnas.families", "wrong = strange:other", "is not a family of that name"),
        ("mnas.families", "mnasnet = strange:mnasnet", "offers a family whose name is taken"),
        ("mnas.tasks", "gone = no_such_package:GONE", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("mnas.tasks", "rival = strange:other", "is not a task of that name"),
        ("mnas.tasks", "classification = strange:classification", "offers a task whose name is taken"),
        ("mnas.tasks", "rival = strange:rival", "'classification' and 'rival' have different metrics 'accuracy'"),
    ],
)
def test_what_cannot_be_used_is_one_line(offer, group, entry, words):
    offer(group, entry)
    catalogue, error = GROUPS[group]
    with pytest.raises(error, match=words) as caught:
        catalogue.__wrapped__()
    assert "\n" not in str(caught.value)


def test_a_family_of_another_package_stands_beside_ours(offer):
    offer("mnas.families", "other = strange:other")
    assert {"mnasnet", "other", "toy"} <= families.__wrapped__().keys()


def test_a_command_says_it_without_a_traceback(offer, tmp_path):
    offer("mnas.tasks", "gone = no_such_package:GONE")
    (tmp_path / "search.toml").write_text(
        '[search]\nrun = "run"\n[data]\nsource = "digits"\n[latency]\ntarget_ms = 1\n'
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mnas.main import main; main()"
    words = [sys.executable, "-c", code, "search", str(tmp_path / "search.toml")]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "gone = no_such_package:GONE of mnas.tasks cannot be loaded" in done.stderr


def test_a_task_is_found_by_its_name():
    assert task("discs") is DISCS
    assert task_of({"task": {"name": "discs"}}) is DISCS
    assert task_of({}).name == "classification"
    assert TaskSection(name="discs").record is DISCS
    with pytest.raises(SearchError, match="no task 'disks'; known: classification, discs"):
        task("disks")
