"""The file of a configuration: TOML, overridden by `section.key=value` words, checked whole before anything runs."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from mnas.config import Config, config_of, family_name
from mnas.errors import SearchError, quoted
from mnas.files import read_text
from search_spaces import SpaceError, families


def load_config(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Reads a TOML file.

    Args:
        path: The file.
        overrides: `section.key=value`, the value in TOML's notation; what is not TOML, and what looks like a number
            or a date where the key is text, is taken as the text that it is.

    Raises:
        SearchError: The file cannot be read, a key is unknown or a value impossible; the line names the key.
    """
    try:
        values = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SearchError(f"{path} is not valid TOML: {error}") from error
    except RecursionError:
        raise SearchError(f"{path} is not a configuration: its values are nested too deeply") from None
    for word in overrides:
        _override(values, word)
    return checked_config(values, path)


def checked_config(values: Mapping[str, Any], path: Path) -> Config:
    """Holds the values of a configuration against what its keys may be.

    Args:
        values: By section and key.
        path: The file that they are from.

    Raises:
        SearchError: A key is unknown or a value impossible; the line names the key.
    """
    try:
        kind = config_of(family_name(values))
    except SpaceError as error:
        raise SearchError(f"{path}: space.name: {error}") from None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SearchError(f"{path}: {_explain(error, kind)}") from None
    except SearchError as error:
        raise SearchError(f"{path}: train: {error}") from None


def _override(values: dict[str, Any], word: str) -> None:
    name, equals, text = word.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise SearchError(f"override {quoted(word)} is not of the form section.key=value")
    table = values.setdefault(section, {})
    if not isinstance(table, dict):
        raise SearchError(f"override {quoted(word)}: {section!r} is not a section")
    table[key] = _value(text.strip(), _kind(values, section, key))


def _value(text: str, kind: Any) -> Any:
    """`text` as TOML where it is that and the key takes such a value, else as it stands."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    listed = get_origin(kind) is tuple and _is_text(get_args(kind)[0])
    if listed and isinstance(value, list):
        return [str(item) for item in value]
    if (listed or _is_text(kind)) and not isinstance(value, str):
        return text
    return value


def _kind(values: Mapping[str, Any], section: str, key: str) -> Any:
    """The type of a key, without what only checks it; None for an unknown key."""
    name = family_name(values)
    found = (config_of(name) if name in families() else Config).model_fields.get(section)
    fields = getattr(found.annotation, "model_fields", {}) if found else {}
    return fields[key].annotation if key in fields else None


def _is_text(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _is_text(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return all(_is_text(one) for one in get_args(kind) if one is not type(None))
    return kind in (str, Path)


def _explain(error: ValidationError, kind: type[Config]) -> str:
    """The first problem in one line, with the nearest known key for a misspelt one."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _known_keys(kind, problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key {quoted(where)}, {hint}{more}"
    if problem["type"] == "value_error" and isinstance(problem["input"], dict):
        return f"{where}: {problem['ctx']['error']}{more}"
    if problem["type"] == "missing":
        return f"{where!r} is missing{more}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("string_type", "path_type") and not isinstance(problem["input"], list | dict):
        message += "; a name that looks like a number or a date stands in quotes"
    return f"{where} = {quoted(problem['input'])}: {message[0].lower()}{message[1:]}{more}"


def _known_keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        kind = kind.model_fields[str(part)].annotation
    return list(kind.__annotations__ if is_dataclass(kind) else kind.model_fields)
