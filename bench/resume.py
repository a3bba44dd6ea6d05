"""Kills a search with `kill -9` at ten random instants and compares its end with that of one never killed.

python bench/resume.py [SEED]
"""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ |= {"MNAS_KILLS": "10", "MNAS_KILL_SEED": (sys.argv[1:] or ["0"])[0]}
    test = Path(__file__).parent.parent / "tests" / "mnas" / "test_resume.py"
    sys.exit(pytest.main(["-q", "-s", "-p", "no:xdist", str(test)]))
