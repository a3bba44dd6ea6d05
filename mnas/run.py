"""The run directory: the one place on disk where a search keeps what it found.

- RUN/config.json             the resolved configuration
- RUN/data/                   the data in their splits, shared by the workers
- RUN/study.db                Optuna's storage, unless another URL is configured
- RUN/controller.npz          the controller's checkpoint
- RUN/candidates/HASH/        evaluation.json, latency.json, model.tflite, weights.npz
- RUN/references/NAME/        the same of the reference networks
- RUN/latency-DEVICE.jsonl    everything the device was seen to do, session by session
- RUN/final.json              the task's metric on the test split, touched once, at the end
- RUN/best.json, best.tflite  the candidate of the highest reward
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.file_lock import held
from mnas.config import Config
from mnas.config_file import checked_config
from mnas.errors import RunFailed, SearchError
from mnas.files import read_json, write_json
from mnas.objectives import directions, names
from mnas.records import FORMAT, Final, FinishedTrial, ReferenceRecord, StudyRecord, TrialRecord, Trust, check_format
from mnas.tasks import Data, Task

if TYPE_CHECKING:
    import optuna

_LONGEST = 503
"""Bytes that SQLite leaves for the path of a database, on whatever system."""

_NOT_OURS = "it was changed by hand, or the run needs another version or a package that is not installed here"

_ELSEWHERE = "choose another run directory with -o search.run=DIR"


@dataclass(frozen=True, slots=True)
class Run:
    """An existing run directory.

    Attributes:
        path: The directory.
        config: The resolved configuration.
    """

    path: Path
    config: Config

    @classmethod
    def create(cls, path: Path, config: Config, dataset: Data) -> Run:
        """Makes a new run directory; it is one from the moment its `config.json` is there, which is last.

        Raises:
            SearchError: The directory exists and is not empty, or cannot be written to.
        """
        left_over = {"data", ".lock"}  # of a process that was killed before it came to config.json
        if path.exists() and not (path.is_dir() and {entry.name for entry in path.iterdir()} <= left_over):
            raise SearchError(f"{path} exists and is not a run: {_ELSEWHERE}")
        config.task.record.save(dataset, path / "data")
        write_json(path / "config.json", {"format": FORMAT, **config.to_dict()})
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> Run:
        """Opens what `create` made.

        Raises:
            SearchError: No run directory, one of another format, or one whose configuration is damaged or of a family
                or a task that is not installed.
        """
        file = path / "config.json"
        try:
            found = file.is_file()
        except OSError as error:
            raise SearchError(f"cannot read {path}: {error.strerror}") from error
        if not found:
            raise SearchError(f"{path} is not a run directory: it has no config.json")
        values = read_json(file)
        if not isinstance(values, dict) or "format" not in values:
            raise SearchError(f"{file} names no format: it is damaged or was changed by hand")
        check_format(values.pop("format"), file)
        try:
            return cls(path, checked_config(values, file))
        except SearchError as error:
            raise SearchError(f"{error}; {_NOT_OURS}") from None

    @property
    def task(self) -> Task[Any]:
        """What its networks are trained and judged on."""
        return self.config.task.record

    @property
    def storage_url(self) -> str:
        """Where Optuna keeps the trials."""
        if self.config.study.storage:
            return self.config.study.storage
        return sqlite_url(self.path / "study.db")

    def study(self) -> optuna.Study:
        """The study, opened for reading.

        Raises:
            SearchError: It is missing or damaged.
        """
        import optuna

        own = not self.config.study.storage
        if own and not (self.path / "study.db").is_file():
            raise SearchError(f"{self.path} holds no trials yet: start or resume it with `mnas search`")
        with self.storage_errors(SearchError):
            try:
                return optuna.load_study(study_name=self.study_name, storage=self._storage())
            except KeyError:
                raise SearchError(f"{self._storage_name()} has no study {self.study_name!r}") from None

    def check_storage(self) -> None:
        """Refuses a storage of the user's that cannot keep the trials, before a run directory names it.

        Raises:
            SearchError: It cannot be opened, or keeps nothing when the search has ended.
        """
        import sqlalchemy.exc

        url = self.config.study.storage
        if not url:
            return
        with contextlib.suppress(sqlalchemy.exc.ArgumentError):
            parsed = sqlalchemy.make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
                raise SearchError(f"study.storage {url!r} keeps the trials in memory only: name a file, sqlite:///FILE")
        with self.storage_errors(SearchError):
            self._storage()

    def open_study(self, user_attrs: dict[str, Any]) -> optuna.Study:
        """The study, made when it is not there yet.

        Args:
            user_attrs: Facts about the search, written when they differ from what the study has.
        """
        import optuna

        metric = self.task.metric
        with self.storage_errors(SearchError):
            study = optuna.create_study(
                study_name=self.study_name,
                storage=self._storage(),
                directions=directions(maximize=metric.maximize),
                load_if_exists=True,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names(names(metric))
            note(study, user_attrs)
        return study

    @contextmanager
    def storage_errors(self, kind: type[SearchError]) -> Iterator[None]:
        """Makes Optuna's and the database's errors one line of `kind`."""
        import optuna
        import sqlalchemy.exc

        try:
            yield
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            inner = error.__cause__ or error  # Optuna hides the database's own words behind a guess
            cause = " ".join(str(getattr(inner, "orig", None) or inner).split())
            found = RunFailed if "disk is full" in cause else kind  # as SQLite says it; right input, wrong machine
            raise found(f"cannot use the storage {self._storage_name()}: {cause}") from error

    def _storage(self) -> optuna.storages.BaseStorage:
        import optuna

        try:
            return optuna.storages.get_storage(self.storage_url)
        except (ImportError, ValueError, LookupError, RuntimeError) as error:
            # A driver that is not installed, a URL of no database, tables of another version of Optuna.
            raise SearchError(f"cannot use the storage {self._storage_name()}: {error}") from error

    def _storage_name(self) -> str:
        """For messages: the file of a run's own storage, the URL of another without its password."""
        import sqlalchemy.exc

        url = self.config.study.storage
        try:
            return sqlalchemy.make_url(url).render_as_string() if url else str(self.path / "study.db")
        except sqlalchemy.exc.ArgumentError:
            return url

    @property
    def study_name(self) -> str:
        """The study's name in its storage; one in the directory keeps it when the directory is moved."""
        section = self.config.study
        return section.name or (self.path.absolute().name if section.storage else "search")

    @property
    def checkpoint(self) -> Path:
        """The controller's checkpoint."""
        return self.path / "controller.npz"

    @property
    def sharing(self) -> Path:
        """The folder of shared weights and of what was judged with them."""
        return self.path / "sharing"

    def candidate(self, arch_hash: str) -> Path:
        """The folder of one architecture."""
        return self.path / "candidates" / arch_hash

    def reference(self, name: str) -> Path:
        """The folder of one reference network."""
        return self.path / "references" / name

    def references(self) -> list[ReferenceRecord]:
        """What is known of each finished reference network, by name.

        Raises:
            SearchError: A record is damaged.
        """
        files = sorted((self.path / "references").glob("*/record.json"))
        return [ReferenceRecord.read(path, self.task) for path in files]

    @property
    def final(self) -> Final | None:
        """The measurement on the test split; None before the search ended.

        Raises:
            SearchError: It is damaged.
        """
        path = self.path / "final.json"
        return Final.read(path, self.task) if path.is_file() else None

    @property
    def trust(self) -> Trust | None:
        """How shared weights rank networks; None where the search has none, or has not found out.

        Raises:
            SearchError: The record is damaged.
        """
        path = self.sharing / "trust.json"
        return Trust.read(path, self.task) if path.is_file() else None

    def facts(self, study: optuna.Study) -> StudyRecord:
        """What the study says about the search.

        Raises:
            SearchError: It is damaged, or of another format.
        """
        facts = StudyRecord.of(study.user_attrs, self.task, f"the study of {self.path}")
        check_format(facts.format, f"the study of {self.path}")
        return facts

    def record(self, trial: optuna.trial.FrozenTrial) -> FinishedTrial | TrialRecord:
        """What any trial of the study says.

        Raises:
            SearchError: It is damaged.
        """
        if trial.state.name == "COMPLETE":
            return self.finished(trial)
        return TrialRecord.of(trial.user_attrs, self.task, f"trial {trial.number} of {self.path}")

    def finished(self, trial: optuna.trial.FrozenTrial) -> FinishedTrial:
        """What a complete trial of the study says.

        Raises:
            SearchError: It is damaged.
        """
        return FinishedTrial.of(trial.user_attrs, self.task, f"trial {trial.number} of {self.path}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second search out of this directory; the lock goes with the process, however it ends.

        Raises:
            SearchError: Another search holds the lock, or there can be none.
        """
        lock = self.path / ".lock"
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(lock, wait_s=0))
            except BlockingIOError:
                raise SearchError(f"another search is running in {self.path}: wait for it or stop it") from None
            except OSError as error:
                raise SearchError(f"cannot lock {lock}: {error.strerror}: {_ELSEWHERE}") from error
            yield


def sqlite_url(path: Path) -> str:
    """The storage URL of an SQLite file."""
    from sqlalchemy import URL

    # As a URI, for in a plain file name of the URL some characters act and some bytes cannot stand.
    return URL.create("sqlite", database=path.absolute().as_uri(), query={"uri": "true"}).render_as_string()


def note(study: optuna.Study, facts: Mapping[str, Any]) -> None:
    """Writes facts that differ from what the study has."""
    for key, value in facts.items():
        if study.user_attrs.get(key) != value:
            study.set_user_attr(key, value)


def check_directory(path: Path) -> None:
    """Refuses a run directory that cannot be made or written to, before anything is computed for it.

    Raises:
        SearchError: It cannot be, and why.
    """
    place = path.absolute()
    try:
        while not os.path.lexists(place):
            place = place.parent
        if not place.is_dir():
            what = "a link to nothing" if place.is_symlink() and not place.exists() else "not a directory"
            raise SearchError(f"{place} is {what}: {_ELSEWHERE}")
        place.joinpath("config.json").exists()
        too_long = len(os.fsencode(path.name)) > os.pathconf(place, "PC_NAME_MAX")
        too_long |= len(os.fsencode(path.resolve() / "study.db")) > _LONGEST
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    except OSError as error:
        raise SearchError(f"cannot use {path}: {error.strerror}: {_ELSEWHERE}") from error
    if too_long:
        raise SearchError(f"cannot use {path}: its name is too long: {_ELSEWHERE}")
    for one in (place, place / ".lock", place / "study.db"):
        if one.exists() and not os.access(one, os.W_OK, effective_ids=True):
            why = "the file system is read-only" if read_only else f"it belongs to user {one.stat().st_uid}"
            raise SearchError(f"cannot write to {one}: {why}: {_ELSEWHERE}")
