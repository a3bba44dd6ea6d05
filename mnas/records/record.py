"""How records are written and read.

A value of the task's metric is stored under the metric's own key: the field `value` of a classification's record is
the file's `accuracy`. The number in `FORMAT` versions all records of a run together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import SerializationInfo

from device_bench.errors import BenchError
from device_bench.timing.timing import Timing
from device_bench.validation import problem
from mnas.errors import SearchError, quoted
from mnas.files import read_json, write_json
from mnas.tasks import Task

FORMAT = 1
"""Raised whenever this version can no longer read what an older one has written, or the reverse."""

T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
"""A list of a file."""


def _timing(values: Any) -> Timing:
    if isinstance(values, Timing):
        return values
    if not isinstance(values, Mapping):
        raise ValueError("a timing is needed")
    try:
        return Timing.from_dict(values)
    except BenchError as error:
        raise ValueError(str(error)) from None


StoredTiming = Annotated[Timing, BeforeValidator(_timing)]
"""A timing, or what `Timing.to_dict` gave."""


class Record(BaseModel):
    """One record: no value is taken for what it is not, and keys that it does not have are passed over."""

    model_config = ConfigDict(frozen=True, strict=True)

    @classmethod
    def of(cls, values: Any, task: Task[Any], where: object) -> Self:
        """Reads what `stored` gave.

        Args:
            values: What the file or the study holds.
            task: Of the run.
            where: Names the place in messages.

        Raises:
            SearchError: A value is missing or of another type; the line names the place and the key.
        """
        try:
            return cls.model_validate(values, context=task)
        except ValidationError as error:
            words = problem(error, names=_names(task))
            raise SearchError(f"{where}: {words}; it is damaged or was changed by hand") from None

    @classmethod
    def read(cls, path: Path, task: Task[Any]) -> Self:
        """Reads what `write` wrote.

        Raises:
            SearchError: The file cannot be read, or as `of`.
        """
        return cls.of(read_json(path), task, path)

    @classmethod
    def fitting(cls, values: Mapping[str, Any], task: Task[Any]) -> Self:
        """What fits of anybody's values, for a record all of whose fields have defaults; the rest is passed over."""
        try:
            return cls.model_validate(values, context=task)
        except ValidationError as error:
            odd = {_names(task).get(str(one["loc"][0]), one["loc"][0]) for one in error.errors()}
            return cls.model_validate({key: one for key, one in values.items() if key not in odd}, context=task)

    def stored(self, task: Task[Any]) -> dict[str, Any]:
        """Values for JSON: of the fields that were set, under their stored names."""
        return self.model_dump(mode="json", exclude_unset=True, context=task)

    def write(self, path: Path, task: Task[Any]) -> None:
        """Writes the record as a file, whole or not at all.

        Raises:
            RunFailed: It cannot be written.
        """
        write_json(path, self.stored(task))

    @model_validator(mode="before")
    @classmethod
    def _from_stored_names(cls, values: Any, info: ValidationInfo) -> Any:
        if info.context is None or not isinstance(values, Mapping):
            return values
        own = {name: key for name, key in _names(info.context).items() if name in cls.model_fields}
        others = {key: one for key, one in values.items() if key not in own and key not in own.values()}
        return others | {name: values[key] for name, key in own.items() if key in values}

    @model_serializer(mode="wrap")
    def _to_stored_names(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        names = {} if info.context is None else _names(info.context)
        return {names.get(name, name): one for name, one in handler(self).items()}


def check_format(found: object, where: object) -> None:
    """Refuses records of another version.

    Args:
        found: What is written as their format.
        where: Names the place in the message.

    Raises:
        SearchError: It is not `FORMAT`.
    """
    if found != FORMAT:
        raise SearchError(
            f"{where} is of format {quoted(found)}, and this version of mnas reads format {FORMAT}: "
            "use the version that made the run"
        )


def _names(task: Task[Any]) -> dict[str, str]:
    """Field -> what it is called in files and studies of the task."""
    metric = task.metric
    return {
        "value": metric.key,
        "value_float": metric.float_key,
        "test_value": metric.test_key,
        "outputs": task.outputs,
    }
