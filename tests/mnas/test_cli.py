"""The command as users meet it: a process, its exit code, its words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_search import MNAS

from device_bench.errors import BadRequest, BenchError
from mnas import main
from mnas.errors import CandidatesWait, RunFailed, SearchError
from reports.errors import ReportError
from search_spaces import SpaceError

LIGHT = "numpy pydantic tensorflow tf_keras keras pandas matplotlib optuna sklearn plotly ai_edge_litert".split()


def mnas(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MNAS, *words], capture_output=True, text=True, timeout=120, cwd=cwd, check=False)


def commands() -> list[str]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group="mnas.commands").names)


@pytest.mark.parametrize("command", [[], *([name] for name in commands())], ids=str)
def test_help_is_light(command: list[str]) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['mnas', *{command!r}, '--help']\n"
        "from mnas.main import main\n"
        "try:\n    main()\n"
        f"finally:\n    print('HEAVY', [name for name in {LIGHT!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("HEAVY []")
    assert "Usage: mnas" in done.stdout


def test_every_command_is_listed_with_its_first_line() -> None:
    listed = mnas("--help").stdout
    assert all(name in listed for name in commands())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["search", "none.toml"], "cannot read none.toml"),
        (["export", "none", "-o", "out"], "none is not a run directory"),
        (["export", "none", "-o", "out", "--precision", "int4"], "'int4' is not one of"),
        (["export", "none", "-o", "out", "--trial", "first"], "neither a trial's number nor best"),
        (["serach"], "No such command"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str], message: str, tmp_path: Path) -> None:
    done = mnas(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


class Elsewhere(Exception):
    """An error of a package that brings a command of its own."""

    exit_code = 3


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (SearchError("no"), 2),
        (SpaceError("no"), 2),
        (BadRequest("no"), 2),
        (ReportError("no"), 2),
        (RunFailed("no"), 1),
        (CandidatesWait("no"), 1),
        (BenchError("no"), 1),
        (OSError("no"), 1),
        (Elsewhere("no"), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_carries_its_exit_code(error, exit_code, monkeypatch, capsys) -> None:
    def fail(*words: object, **settings: object) -> None:
        raise error

    monkeypatch.setattr(main.mnas, "main", fail)
    assert main.run(["report"]) == exit_code
    assert capsys.readouterr().err == "mnas: no\n"


def test_a_fault_that_nobody_foresaw_is_not_told_as_an_error(monkeypatch) -> None:
    def fail(*words: object, **settings: object) -> None:
        raise KeyError("no")

    monkeypatch.setattr(main.mnas, "main", fail)
    with pytest.raises(KeyError):
        main.run(["report"])


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = mnas("--debug", "search", "none.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "utf-8:strict"])
def test_names_that_the_terminal_cannot_show_are_escaped(encoding: str, tmp_path: Path) -> None:
    words = [MNAS, "search", b"caf\xe9-\xe6\x97\xa5.toml"]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, capture_output=True, timeout=120, cwd=tmp_path, env=env, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"mnas: cannot read caf")
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_the_system_cannot_write_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "search.toml").write_text(
        '[search]\nrun = "\\u65e5"\n[data]\nsource = "digits"\n[latency]\ntarget_ms = 1\n'
    )
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [MNAS, "search", "search.toml"], capture_output=True, timeout=60, cwd=tmp_path, env=env, check=False
    )
    assert done.returncode == 2
    assert b"cannot be written in ascii: set LC_ALL=C.UTF-8" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    done = mnas("search", "a\nb\x1b[31m.toml", cwd=tmp_path)
    assert done.stderr == "mnas: cannot read a\\nb\\x1b[31m.toml: No such file or directory\n"


@pytest.mark.parametrize(("output", "code"), [("/dev/full", 1), ("closed pipe", 1)])
def test_an_output_that_takes_no_more_is_no_traceback(output: str, code: int, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") if output == "closed pipe" else Path(output).open("wb") as stdout:
        done = subprocess.run([MNAS, "--help"], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) <= 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["export", "~/none", "-o~/out"], ["export", "$HOME/none", "--output=~/out"]])
def test_a_home_directory_is_found_in_any_word(words: list[str], tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [MNAS, *words], capture_output=True, text=True, timeout=60, cwd=tmp_path, env=env, check=False
    )
    assert done.stderr == f"mnas: {tmp_path}/none is not a run directory: it has no config.json\n"
    assert list(tmp_path.iterdir()) == []


def test_the_home_of_nobody_is_one_line(tmp_path: Path) -> None:
    done = mnas("export", "~nobody-here/run", "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no user 'nobody-here'" in done.stderr
