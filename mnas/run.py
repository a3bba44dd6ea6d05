"""The run directory: the one place on disk where a search keeps what it found.

- RUN/config.json             the resolved configuration
- RUN/data/                   the images in their splits, shared by the workers
- RUN/study.db                Optuna's storage, unless another URL is configured
- RUN/controller.npz          the controller's checkpoint
- RUN/candidates/HASH/        evaluation.json, latency.json, model.tflite, weights.npz
- RUN/references/NAME/        the same of the reference networks
- RUN/latency-DEVICE.jsonl    everything the device was seen to do, session by session
- RUN/final.json              accuracy on the test split, touched once, at the end
- RUN/best.json, best.tflite  the candidate of the highest reward
"""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnas.errors import SearchError
from mnas.files import read_json, write_json

if TYPE_CHECKING:
    import optuna

    from mnas.data import Dataset

FORMAT = 1
"""Raised whenever an older run directory can no longer be read."""


@dataclass(frozen=True, slots=True)
class Run:
    """An existing run directory.

    Attributes:
        path: The directory.
        config: The resolved configuration, as nested dictionaries.
    """

    path: Path
    config: dict[str, Any]

    @classmethod
    def create(cls, path: Path, config: dict[str, Any], dataset: Dataset) -> Run:
        """Makes a new run directory; it is one from the moment its `config.json` is there, which is last.

        Raises:
            SearchError: The directory exists and is not empty, or cannot be written to.
        """
        from mnas.data import save_dataset

        left_over = {"data", ".lock"}  # of a process that was killed before it came to config.json
        if path.exists() and not (path.is_dir() and {entry.name for entry in path.iterdir()} <= left_over):
            raise SearchError(f"{path} exists and is not a run: choose another run directory with -o search.run=DIR")
        save_dataset(dataset, path / "data")
        write_json(path / "config.json", {"format": FORMAT, **config})
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> Run:
        """Opens what `create` made.

        Raises:
            SearchError: No run directory, or one of another format.
        """
        if not (path / "config.json").is_file():
            raise SearchError(f"{path} is not a run directory: it has no config.json")
        config = read_json(path / "config.json")
        if not isinstance(config, dict) or config.pop("format", None) != FORMAT:
            raise SearchError(f"{path}/config.json is not of format {FORMAT}: the run was made by another version")
        return cls(path, config)

    @property
    def storage_url(self) -> str:
        """Where Optuna keeps the trials."""
        return self.config["study"]["storage"] or f"sqlite:///{self.path.absolute()}/study.db"

    def study(self) -> optuna.Study:
        """The study, opened for reading.

        Raises:
            SearchError: It is missing or damaged.
        """
        import optuna

        own = not self.config["study"]["storage"]
        if own and not (self.path / "study.db").is_file():
            raise SearchError(f"{self.path} holds no trials yet: start or go on with `mnas search`")
        with storage_errors(self.storage_url, SearchError):
            try:
                return optuna.load_study(study_name=self.study_name, storage=self.storage_url)
            except KeyError:
                raise SearchError(f"{self.storage_url} has no study {self.study_name!r}") from None

    def open_study(self, user_attrs: dict[str, Any]) -> optuna.Study:
        """The study, made when it is not there yet.

        Args:
            user_attrs: Facts about the search, written when they differ from what the study has.
        """
        import optuna

        with storage_errors(self.storage_url, SearchError):
            study = optuna.create_study(
                study_name=self.study_name,
                storage=self.storage_url,
                directions=["maximize", "minimize"],
                load_if_exists=True,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names(["accuracy", "latency_ms"])
            for key, value in user_attrs.items():
                if study.user_attrs.get(key) != value:
                    study.set_user_attr(key, value)
        return study

    @property
    def study_name(self) -> str:
        """The study's name in its storage; one in the directory keeps it when the directory is moved."""
        section = self.config["study"]
        return section["name"] or (self.path.absolute().name if section["storage"] else "search")

    @property
    def checkpoint(self) -> Path:
        """The controller's checkpoint."""
        return self.path / "controller.npz"

    def candidate(self, arch_hash: str) -> Path:
        """The folder of one architecture."""
        return self.path / "candidates" / arch_hash

    def reference(self, name: str) -> Path:
        """The folder of one reference network."""
        return self.path / "references" / name

    def references(self) -> list[dict[str, Any]]:
        """What is known of each finished reference network, by name."""
        folders = sorted((self.path / "references").glob("*/record.json"))
        return [read_json(path) for path in folders]

    @property
    def final(self) -> dict[str, Any] | None:
        """The measurement on the test split; None before the search ended."""
        path = self.path / "final.json"
        return read_json(path) if path.is_file() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second search out of this directory; the lock goes with the process, however it ends.

        Raises:
            SearchError: Another search holds the lock.
        """
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SearchError(f"another search is running in {self.path}: wait for it or stop it") from None
            yield
        finally:
            os.close(descriptor)


@contextmanager
def storage_errors(url: str, kind: type[SearchError]) -> Iterator[None]:
    """Makes Optuna's and the database's errors one line of `kind`."""
    import optuna
    import sqlalchemy.exc

    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ModuleNotFoundError) as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise kind(f"cannot use the storage {url}: {cause}") from error
