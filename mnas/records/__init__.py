"""What a run keeps on disk and in its study, each written and read by one class."""

from mnas.records.final import Best, Confirmation, Final, Place, Row, Target, Tested
from mnas.records.network import Network
from mnas.records.record import FORMAT, Record, check_format
from mnas.records.reference import ReferenceRecord
from mnas.records.sharing import Correlation, Ranked, Trust
from mnas.records.study import StudyRecord, read_study
from mnas.records.trial import FinishedTrial, TrialRecord

__all__ = [
    "FORMAT",
    "Best",
    "Confirmation",
    "Correlation",
    "Final",
    "FinishedTrial",
    "Network",
    "Place",
    "Ranked",
    "Record",
    "ReferenceRecord",
    "Row",
    "StudyRecord",
    "Target",
    "Tested",
    "TrialRecord",
    "Trust",
    "check_format",
    "read_study",
]
