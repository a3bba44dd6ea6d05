"""The tasks by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import combinations
from typing import Any

from mnas.errors import SearchError
from mnas.tasks.classification import CLASSIFICATION
from mnas.tasks.task import GROUP, Data, Task
from search_spaces.offers import with_offered

DEFAULT = CLASSIFICATION.name
"""What a run is about that does not say."""

TASKS: Mapping[str, Task[Any]] = {DEFAULT: CLASSIFICATION}
"""Those that come with this package; `tasks` has those of others too."""


@cache
def tasks() -> Mapping[str, Task[Any]]:
    """All tasks, those of installed packages included.

    Raises:
        SearchError: A package cannot be loaded, or offers something else, a task under a name that is taken, or another
            metric under a key that is taken.
    """
    found = with_offered(TASKS, GROUP, Task, SearchError)
    for one, other in combinations(found.values(), 2):
        if one.metric.key == other.metric.key and one.metric != other.metric:
            raise SearchError(f"the tasks {one.name!r} and {other.name!r} have different metrics {one.metric.key!r}")
    return found


def task(name: str) -> Task[Any]:
    """The task of that name.

    Raises:
        SearchError: There is none.
    """
    known = tasks()
    if name not in known:
        raise SearchError(f"no task {name!r}; known: {', '.join(known)}")
    return known[name]


def task_of(config: Mapping[str, Any]) -> Task[Any]:
    """The task of a run, by its stored configuration.

    Raises:
        SearchError: Its package is not installed any more.
    """
    section = config.get("task")
    return task(str(section.get("name", DEFAULT)) if isinstance(section, Mapping) else DEFAULT)


def task_facts(one: Task[Any], data: Data) -> dict[str, Any]:
    """What tells the head of a network from those of other tasks and data, as files and studies name it."""
    told = {one.outputs: data.outputs}
    return told if one.name == DEFAULT else {"task": one.name, **told}
