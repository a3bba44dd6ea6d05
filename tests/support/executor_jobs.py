"""Jobs for the executor tests: a worker process imports them by name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mnas.errors import SearchError
from mnas.files import write_bytes


@dataclass(frozen=True)
class Square:
    value: int

    def __call__(self, report):
        report("square", 1, 2, 0.5)
        return self.value**2


@dataclass(frozen=True)
class Refuse:
    def __call__(self, report):
        raise SearchError("the image cat.png is broken")


@dataclass(frozen=True)
class Write:
    """Keeps a file, as a training keeps its weights."""

    path: Path

    def __call__(self, report):
        write_bytes(self.path, b"weights")


@dataclass(frozen=True)
class Stumble:
    def __call__(self, report):
        return 1 // 0


@dataclass(frozen=True)
class Unpicklable:
    def __call__(self, report):
        return lambda: None


@dataclass(frozen=True)
class Die:
    """Ends its process by `signal_number`, or by `os._exit(3)`."""

    signal_number: int | None = None

    def __call__(self, report):
        if self.signal_number is None:
            os._exit(3)
        os.kill(os.getpid(), self.signal_number)
        time.sleep(60)


@dataclass(frozen=True)
class Interrupt:
    """Sends its own process what ctrl-C sends."""

    def __call__(self, report):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        return "still here"


@dataclass(frozen=True)
class Sleep:
    seconds: float
    begun: Path

    def __call__(self, report):
        self.begun.write_text(str(os.getpid()))
        time.sleep(self.seconds)


@dataclass(frozen=True)
class Variable:
    name: str

    def __call__(self, report):
        return os.environ.get(self.name)


@dataclass(frozen=True)
class Pid:
    def __call__(self, report):
        return os.getpid()
