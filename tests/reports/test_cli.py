"""`mnas report` on real run directories."""

import os
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

import optuna
import pandas as pd
import pytest
from click.testing import CliRunner
from report_command import run_report

from device_bench.terminal import printable
from mnas.files import write_json
from mnas.main import mnas


def test_without_options_everything_is_written_into_the_run(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", [*runs.trials(30), runs.failed()], [runs.reference()])
    result = run_report(path)
    assert result.exit_code == 0, result.output
    assert "30 trials finished, 1 failed, 0 running" in result.output
    assert "mnasnet-a1" in result.output
    written = {file.name for file in path.iterdir() if file.is_file()}
    assert {"report.html", "front.csv", "pareto.png", "pareto.svg", "pareto.pdf"} <= written
    front = pd.read_csv(path / "front.csv")
    assert front["latency_ms"].is_monotonic_increasing
    assert front["on_front"].all()


def test_only_what_is_named_is_written(runs, tmp_path):
    path = runs.directory(tmp_path / "demo")
    before = {file.name for file in path.iterdir()}
    result = run_report(path, "--figure", tmp_path / "out" / "p.pdf", "--csv", tmp_path / "out" / "front.csv")
    assert result.exit_code == 0, result.output
    assert {file.name for file in path.iterdir()} == before
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["front.csv", "p.pdf"]


def test_several_runs_are_one_page_and_one_figure(runs, tmp_path):
    one = runs.directory(tmp_path / "one", runs.trials(10))
    two = runs.directory(tmp_path / "two", runs.trials(10, seed=1))
    result = run_report(one, two, "-o", tmp_path / "both.html", "-f", tmp_path / "both.png")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "both.html").read_text()
    assert "one" in page
    assert "two" in page
    alone = run_report(one, two)
    assert alone.exit_code == 0
    assert "nothing written" in alone.output


@pytest.mark.parametrize("state", ["none", "failed", "one"])
def test_hardly_begun_runs_give_a_page(runs, tmp_path, state):
    made = {"none": [], "failed": [runs.failed()] * 2, "one": runs.trials(1)}[state]
    path = runs.directory(tmp_path / "demo", made)
    result = run_report(path)
    assert result.exit_code == 0, result.output
    assert (path / "report.html").stat().st_size > 1_000
    assert (path / "pareto.png").stat().st_size > 1_000


def test_a_run_in_another_storage_is_read_from_there(runs, tmp_path):
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    path = runs.directory(tmp_path / "demo", runs.trials(3), storage=url)
    assert not (path / "study.db").exists()
    result = run_report(path)
    assert result.exit_code == 0, result.output
    assert "3 trials finished" in result.output


def test_a_run_still_being_written_is_read_as_it_stands(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(3))
    optuna.load_study(study_name="search", storage=f"sqlite:///{path}/study.db").ask()
    result = run_report(path)
    assert result.exit_code == 0, result.output
    assert "3 trials finished, 0 failed, 1 running" in result.output


def broken(runs, tmp_path, what):
    path = runs.directory(tmp_path / "demo", runs.trials(2))
    target = tmp_path / "out.html"
    if what == "no run":
        return [tmp_path / "nowhere"], "not a run directory"
    if what == "no study":
        (path / "study.db").unlink()
        return [path], "holds no trials yet"
    if what == "damaged study":
        (path / "study.db").write_bytes(b"no database " * 500)
        return [path], "cannot use the storage"
    if what == "damaged config":
        (path / "config.json").write_text("{")
        return [path], "is not JSON"
    if what == "foreign config":
        (path / "config.json").write_text('{"format": 1}')
        return [path], "changed by hand"
    if what == "damaged reference":
        (path / "references" / "net").mkdir(parents=True)
        (path / "references" / "net" / "record.json").write_text("[")
        return [path], "is not JSON"
    if what == "suffix":
        return [path, "--figure", tmp_path / "p.gif"], "written as .png, .svg or .pdf"
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "out.html"
    return [path, "-o", target], "cannot write"


WRONG = [
    "no run",
    "no study",
    "damaged study",
    "damaged config",
    "foreign config",
    "damaged reference",
    "suffix",
    "place",
]


@pytest.mark.parametrize("what", WRONG)
def test_wrong_input_is_one_line_and_exit_code_two(runs, tmp_path, what):
    arguments, words = broken(runs, tmp_path, what)
    result = run_report(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert result.output.strip().count("\n") == 0
    assert "Traceback" not in result.output


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom reports.cli import report\n"
        "assert CliRunner().invoke(report, ['--help']).exit_code == 0\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'jinja2', 'optuna', 'moocore', 'rich', 'tensorflow'}\n"
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_report_never_imports_tensorflow(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(3))
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom reports.cli import report\n"
        f"assert CliRunner().invoke(report, [{str(path)!r}]).exit_code == 0\n"
        "assert not {'tensorflow', 'tf_keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_figures_go_into_one_directory(runs, tmp_path):
    path = runs.directory(tmp_path / "demo")
    result = run_report(path, "--all-figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    names = {file.name for file in (tmp_path / "figures").iterdir()}
    assert {"pareto.pdf", "progress.svg", "networks.png"} <= names
    assert len(names) == 18


def test_refresh_follows_until_the_search_has_ended(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(5))
    page = tmp_path / "page.html"

    def end():
        while not page.exists():
            time.sleep(0.05)
        write_json(path / "final.json", runs.final((0, 0.5)))

    ending = threading.Thread(target=end)
    ending.start()
    result = run_report(path, "-o", page, "--refresh", "1")
    ending.join()
    assert result.exit_code == 0, result.output
    assert "the search has ended" in result.output
    assert '"refresh":null' in page.read_text()


def test_debug_shows_where_an_error_came_from(tmp_path):
    result = CliRunner().invoke(mnas, ["--debug", "report", str(tmp_path)])
    assert type(result.exception).__name__ == "ReportError"


@pytest.mark.parametrize("first", ["none", "failed"])
def test_a_run_with_nothing_finished_beside_one_with_results(runs, tmp_path, first):
    empty = runs.directory(tmp_path / "empty", {"none": [], "failed": [runs.failed()]}[first])
    full = runs.directory(tmp_path / "full", runs.trials(5))
    result = run_report(
        empty, full, "-o", tmp_path / "both.html", "-f", tmp_path / "both.png", "--csv", tmp_path / "f.csv"
    )
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv(tmp_path / "f.csv")["run"]) == {"full"}


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (option, f"x{ending}")
        for option in ("-o", "--csv")
        for ending in ("", ".pdf", ".png", ".svg", ".txt", ".parquet")
    ]
    + [("-o", "x.csv"), ("--csv", "x.html"), ("--figure", "x.html"), ("--figure", "x.csv")],
)
def test_an_ending_of_another_kind_is_refused_before_anything_is_read_or_written(tmp_path, option, name):
    result = run_report(tmp_path / "demo", "-o", tmp_path / "good.html", option, tmp_path / name)
    assert result.exit_code == 2
    assert f"{name}: " in result.output
    assert result.output.strip().count("\n") == 0
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "good.html").exists()


@pytest.mark.parametrize(
    ("option", "name"), [("-o", "x.HTML"), ("-o", "x.htm"), ("--csv", "x.CSV"), ("--figure", "x.PDF")]
)
def test_endings_in_capitals_are_the_same_endings(runs, tmp_path, option, name):
    result = run_report(runs.directory(tmp_path / "demo", runs.trials(2)), option, tmp_path / name)
    assert result.exit_code == 0, result.output
    assert (tmp_path / name).is_file()


NAMES = [b"caf\xe9", b"\x1b[2J:phone:\n$a_b\\frac$", "\u202egpj 日本".encode()]


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", NAMES)
def test_a_run_may_have_any_name(runs, tmp_path, name):
    path = runs.directory(tmp_path / os.fsdecode(name), runs.trials(4), [runs.reference("$net_\x1b[1m\\frac:phone:")])
    other = runs.directory(tmp_path / "other", runs.trials(4, seed=1))
    result = run_report(path, other, "-o", tmp_path / "both.html", "-f", tmp_path / "both.svg")
    assert result.exit_code == 0, result.output
    assert printable(os.fsdecode(name)) in result.output
    assert "$net_\\x1b[1m\\frac:phone:" in result.output
    page = (tmp_path / "both.html").read_bytes().decode()
    assert f'<h3><i class="swatch run0"></i>{printable(os.fsdecode(name))}</h3>' in page
    assert not set("\x1b\u202e") & set(page + result.output)
    ElementTree.parse(tmp_path / "both.svg")


def test_a_terminal_without_unicode_shows_the_words_and_the_table(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(5), [runs.reference()])
    command = [sys.executable, "-c", "from mnas.main import main; main()", "report", str(path), "--csv", "front.csv"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"mnasnet-a1 (" in done.stdout
    assert b"wrote " in done.stdout
    assert b"\\u" not in done.stdout
