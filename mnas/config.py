"""The configuration: a TOML file, overridden by `section.key=value` words, checked whole before anything runs."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
    with_config,
)

from mnas.docstrings import attribute_meanings
from mnas.errors import SearchError
from mnas.recipe import Recipe
from search_spaces import SpaceChoice, SpaceError, family

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
with_config(_STRICT)(Recipe)


class _Section(BaseModel):
    model_config = ConfigDict(**_STRICT, frozen=True)


class SearchSection(_Section):
    """How long to search, by which algorithm, where, with what."""

    run: Path = Field(description="Run directory; a search found there is resumed.")
    trials: int = Field(default=100, ge=1, description="Candidates in all, those of an earlier part included.")
    start: tuple[str, ...] = Field(
        default=(),
        description="Begin with published networks by name, or with the trials of earlier runs by directory "
        "(their rewards are recomputed: the target may be another).",
    )
    algorithm: str = Field(
        default="ppo",
        description="A controller (ppo, ppo-paper, reinforce, ppo-gp), evolution, or a sampler of Optuna by its class "
        "name.",
    )
    batch: int | None = Field(
        default=None, ge=1, description="Candidates proposed together; the algorithm's own by default."
    )
    workers: int = Field(default=2, ge=1, description="Processes that train candidates.")
    threads_per_worker: int = Field(default=1, ge=1, description="Threads of each; training repeats exactly with 1.")
    seed: int = Field(default=0, ge=0, description="Of the controller, the weights and the order of the images.")


class SpaceSection(_Section):
    """The search space: a family, and what that family lets a search set; see `search_spaces.space`."""

    name: str = Field(default="mnasnet", description="Which family.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _ = self.choice
        return self

    @property
    def choice(self) -> SpaceChoice:
        """The space itself."""
        return SpaceChoice.of(self.name, self.model_dump(exclude={"name"}))


class DataSection(_Section):
    """The images; see `mnas.data.load_data`."""

    source: str = Field(description="digits, folder:DIR, npz:FILE or keras:NAME.")
    image_size: int = Field(default=224, ge=1, description="Height and width in pixels.")
    channels: Literal[1, 3] = Field(default=3, description="1 (grey) or 3 (colour).")
    validation_share: float = Field(default=0.15, gt=0, lt=1, description="Held out for the reward.")
    test_share: float = Field(default=0.15, gt=0, lt=1, description="Held out for the end, touched once.")
    limit: int | None = Field(default=None, ge=1, description="At most about so many images.")


class LatencySection(_Section):
    """Where and how latency is measured; see `device_bench.measure`."""

    device: str = Field(
        default="host",
        description="host, or adb:SERIAL, adb:HOST:PORT, adb-server:SERIAL; several phones of one model with commas.",
    )
    target_ms: float | str | tuple[float | str, ...] = Field(
        description="Milliseconds, or the name of a reference (as fast as that, here); a list serves several."
    )
    precision: Literal["float32", "float16", "dynamic", "int8"] = Field(
        default="int8", description="Of the TFLite files: float32, float16, dynamic or int8."
    )
    threads: int = Field(default=1, ge=1, description="Threads of the runtime.")
    cores: str | None = Field(default=None, description="big, little, all or a hexadecimal mask.")
    min_sessions: int = Field(default=3, ge=1, description="Processes a candidate at the least.")
    max_sessions: int = Field(default=9, ge=1, description="Processes a candidate at the most.")
    interval: float = Field(
        default=0.05, gt=0, description="Wanted half-width of the median's interval, a share of it."
    )
    canary_limit: float = Field(
        default=1.1, gt=1, description="Sessions do not count when a canary model became slower by this factor."
    )
    warmup_runs: int = Field(default=8, ge=0, description="Inferences before the timed ones.")
    runs: int = Field(default=50, ge=1, description="Timed inferences a process.")
    cache: Path | None = Field(default=None, description="File of latencies shared by searches on one device.")


class ConfirmSection(_Section):
    """Against the winner's curse: the top few are trained again with new seeds before the best is named."""

    top: int = Field(default=5, ge=0, description="How many; 0 names the best of the search as it is.")
    rounds: int = Field(default=2, ge=0, description="New trainings each; the weaker half leaves after a round.")
    keep: int = Field(default=3, ge=2, description="How many stay to the end.")


class RewardSection(_Section):
    """accuracy x latency -> one number; see `mnas.Reward`."""

    kind: Literal["soft", "hard", "absolute"] = Field(
        default="soft",
        description="accuracy x (latency / target)^w (soft: the same w everywhere; hard: only beyond the target), "
        "or accuracy + beta x abs(latency / target - 1) (absolute).",
    )
    alpha: float | None = Field(default=None, le=0, description="w up to the target; -0.07 (soft) or 0 (hard).")
    beta: float | None = Field(default=None, le=0, description="w beyond it; -0.07 (soft, absolute) or -1 (hard).")


class ReferenceSection(_Section):
    """Published networks trained and timed by the same recipe, to compare with."""

    names: tuple[str, ...] = Field(
        default=("mnasnet-a1", "mobilenet-v2"), description="Names of `search_spaces.published`; may be empty."
    )


class StudySection(_Section):
    """Where Optuna keeps the trials."""

    storage: str = Field(default="", description="Storage URL; SQLite in the run directory by default.")
    name: str = Field(
        default="", description="Name of the study; the run directory's by default where storage is a URL."
    )


class Config(_Section):
    """The whole configuration, as `load_config` gives it."""

    search: SearchSection
    space: SpaceSection = SpaceSection()
    data: DataSection
    train: Recipe = Recipe()
    latency: LatencySection
    reward: RewardSection = RewardSection()
    references: ReferenceSection = ReferenceSection()
    confirm: ConfirmSection = ConfirmSection()
    study: StudySection = StudySection()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return self.model_dump(mode="json")


@cache
def config_of(family_name: str) -> type[Config]:
    """The configuration whose section `[space]` takes the parameters of one family.

    Raises:
        SpaceError: No family of that name.
    """
    kind = family(family_name).parameters
    meanings, types = attribute_meanings(kind), get_type_hints(kind)
    parameters: dict[str, Any] = {
        one.name: (types[one.name], Field(default=one.default, description=meanings[one.name])) for one in fields(kind)
    }
    section = create_model("SpaceSection", __base__=SpaceSection, **parameters)
    default = section(name=family_name)
    return create_model("Config", __base__=Config, space=(section, default))


RESUMABLE = ("search.trials", "search.workers", "search.run")
"""What may differ when a search goes on; anything else would make its later trials another search's."""


def load_config(path: Path, overrides: Iterable[str] = ()) -> Config:
    """Reads a TOML file.

    Args:
        path: The file.
        overrides: `section.key=value`, the value in TOML's notation; one that is not TOML is taken as a string.

    Raises:
        SearchError: The file cannot be read, a key is unknown or a value impossible; the line names the key.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SearchError(f"{path} is not valid TOML: {error}") from error
    for word in overrides:
        _override(values, word)
    try:
        kind = config_of(_family_name(values))
    except SpaceError as error:
        raise SearchError(f"{path}: space.name: {error}") from None
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SearchError(f"{path}: {_explain(error, kind)}") from None
    except SearchError as error:
        raise SearchError(f"{path}: train: {error}") from None


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The keys, `section.key`, in which two configurations differ beyond what a resumed search may change."""
    names = sorted(
        f"{section}.{key}"
        for section in ours.keys() | theirs.keys()
        for key in ours.get(section, {}).keys() | theirs.get(section, {}).keys()
        if ours.get(section, {}).get(key) != theirs.get(section, {}).get(key)
    )
    return [name for name in names if name not in RESUMABLE]


def _override(values: dict[str, Any], word: str) -> None:
    name, equals, text = word.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise SearchError(f"override {word!r} is not of the form section.key=value")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = values.setdefault(section, {})
    if not isinstance(table, dict):
        raise SearchError(f"override {word!r}: {section!r} is not a section")
    table[key] = value


def _family_name(values: Mapping[str, Any]) -> str:
    """The family that `[space]` names, before the section is checked; anything odd is left to that check."""
    section = values.get("space")
    name = section.get("name") if isinstance(section, dict) else None
    default: str = SpaceSection.model_fields["name"].default
    return name if isinstance(name, str) else default


def _explain(error: ValidationError, kind: type[Config]) -> str:
    """The first problem in one line, with the nearest known key for a misspelt one."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _known_keys(kind, problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key {where!r}, {hint}{more}"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}{more}"
    if problem["type"] == "missing":
        return f"{where!r} is missing{more}"
    return f"{where} = {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}{more}"


def _known_keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    for part in loc:
        kind = kind.model_fields[str(part)].annotation
    return list(kind.__annotations__ if is_dataclass(kind) else kind.model_fields)
