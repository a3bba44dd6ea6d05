"""The processes that train, convert and judge networks: the one place that says what runs jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnas.executors import Executor, Listener, ProcessExecutor, ignore


@contextmanager
def open_workers(
    count: int, log_folder: Path, *, threads_per_worker: int = 1, listener: Listener = ignore
) -> Iterator[Executor]:
    """Workers with TensorFlow loaded; they end with the block, at once where an error ends it.

    Args:
        count: How many processes.
        log_folder: Receives what each of them prints, in `worker-N.log`.
        threads_per_worker: Threads that one operation may use in each of them.
        listener: Receives their events.
    """
    with ProcessExecutor(
        count,
        threads_per_worker=threads_per_worker,
        listener=listener,
        preload=("mnas.training.train",),
        log_folder=log_folder,
    ) as executor:
        yield executor
