"""A study's user attributes: what was searched, on what, for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnas.records.record import FORMAT, Many, Record, check_format
from mnas.tasks import DEFAULT, Task, task


class StudyRecord(Record):
    """Facts about a search; a study of somebody else may have none of them.

    Attributes:
        format: Of all records of the study.
        space: Name of the search space.
        input_shape: Of one input.
        task: Name of the task; studies from before there were several do not say it.
        outputs: What the task's head is made for, such as the number of classes.
        data: Where the data come from.
        device: What timed.
        precision: Of the TFLite files.
        algorithm: What proposed.
        splits: Name of a split -> its number of examples.
        target_ms: The first target.
        targets_ms: All of them.
        reward: `mnas.Reward.to_dict` of the first target.
        begun: Whether the study has all of its first trials.
    """

    format: int = FORMAT
    space: str | None = None
    input_shape: Many[int] | None = None
    task: str = DEFAULT
    outputs: int | None = None
    data: str | None = None
    device: str | None = None
    precision: str | None = None
    algorithm: str | None = None
    splits: dict[str, int] | None = None
    target_ms: float | None = None
    targets_ms: Many[float] = ()
    reward: dict[str, Any] | None = None
    begun: bool = False


def read_study(attributes: Mapping[str, Any], where: str) -> tuple[StudyRecord, Task[Any]]:
    """What fits of a study's attributes, which may be anybody's, and the task that it is about.

    Args:
        attributes: Of the study.
        where: Names it in messages.

    Raises:
        SearchError: The study is of another version, or of a task that is not installed.
    """
    default = task(DEFAULT)
    plain = StudyRecord.fitting(attributes, default)
    check_format(plain.format, where)
    if "format" not in plain.model_fields_set:  # from before there were tasks, or not ours
        return plain, default
    judged_by = task(plain.task)
    return StudyRecord.fitting(attributes, judged_by), judged_by
