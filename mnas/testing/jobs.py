"""Jobs that try an executor: a worker process imports them by name."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnas.errors import SearchError
from mnas.executors.events import Report
from mnas.files import write_bytes


@dataclass(frozen=True, slots=True)
class Square:
    """Reports once and gives the square of its number."""

    value: int

    def __call__(self, report: Report) -> int:
        """Does it."""
        report("square", 1, 2, 0.5)
        return self.value**2


@dataclass(frozen=True, slots=True)
class Refuse:
    """Raises an error of this package."""

    def __call__(self, report: Report) -> None:
        """Raises it."""
        raise SearchError("the image cat.png is broken")


@dataclass(frozen=True, slots=True)
class Write:
    """Keeps a file, as a training keeps its weights."""

    path: Path

    def __call__(self, report: Report) -> None:
        """Writes it."""
        write_bytes(self.path, b"weights")


@dataclass(frozen=True, slots=True)
class Stumble:
    """Raises an error that nobody foresaw."""

    def __call__(self, report: Report) -> int:
        """Divides by zero."""
        return 1 // 0


@dataclass(frozen=True, slots=True)
class Unpicklable:
    """Gives what cannot be sent to another process."""

    def __call__(self, report: Report) -> Callable[[], None]:
        """Gives a function without a name."""
        return lambda: None


@dataclass(frozen=True, slots=True)
class Die:
    """Ends its process.

    Attributes:
        signal_number: The signal that it sends itself; without one it exits with code 3, past all clean-up.
    """

    signal_number: int | None = None

    def __call__(self, report: Report) -> None:
        """Does not return."""
        if self.signal_number is None:
            os._exit(3)
        os.kill(os.getpid(), self.signal_number)
        time.sleep(60)


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Sends its own process what ctrl-C sends."""

    def __call__(self, report: Report) -> str:
        """Says that it survived."""
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        return "still here"


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits.

    Attributes:
        seconds: How long.
        begun: File that receives the number of the process when it begins.
    """

    seconds: float
    begun: Path

    def __call__(self, report: Report) -> None:
        """Writes, then waits."""
        self.begun.write_text(str(os.getpid()))
        time.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Variable:
    """Gives the value of an environment variable."""

    name: str

    def __call__(self, report: Report) -> str | None:
        """Looks it up."""
        return os.environ.get(self.name)


@dataclass(frozen=True, slots=True)
class Pid:
    """Gives the number of its process."""

    def __call__(self, report: Report) -> int:
        """Looks it up."""
        return os.getpid()
