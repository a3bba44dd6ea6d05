"""Gives inputs to the product, in another process, and says whether what came of each is right.

Right is: accepted with a sane result, or refused by an error of the packages in one line that names the file. A process
that dies, that takes too long or that takes `_MEMORY_BYTES` more memory is a fault, as is any warning: where a
user has warnings raised, it is a traceback, and else a line that names no file.
"""

import os
import resource
import signal
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import click

import mnas
from device_bench.errors import BenchError
from device_bench.terminal import brief
from fuzzing.cases import TOKEN, Case, Kind, Refused, Wrong
from mnas.errors import SearchError
from search_spaces.errors import SpaceError

ROOT_ERRORS = (SearchError, SpaceError, BenchError, click.ClickException)
TIME_LIMIT_S = 20.0
_MEMORY_BYTES = 2 * 2**30
_PROJECT = Path(mnas.__file__).resolve().parents[1]
_PACKAGES = ("mnas", "device_bench", "search_spaces", "reports")


@dataclass(frozen=True)
class Verdict:
    """What came of an input.

    Attributes:
        outcome: `accepted`, `refused` or `fault`.
        group: Of a fault: equal for faults of one cause.
        detail: Of a fault or a refusal: the message.
    """

    outcome: str
    group: str = ""
    detail: str = ""


def judged(kind: Kind, cases: Sequence[Case]) -> Iterator[Verdict]:
    """A verdict for each input, from forked processes: one judges until an input ends it, and the next goes on."""
    done = 0
    while done < len(cases):
        hearing, telling = Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            _answer(kind, cases[done:], telling)
        telling.close()
        trouble = ""
        with hearing:
            while done < len(cases) and not trouble:
                verdict, trouble = _heard(hearing)
                if trouble:
                    os.killpg(child, signal.SIGKILL)
                else:
                    done += 1
                    yield verdict
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if trouble:
            done += 1
            yield Verdict("fault", f"{trouble} ({code})", "the process said nothing")


def _heard(hearing: Connection) -> tuple[Verdict, str]:
    """The next verdict, or why there is none."""
    try:
        if not hearing.poll(TIME_LIMIT_S):
            return Verdict("fault"), f"no answer within {TIME_LIMIT_S:g} s"
        return hearing.recv(), ""
    except EOFError:
        return Verdict("fault"), "the process died"


def _answer(kind: Kind, cases: Sequence[Case], telling: Connection) -> NoReturn:
    """Judges in this process, tells the verdicts and ends the process."""
    os.setpgid(0, 0)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + _MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    try:
        for case in cases:
            telling.send(verdict_of(kind, case))
    finally:
        os._exit(0)


def verdict_of(kind: Kind, case: Case) -> Verdict:
    """The verdict, in this process: no limits."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # as for users: those are for developers
        try:
            kind.use(case, Path(folder))
        except ROOT_ERRORS as error:
            return _refusal(error, must_name=TOKEN)
        except Refused as error:
            return _refusal(error.__cause__ or error, must_name="")
        except Wrong as error:
            return Verdict("fault", f"accepted: {str(error).split(':')[0]}", str(error))
        except Exception as error:
            return Verdict("fault", f"{type(error).__name__} at {_line(error.__traceback__)}", _story(error))
    return Verdict("accepted")


def _refusal(error: BaseException, must_name: str) -> Verdict:
    message = brief(str(error))  # as `mnas` prints it
    if must_name not in message:
        where = f"{type(error).__name__} at {_line(error.__traceback__)}"
        return Verdict("fault", f"message names no file: {where}", message)
    return Verdict("refused", "", message)


def _line(trace: TracebackType | None) -> str:
    """The innermost line of the project in a traceback."""
    found = "no line of the project"
    for frame in traceback.extract_tb(trace):
        path = Path(frame.filename)
        if path.is_relative_to(_PROJECT) and path.relative_to(_PROJECT).parts[0] in _PACKAGES:
            found = f"{path.relative_to(_PROJECT)}:{frame.lineno} ({frame.name})"
    return found


def _story(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
