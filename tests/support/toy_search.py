"""Commands on the toys, a family and a task of other packages that only entry points announce, as users run them."""

import os
import subprocess
import sys
from pathlib import Path

import toy_task

MNAS = str(Path(sys.executable).with_name("mnas"))
TOYS = str(Path(toy_task.__file__).parent)
TOY_SECTIONS = """
[space]
name = "toy"
[task]
name = "discs"
[data]
source = "discs:200"
image_size = 16
channels = 3
[train]
epochs = 4
batch_size = 8
"""
"""What every search on the toys has in its configuration."""


def begin(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command of ours, which finds the toys."""
    paths = os.pathsep.join([TOYS, str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [MNAS, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
    )
