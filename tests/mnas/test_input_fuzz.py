"""The bench that damages inputs is worth something if it sees each kind of fault, and gives the same inputs again."""

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import strategies as st

from mnas.errors import SearchError

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import input_fuzz
from fuzzing import judge
from fuzzing.cases import Case, Kind, Refused, Wrong, load, save
from fuzzing.images import passed_over

CASE = Case("images", "odd7.png", b"x", ("", "3"))


def hang():
    time.sleep(60)


def warn():
    warnings.warn("Truncated File Read", stacklevel=1)


def refuse(message):
    def use():
        raise SearchError(message)

    return use


def refuse_bytes():
    raise Refused from SearchError("these bytes are not a model")


def give_nonsense():
    raise Wrong("a price that cannot be: -1 ms")


@pytest.mark.parametrize(
    ("use", "outcome", "group"),
    [
        (lambda: None, "accepted", ""),
        (refuse("/set/odd7.png is not an image: remove it"), "refused", ""),
        (refuse_bytes, "refused", ""),
        (refuse("not an image"), "fault", "message names no file"),
        (lambda: {}["key"], "fault", "KeyError at no line of the project"),
        (lambda: SearchError(int("x")), "fault", "ValueError"),
        (warn, "fault", "UserWarning"),
        (give_nonsense, "fault", "accepted: a price that cannot be"),
        (lambda: bytearray(2 * judge._MEMORY_BYTES), "fault", "MemoryError"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "fault", "the process died (-9)"),
        (hang, "fault", "no answer within 2 s (-9)"),
    ],
)
def test_each_kind_of_fault_is_seen_and_the_next_input_is_judged_all_the_same(use, outcome, group, monkeypatch):
    monkeypatch.setattr(judge, "TIME_LIMIT_S", 2.0)
    kind = Kind(st.nothing(), list, lambda case, folder: use() if case is CASE else None)
    other = Case("images", "odd7.png", b"other")
    before, found, after = judge.judged(kind, [other, CASE, other])
    assert before.outcome == after.outcome == "accepted"
    assert found.outcome == outcome
    assert found.group.startswith(group)


def test_a_kept_input_is_read_as_it_was(tmp_path):
    case = Case("images", "odd7\udce9\n.png", b"\0\1", ("link", "1"))
    save(case, tmp_path / "kept")
    assert load(tmp_path / "kept") == case


def test_a_kept_input_is_replayed_by_the_entry_of_its_kind(tmp_path, capsys):
    save(Case("configurations", "odd7.toml", b"[search]\nrun = 1 = 2\n"), tmp_path / "kept")
    assert not input_fuzz.main(["--replay", str(tmp_path / "kept")])
    said = capsys.readouterr().out
    assert "odd7.toml" in said
    assert "refused" in said


@pytest.mark.parametrize("kind", input_fuzz.KINDS)
def test_one_seed_gives_one_series_of_inputs(kind):
    once, again, other = (input_fuzz.drawn(kind, 20, seed) for seed in (1, 1, 2))
    assert once == again != other
    assert len(set(once)) > 15


def test_what_the_summary_of_a_folder_counts_as_passed_over_is_added_up():
    class Silent:
        summary = ("passed over: 2 not an image (.txt 2): a; 1 b.txt; 3 links to images: c", "warning: 4 of 5 classes")

    assert passed_over(Silent()) == 6
    assert passed_over(object()) == 0


def test_the_bench_counts_what_it_judged_and_accepts_what_is_sound(tmp_path):
    words = [sys.executable, input_fuzz.__file__, "--count", "40", "--processes", "1", "--keep", tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "a sound input is refused" not in done.stdout
    rows = re.findall(r"^(\w+) +accepted +(\d+)  refused +(\d+)  fault +(\d+)", done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == list(input_fuzz.KINDS), done.stderr
    faults = sum(int(row[3]) for row in rows)
    judged = sum(int(number) for row in rows for number in row[1:])
    sound = sum(len(kind.sound()) for kind in input_fuzz.KINDS.values())
    assert f"inputs {judged}, distinct faults" in done.stdout
    assert judged == 40 + sound
    assert done.returncode == bool(faults)
    assert bool(list(tmp_path.glob("*.case.json"))) == bool(faults)
