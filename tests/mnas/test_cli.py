"""The command as users meet it: a process, its exit code, its words."""

import subprocess
import sys
from pathlib import Path

import pytest

MNAS = str(Path(sys.executable).with_name("mnas"))
LIGHT = "tensorflow tf_keras keras pandas matplotlib optuna sklearn plotly ai_edge_litert".split()


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
        "from mnas.cli import main\n"
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


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = mnas("--debug", "search", "none.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
