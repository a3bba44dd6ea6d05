"""Keeps TensorFlow's converter from talking over a progress display."""

import contextlib
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from typing import BinaryIO

_STDERR_IS_ELSEWHERE = threading.RLock()


class Chatter:
    """What was written to the standard error meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self) -> str:
        """Gives all of it up to now."""
        self._file.seek(0)
        return self._file.read().decode(errors="replace")


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[Chatter]:
    """Holds back warnings, logs and what C++ prints to file descriptor 2, for the whole process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _STDERR_IS_ELSEWHERE, tempfile.TemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield Chatter(file)
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
