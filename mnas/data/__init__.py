"""Real images for a search: sources, splits, and a copy that worker processes share."""

from mnas.data.load import load_data
from mnas.data.stored import open_dataset, save_dataset
from mnas.data.types import Dataset, Split

__all__ = ["Dataset", "Split", "load_data", "open_dataset", "save_dataset"]
