"""The guide to extensions names every suite, and its examples run: one quick test of each."""

import os
import re
import subprocess
import sys
from pathlib import Path

import toy_family

import device_bench.testing
import mnas.testing
import search_spaces.testing

GUIDE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
QUICK = {
    "TestToy": "test_json_brings_back_the_architecture",
    "TestDiscs": "test_stored_data_come_back",
    "TestBoard": "test_words_arrive_as_they_are",
    "TestMyTool": "test_a_session_is_read",
    "TestMySource": "test_it_is_the_same_source_whenever_it_is_opened",
    "TestMyExecutor": "test_a_job_reports_and_its_end_is_told",
    "TestMySampler": "test_an_open_trial_is_taken_up_with_what_it_has",
}


def test_the_examples_run(tmp_path):
    chosen = []
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)):
        path = tmp_path / f"test_example_{number}.py"
        path.write_text(code)
        chosen += [f"{path}::{name}::{QUICK[name]}" for name in re.findall(r"^class (\w+)", code, re.MULTILINE)]
    assert len(chosen) == len(QUICK)
    paths = [str(Path(toy_family.__file__).parent), *filter(None, sys.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_suite_is_named():
    for module in (device_bench.testing, mnas.testing, search_spaces.testing):
        for name in module.__all__:
            assert name in GUIDE
