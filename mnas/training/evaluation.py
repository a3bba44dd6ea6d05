"""`evaluation.json` of a candidate's folder: what training has shown, and of which job that is the result."""

from __future__ import annotations

from pydantic import ConfigDict

from mnas.records import Record
from mnas.training.recipe import Recipe


class Evaluation(Record):
    """What training a candidate has shown.

    Attributes:
        value: The metric of the TFLite file, on the validation split.
        value_float: The metric of the float model, on the validation split.
        params: Trainable parameters.
        macs: Multiply-accumulates of one inference.
        size_bytes: Of the TFLite file.
        seconds: What building, training, converting and judging took.
    """

    value: float
    value_float: float
    params: int
    macs: int
    size_bytes: int
    seconds: float


class Job(Record):
    """What tells one training from another; a setting that an older version did not have is at its default."""

    model_config = ConfigDict(strict=False)

    arch: str
    recipe: Recipe
    seed: int
    precision: str
    parent: str = ""


class EvaluationFile(Evaluation):
    """The whole file."""

    job: Job

    @property
    def evaluation(self) -> Evaluation:
        """The result alone."""
        return Evaluation.model_validate(self.model_dump(include=set(Evaluation.model_fields)))
