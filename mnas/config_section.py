"""What the sections of a configuration are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from mnas.home import at_home

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def _place(value: Any) -> Any:
    """A path, or text that holds one, as the system takes it."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path cannot hold a null character")
    return at_home(value) if isinstance(value, str) else value


def _path(value: Any) -> Any:
    """The same where nothing but a path will do."""
    if value == "":
        raise ValueError("the path is empty")
    return _place(value)


def _listed(value: Any) -> Any:
    """One item where a list is wanted is a list of one."""
    return (value,) if isinstance(value, str) else value


ConfigPath = Annotated[Path, BeforeValidator(_path)]
Place = Annotated[str, BeforeValidator(_place)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Places = Annotated[tuple[Place, ...], BeforeValidator(_listed)]


class Section(BaseModel):
    """A section: its keys are its fields, and there are no others."""

    model_config = ConfigDict(**STRICT, frozen=True)
