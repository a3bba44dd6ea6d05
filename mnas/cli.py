"""The one command `mnas`; every package brings its sub-commands through the entry-point group `mnas.commands`."""

from __future__ import annotations

import signal
import sys
import traceback
from importlib.metadata import entry_points
from types import FrameType
from typing import NoReturn

import click

from device_bench.errors import BadRequest, BenchError
from mnas.errors import RunFailed, SearchError
from search_spaces.errors import SpaceError

GROUP = "mnas.commands"


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
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        mnas.main(standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except (SearchError, SpaceError, BenchError) as error:
        if debug:
            traceback.print_exc()
        click.echo(f"mnas: {error}", err=True)
        bad_input = isinstance(error, SearchError | SpaceError | BadRequest) and not isinstance(error, RunFailed)
        sys.exit(2 if bad_input else 1)
    sys.exit(0)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """A polite kill ends a search as ctrl-C does."""
    raise KeyboardInterrupt
