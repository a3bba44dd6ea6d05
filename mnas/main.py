"""The one command `mnas`; every package brings its sub-commands through the entry-point group `mnas.commands`."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import entry_points
from types import FrameType
from typing import NoReturn

import click

from device_bench.terminal import brief, say
from mnas.home import at_home

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
    """The process `mnas`; exit codes are those of `run`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` sets it
            signal.signal(number, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What the terminal's encoding lacks is shown escaped: a name must not end the work that it belongs to.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Runs `mnas` with these words, and tells an error that says its own `exit_code` in one line.

    Returns:
        0, or 2 for bad input, 1 for a failed run, 130 after ctrl-C.
    """
    try:
        mnas.main([_at_home(word) for word in words], standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        say(told.getvalue().rstrip("\n"), err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        if "--debug" in words[:1]:
            traceback.print_exc()
        _abandon_output()
        message = _explained(error)
        if message:
            click.echo(f"mnas: {brief(message)}", err=True)
        return code
    return 0


def _exit_code(error: Exception) -> int | None:
    """Our errors carry theirs, whatever package they are from; None for a fault that nobody foresaw."""
    if isinstance(error, UnicodeEncodeError):
        return 2
    return 1 if isinstance(error, OSError) else getattr(error, "exit_code", None)


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
