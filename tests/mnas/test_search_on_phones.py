"""A search whose latencies come from phones: real adbd in network namespaces of its own."""

import subprocess
import time
from pathlib import Path

import pytest
from small_search import search_command, write_config

from mnas.run import Run

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk"), pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone that is closed here does not come back."""
    monkeypatch.setenv("MNAS_PATIENCE", "0.1")


def start(folder: Path, device: str, *overrides: str) -> subprocess.Popen[str]:
    write_config(
        folder / "search.toml",
        search={"trials": 4, "batch": 4},
        latency={"device": device, "min_sessions": 2, "max_sessions": 2},
    )
    words = search_command("search.toml", *overrides)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


def test_a_search_goes_on_when_one_of_two_phones_dies_half_way(phone, mortal_phone, tmp_path: Path) -> None:
    names = [f"adb:{one.host}:{one.port}" for one in (phone, mortal_phone)]
    process = start(tmp_path, ",".join(names))
    run = tmp_path / "run"
    dying = f"latency-adb-{mortal_phone.host}-{mortal_phone.port}.jsonl"
    while not ((run / dying).exists() and '"session"' in (run / dying).read_text()):
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    mortal_phone.close()
    output, errors = process.communicate(timeout=400)
    assert process.returncode == 0, output + errors
    trials = Run.open(run).study().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert {trial.user_attrs["latency"]["device"] for trial in trials} <= set(names)
    assert trials[0].user_attrs["latency"]["runtime"].startswith("LiteRT")


def test_a_search_whose_only_phone_is_gone_stops_and_resumes(mortal_phone, tmp_path: Path) -> None:
    process = start(tmp_path, f"adb:{mortal_phone.host}:{mortal_phone.port}")
    while not list((tmp_path / "run").glob("latency-*.jsonl")):
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    mortal_phone.close()
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert "no device is left to time on" in errors
    states = [trial.state.name for trial in Run.open(tmp_path / "run").study().trials]
    assert set(states) == {"RUNNING"}


def test_a_phone_that_is_not_there_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "adb:203.0.113.9:5555")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert "203.0.113.9" in errors
    assert not (tmp_path / "run").exists()
