"""What a network can be trained and judged on; see `mnas.tasks.task`."""

from mnas.data.inputs import Inputs
from mnas.tasks.catalog import DEFAULT, TASKS, task, task_facts, task_of, tasks
from mnas.tasks.metric import Metric
from mnas.tasks.task import Data, Examples, Task

__all__ = ["DEFAULT", "TASKS", "Data", "Examples", "Inputs", "Metric", "Task", "task", "task_facts", "task_of", "tasks"]
