"""Results that are kept as they come, so that a comparison that was stopped resumes."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import track

Task = TypeVar("Task")
Result = TypeVar("Result")
Record = dict[str, Any]


def finish(
    tasks: list[Task],
    run: Callable[[Task], Result],
    path: Path,
    *,
    workers: int,
    title: str,
    to_record: Callable[[Result], Record],
    from_record: Callable[[Record], Result],
) -> dict[Task, Result]:
    """Runs what is not in ``path`` yet, in order, and adds each result to it.

    Args:
        tasks: Whose ``repr`` says all about them; picklable, as ``run`` is.
        run: Done in a worker process.
        path: A file of JSON lines, each a task and its result; its folder is made where there is none.
        workers: Processes.
        title: Of the progress shown.
        to_record: A result as JSON.
        from_record: The same back; keys that it does not know, such as ``task``, are passed over.
    """
    path.parent.mkdir(exist_ok=True)
    lines = path.read_text().splitlines() if path.exists() else []
    stored = {record["task"]: from_record(record) for record in map(json.loads, lines)}
    left = [task for task in tasks if repr(task) not in stored]
    with ProcessPoolExecutor(workers) as pool, path.open("a") as file:
        for task, result in track(zip(left, pool.map(run, left), strict=True), title, total=len(left)):
            stored[repr(task)] = result
            file.write(json.dumps({"task": repr(task), **to_record(result)}) + "\n")
            file.flush()
    return {task: stored[repr(task)] for task in tasks}
