"""The conformance suites find faults: each broken part fails the tests that are there for its fault."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import broken_parts
import broken_samplers
import pytest

import device_bench.testing
import mnas.testing
import search_spaces.testing

CASES = {
    name: kind
    for module in (broken_parts, broken_samplers)
    for name, kind in vars(module).items()
    if "fails" in getattr(kind, "__dict__", ())
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Class and test -> the first words of each failure, from one run of all of them; empty for a test that passed."""
    path, folder = tmp_path_factory.mktemp("suites") / "outcomes.xml", Path(broken_parts.__file__).parent
    chosen = [f"{folder / kind.__module__}.py::{name}::{test}" for name, kind in CASES.items() for test in kind.fails]
    words = ["-q", "-p", "no:cacheprovider", f"--junitxml={path}", *chosen]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True, text=True, timeout=280)
    assert done.returncode == 1, done.stdout + done.stderr
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        key = case.get("classname").rpartition(".")[2], case.get("name")
        found[key] = [failure.get("message") for failure in case]
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_found(outcomes, name):
    for test in CASES[name].fails:
        told = [words for (where, case), words in outcomes.items() if where == name and case.startswith(test)]
        assert told, f"{test} was not run"
        for messages in told:
            assert len(messages) == 1
            assert messages[0].startswith(("AssertionError", "assert", "Failed: DID NOT RAISE")), messages[0]


def test_every_suite_is_shown_a_fault():
    suites = {name for module in (device_bench.testing, mnas.testing, search_spaces.testing) for name in module.__all__}
    shown = {base.__name__ for kind in CASES.values() for base in kind.__mro__}
    assert suites <= shown
