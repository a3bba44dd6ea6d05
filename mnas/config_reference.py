"""Every key of the configuration as a Markdown reference, from the configuration itself.

python -m mnas.config_reference    prints what docs/search.md holds.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from mnas.config import config_of
from mnas.docstrings import attribute_meanings
from mnas.training.recipe import Recipe


def key_reference() -> str:
    """One table per section: key, default and meaning."""
    parts = []
    for name, field in config_of("mnasnet").model_fields.items():
        section = field.annotation
        assert section is not None
        first_line = (inspect.getdoc(section) or "").splitlines()[0]
        rows = _recipe_rows() if section is Recipe else _rows(section)
        parts += [f"### `[{name}]`", "", first_line, "", "| key | default | what |", "| --- | --- | --- |"]
        parts += [f"| `{key}` | {default} | {what} |" for key, default, what in rows] + [""]
    return "\n".join(parts)


def _rows(section: Any) -> Iterator[tuple[str, str, str]]:
    for key, field in section.model_fields.items():
        yield key, "required" if field.is_required() else _toml(field.default), field.description


def _recipe_rows() -> Iterator[tuple[str, str, str]]:
    """The training recipe is a plain dataclass: its meanings stand in its docstring."""
    meanings = attribute_meanings(Recipe)
    for field in fields(Recipe):
        yield field.name, _toml(field.default), meanings[field.name]


def _toml(value: object) -> str:
    return "" if value is None or value == "" else f"`{json.dumps(value)}`"


if __name__ == "__main__":
    print(key_reference())
