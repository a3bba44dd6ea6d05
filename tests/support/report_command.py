"""`mnas report` in the process of the tests."""

import sys

import click
from click.testing import CliRunner

from mnas.main import run


def run_report(*arguments):
    """`mnas report`, in this process."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def process(words):
        sys.exit(run(["report", *words]))

    return CliRunner().invoke(process, [str(argument) for argument in arguments])
