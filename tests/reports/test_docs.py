"""What the documentation shows does what it says."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from reports import figures
from reports.cli import report, watch

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def demo(runs, tmp_path, monkeypatch):
    runs.directory(tmp_path / "runs" / "demo", runs.trials(30), [runs.reference()])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_notebook_runs_from_top_to_bottom(demo):
    notebook = json.loads((DOCS / "notebook" / "report.ipynb").read_text())
    scope, drawn = {}, 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        lines = [line for line in "".join(cell["source"]).split("\n") if not line.startswith("%")]
        exec(compile("\n".join(lines), "notebook", "exec"), scope)
        last = lines[-1].strip()
        if last.split("(")[0] in figures.__all__:
            assert isinstance(eval(last, scope), Figure)
            drawn += 1
    assert drawn == 8
    assert len(scope["table"]) == 31


def test_python_in_the_guide_runs(demo):
    for code in re.findall(r"```python\n(.*?)```", (DOCS / "reports.md").read_text(), re.DOTALL):
        exec(compile(code, "reports.md", "exec"), {})
    assert (demo / "front.pdf").is_file()
    assert (demo / "cells.png").is_file()


def test_the_guide_names_every_figure_option_and_image():
    text = (DOCS / "reports.md").read_text()
    for name in set(figures.__all__) - {"save"}:
        assert f"`{name}`" in text
    used = set(re.findall(r"(?<=\s)--[a-z-]+", "".join(re.findall(r"```\n(.*?)```", text, re.DOTALL))))
    known = CliRunner().invoke(report, ["--help"]).output + CliRunner().invoke(watch, ["--help"]).output
    assert used
    assert all(option in known for option in used)
    for image in re.findall(r"!\[.*?\]\((.*?)\)", text):
        assert (DOCS / image).is_file()
