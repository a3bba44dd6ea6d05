"""Benches are run by hand, so what they import is held to be there."""

import ast
import importlib
from pathlib import Path

import pytest

PACKAGES = ("device_bench", "mnas", "reports", "search_spaces")
SCRIPTS = sorted(Path(__file__).parents[1].glob("bench/**/*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_bench_imports_is_there(script):
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")
