import os
import subprocess
from pathlib import Path

import pytest

from mnas.command_line import argument, pasteable

WORDS = [
    "a b",
    "it's",
    '"',
    "-x",
    "n\u00e9 \u65e5",
    "x\ny\x1b'\"\\$`!",
    "caf\udce9",
    "",
    "~/x",
    "*?[a]",
    "$HOME",
    "#",
    "a;b&c",
]


@pytest.mark.parametrize("word", WORDS, ids=repr)
def test_a_shell_reads_what_was_meant(word: str) -> None:
    line = pasteable(["printf", r"%s\0", word])
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == os.fsencode(word) + b"\0"
    assert line.isprintable()


def test_plain_words_stay_as_they_are() -> None:
    assert pasteable(["mnas", "search", "a.toml", "-o", "search.trials=50"]) == "mnas search a.toml -o search.trials=50"


def test_no_path_is_taken_for_an_option() -> None:
    assert [argument(Path(name)) for name in ("-x.toml", "a-b", "/-x")] == ["./-x.toml", "a-b", "/-x"]
