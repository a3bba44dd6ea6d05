"""The one command `mnas`; every package brings its sub-commands through the entry-point group `mnas.commands`."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from importlib.metadata import entry_points
from types import FrameType
from typing import NoReturn

import click

from device_bench.errors import BadRequest, BenchError
from device_bench.terminal import printable, say
from mnas.errors import RunFailed, SearchError
from mnas.home import at_home
from search_spaces.errors import SpaceError

GROUP = "mnas.commands"

_AROUND = 60
"""Characters shown on either side of one that cannot be written."""


class Commands(click.Group):
    """Sub-commands of all packages; a module is loaded when its command, or the list, is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(entry_points(group=GROUP).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        for found in entry_points(group=GROUP, name=cmd_name):
            command: click.Command = found.load()
            return command
        return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="mnas")
def mnas(debug: bool) -> None:
    """Search for networks that are accurate and fast on the phone in your hand."""


def main() -> NoReturn:
    """Runs `mnas`: exit code 2 for bad input, 1 for a failed run, 130 after ctrl-C."""
    debug = "--debug" in sys.argv[1:2]
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` sets it
            signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What the terminal's encoding lacks is shown escaped: a name must not end the work that it belongs to.
            stream.reconfigure(errors="backslashreplace")
    try:
        mnas.main([_at_home(word) for word in sys.argv[1:]], standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        say(told.getvalue().rstrip("\n"), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except (SearchError, SpaceError, BenchError, OSError, UnicodeEncodeError) as error:
        if debug:
            traceback.print_exc()
        _abandon_output()
        message = _explained(error)
        if message:
            click.echo(f"mnas: {printable(message)}", err=True)
        bad_input = isinstance(error, SearchError | SpaceError | BadRequest | UnicodeEncodeError)
        sys.exit(2 if bad_input and not isinstance(error, RunFailed) else 1)
    sys.exit(0)


def _at_home(word: str) -> str:
    try:
        return at_home(word)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _explained(error: Exception) -> str:
    """What to say of an error; nothing where the reader of a pipe, such as `head`, has seen enough."""
    if isinstance(error, BrokenPipeError):
        return ""
    if isinstance(error, UnicodeEncodeError):
        near = error.object[max(0, error.start - _AROUND) : error.end + _AROUND]
        way = "" if error.encoding == "utf-8" else "set LC_ALL=C.UTF-8, or "
        return f"{near!r} cannot be written in {error.encoding}: {way}rename what is called so"
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return f"{where}{error.strerror or error}"
    return str(error)


def _abandon_output() -> None:
    """Lets a standard output that takes no more go, or the interpreter would complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """A polite kill, or a terminal that is closed, ends a search as ctrl-C does."""
    raise KeyboardInterrupt
