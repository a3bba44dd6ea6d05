"""A search killed by `kill -9` at random instants ends as one never killed; `bench/resume.py` kills ten times."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_search import search_command, write_config

from mnas.run import Run

KILLS = int(os.environ.get("MNAS_KILLS", "2"))


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    config = folder / f"{name}.toml"
    write_config(
        config,
        search={"run": str(folder / name), "trials": 6, "batch": 3, "workers": 2},
        # The cache makes latencies equal: what the first search measured, the others look up. All else is computed
        # again.
        latency={"target_ms": 0.05, "cache": str(folder / "latencies.jsonl")},
        confirm={"top": 2, "rounds": 1, "keep": 2},
        references={"names": ["mobilenet-v2"]},
    )
    with (folder / f"{name}.log").open("a") as log:
        return subprocess.Popen(search_command(str(config)), stdout=log, stderr=log, text=True, start_new_session=True)


def left_over(session: int) -> list[int]:
    """Processes of a session that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def kill(process: subprocess.Popen[str], after_s: float) -> bool:
    """Kills the search, not its workers, which must go by themselves; says whether it was still running."""
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while left_over(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left_over(process.pid) == []
        return True
    return False


def story(run: Run) -> dict[str, Any]:
    """Everything that must be equal."""
    with np.load(run.checkpoint) as arrays:
        controller = {name: arrays[name].tolist() for name in arrays.files}
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name,
            "params": trial.params,
            "values": trial.values,
            "reward": trial.user_attrs.get("reward"),
            "error": trial.user_attrs.get("error"),
        }
        for trial in run.study().trials
    ]
    return {
        "trials": trials,
        "controller": controller,
        "final": run.final and run.final.stored(run.task),
        "references": names(run),
    }


def names(run: Run) -> list[tuple[str, float, float]]:
    return [(one.name, one.value, one.latency_ms) for one in run.references()]


def kill_until_finished(folder: Path, name: str, kills: int, lasted_s: float, rng: random.Random) -> int:
    """Kills a search up to `kills` times, then lets it finish; says how often it was killed.

    Each time at any instant of what is left to do: one that has ended cannot be killed, and takes as long.
    """
    killed, left_s = 0, lasted_s
    while killed < kills:
        after_s = rng.uniform(0.0, 0.95) * left_s
        left_s -= 0.8 * after_s
        if not kill(start(folder, name), after_s):
            return killed
        killed += 1
        done = len(list((folder / name / "candidates").glob("*/evaluation.json")))
        print(
            f"{name}: killed after {after_s:.1f} s (a whole search takes {lasted_s:.1f} s), {done} candidates trained"
        )
    assert start(folder, name).wait(300) == 0, (folder / f"{name}.log").read_text()
    return killed


@pytest.mark.timeout(1800)
def test_killed_at_random_instants_and_resumed(tmp_path: Path) -> None:
    began = time.monotonic()
    assert start(tmp_path, "whole").wait(300) == 0, (tmp_path / "whole.log").read_text()
    lasted_s = time.monotonic() - began
    whole = story(Run.open(tmp_path / "whole"))
    assert [trial["state"] for trial in whole["trials"]].count("COMPLETE") >= 4
    rng = random.Random(os.environ.get("MNAS_KILL_SEED", "0"))
    kills = 0
    for number in range(10 * KILLS):
        name = f"killed-{number}"
        kills += kill_until_finished(tmp_path, name, KILLS - kills, lasted_s, rng)
        assert json.dumps(story(Run.open(tmp_path / name)), indent=1) == json.dumps(whole, indent=1)
        if kills == KILLS:
            return
    pytest.fail(f"the search was killed {kills} times only")
