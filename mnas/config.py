"""The configuration: a TOML file, overridden by `section.key=value` words, checked whole before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Literal, Self, get_type_hints

from pydantic import Field, create_model, field_validator, model_validator

from device_bench.kinds import Precision
from mnas.config_section import ConfigPath, Place, Places, Section, Texts
from mnas.controllers.algorithms import ALGORITHMS
from mnas.docstrings import attribute_meanings
from mnas.errors import SearchError
from mnas.home import at_home
from mnas.sharing.section import SharingSection
from mnas.tasks import DEFAULT, Data, Task, task
from mnas.training.recipe import Recipe
from search_spaces import SpaceChoice, family


class SearchSection(Section):
    """What to run, for how long, by which algorithm, and where."""

    run: ConfigPath = Field(description="Run directory; a search found there is resumed.")
    trials: int = Field(
        default=100, ge=1, description="Number of candidates in all, including those from before a resume."
    )
    start: Places = Field(
        default=(),
        description="Begin with published networks by name, or with the trials of earlier runs by directory "
        "(their rewards are recomputed, so the target may differ).",
    )
    algorithm: str = Field(
        default="ppo",
        description=f"{', '.join(f'{name} ({one.description})' for name, one in ALGORITHMS.items())}, or an Optuna "
        "sampler by its class name.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Candidates proposed together; by default the algorithm's own number.",
    )
    evaluate: Literal["alone", "shared"] = Field(
        default="alone",
        description="alone trains every candidate by itself; shared trains the weights of all networks together, lets "
        "them rank networks, and trains only the best alone (see sharing).",
    )
    workers: int = Field(default=2, ge=1, le=256, description="Processes that train candidates.")
    threads_per_worker: int = Field(
        default=1, ge=1, le=256, description="Threads per worker; training is exactly repeatable with 1."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the controller, the weights and the order of the images.")


class SpaceSection(Section):
    """The search space: a family, and what can be set for it; see `search_spaces.space`."""

    name: str = Field(default="mnasnet", description="Name of the family.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _ = self.choice
        return self

    @property
    def choice(self) -> SpaceChoice:
        """The space itself."""
        own = {one.name for one in fields(family(self.name).parameters)}
        return SpaceChoice.of(self.name, self.model_dump(include=own))


class TaskSection(Section):
    """What networks are trained and judged on; see `mnas.tasks`."""

    name: str = Field(default=DEFAULT, description="Which task.")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return task(name).name
        except SearchError as error:
            raise ValueError(str(error)) from None

    @property
    def record(self) -> Task[Any]:
        """The task itself."""
        return task(self.name)


class DataSection(Section):
    """The images; see `mnas.data.load_data`."""

    source: Place = Field(description="digits, folder:DIR, npz:FILE, idx:DIR, tfrecord:DIR, tfds:DIR or keras:NAME.")
    image_size: int = Field(default=224, ge=1, description="Height and width in pixels.")
    channels: Literal[1, 3] = Field(default=3, description="1 (grey) or 3 (colour).")
    validation_share: float = Field(
        default=0.15, gt=0, lt=1, description="Share of the images that is held out for the reward."
    )
    test_share: float = Field(
        default=0.15, gt=0, lt=1, description="Share of the images that is held out for the end and used once."
    )
    limit: int | None = Field(default=None, ge=1, description="Use at most about this many images.")

    def load(self, judged_by: Task[Any], seed: int) -> Data:
        """The data of a task; `seed` is of the splits.

        Raises:
            SearchError: The source cannot be used.
        """
        values = self.model_dump()
        loaded: Data = judged_by.load(values.pop("source"), seed=seed, **values)
        return loaded


TABLE = "table:"
"""What `latency.device` begins with where a latency table stands for a device."""


class LatencySection(Section):
    """Where and how latency is measured; see `device_bench.measure`."""

    device: Place = Field(
        default="host",
        description="host, or adb:SERIAL, adb:HOST:PORT, adb-server:SERIAL; several phones of one model with commas.",
    )
    target_ms: float | str | tuple[float | str, ...] = Field(
        description="Target in milliseconds, or the name of a reference (as fast as it is on this device); a list sets "
        "several targets."
    )
    precision: Precision = Field(
        default="int8", description="Precision of the TFLite files: float32, float16, dynamic or int8."
    )
    threads: int = Field(default=1, ge=1, le=256, description="Threads that the runtime uses.")
    cores: str | None = Field(default=None, description="Cores to run on: big, little, all or a hexadecimal mask.")
    min_sessions: int = Field(default=3, ge=1, description="Minimum processes per candidate.")
    max_sessions: int = Field(default=9, ge=1, description="Maximum processes per candidate.")
    interval: float = Field(
        default=0.05, gt=0, description="Wanted half-width of the median's interval, as a share of the median."
    )
    canary_limit: float = Field(
        default=1.1, gt=1, description="Sessions do not count if a canary model became slower by more than this factor."
    )
    patience_s: float = Field(
        default=120.0,
        ge=0,
        description="How many seconds a device that is not fit to be timed may rest in all before the search stops.",
    )
    warmup_runs: int = Field(default=8, ge=0, description="Inferences per process before the timed ones.")
    runs: int = Field(default=50, ge=1, description="Timed inferences per process.")
    cache: ConfigPath | None = Field(default=None, description="File of latencies that searches on one device share.")
    check_table: bool = Field(
        default=True,
        description="Whether to time the canary and a few operators of a table on its device first, if that is at "
        "hand; false uses the table as it is.",
    )


class ConfirmSection(Section):
    """Against the winner's curse: the top few are trained again with new seeds before the best is named."""

    top: int = Field(
        default=5,
        ge=0,
        description="How many candidates to train again; with 0 the best of the search is named as it is.",
    )
    rounds: int = Field(
        default=2, ge=0, description="New trainings per candidate; the weaker half leaves after each round."
    )
    keep: int = Field(default=3, ge=2, description="How many candidates stay to the end.")


class RewardSection(Section):
    """How accuracy and latency become one number; see `mnas.Reward`."""

    kind: Literal["soft", "hard", "absolute"] = Field(
        default="soft",
        description="accuracy x (latency / target)^w (soft: the same w everywhere; hard: only beyond the target), "
        "or accuracy + beta x abs(latency / target - 1) (absolute).",
    )
    alpha: float | None = Field(
        default=None, le=0, description="w up to the target; by default -0.07 (soft) or 0 (hard); unused by absolute."
    )
    beta: float | None = Field(
        default=None,
        le=0,
        description="w beyond the target, or beta itself (absolute); by default -0.07 (soft, absolute) or -1 (hard).",
    )


class ReferenceSection(Section):
    """Published networks to compare with, trained and timed by the same recipe."""

    names: Texts = Field(
        default=("mnasnet-a1", "mobilenet-v2"), description="Names that `search_spaces.published` knows; may be empty."
    )


class StudySection(Section):
    """Where Optuna keeps the trials."""

    storage: Place = Field(default="", description="Storage URL; by default SQLite in the run directory.")
    name: str = Field(
        default="", description="Name of the study; by default the name of the run directory if storage is a URL."
    )


class Config(Section):
    """The whole configuration, as `load_config` gives it."""

    search: SearchSection
    space: SpaceSection = SpaceSection()
    task: TaskSection = TaskSection()
    data: DataSection
    train: Recipe = Recipe()
    latency: LatencySection
    reward: RewardSection = RewardSection()
    references: ReferenceSection = ReferenceSection()
    confirm: ConfirmSection = ConfirmSection()
    sharing: SharingSection = SharingSection()
    study: StudySection = StudySection()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the default task goes without saying, as in runs from before there were others."""
        values = self.model_dump(mode="json")
        if self.task == TaskSection():
            del values["task"]
        return values


@cache
def config_of(family_name: str) -> type[Config]:
    """The configuration whose section `[space]` takes the parameters of one family.

    Raises:
        SpaceError: No family of that name.
    """
    section = space_section(family_name)
    return create_model("Config", __base__=Config, space=(section, section(name=family_name)))


@cache
def space_section(family_name: str) -> type[SpaceSection]:
    """The section `[space]` with the parameters of one family.

    Raises:
        SpaceError: No family of that name.
    """
    kind = family(family_name).parameters
    meanings, types = attribute_meanings(kind), get_type_hints(kind)
    parameters: dict[str, Any] = {
        one.name: (types[one.name], Field(default=one.default, description=meanings[one.name])) for one in fields(kind)
    }
    return create_model("SpaceSection", __base__=SpaceSection, **parameters)


RESUMABLE = ("search.trials", "search.workers", "search.run", "latency.patience_s", "latency.check_table")
"""What may differ when a search is resumed; anything else would make its later trials another search's."""


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The keys, `section.key`, in which two configurations differ beyond what a resumed search may change."""
    names = sorted(
        f"{section}.{key}"
        for section in ours.keys() | theirs.keys()
        for key in ours.get(section, {}).keys() | theirs.get(section, {}).keys()
        if not _same(ours.get(section, {}).get(key), theirs.get(section, {}).get(key))
    )
    return [name for name in names if name not in RESUMABLE]


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two values say one thing: an older run may hold a path as it was typed, with `~`."""
    if ours == theirs or not (isinstance(ours, str) and isinstance(theirs, str)):
        return bool(ours == theirs)
    try:
        return ours == at_home(theirs)
    except ValueError:
        return False


def family_name(values: Mapping[str, Any]) -> str:
    """The family that a section `space` names before it is checked; anything odd is left to that check."""
    section = values.get("space")
    name = section.get("name") if isinstance(section, dict) else None
    default: str = SpaceSection.model_fields["name"].default
    return name if isinstance(name, str) else default
