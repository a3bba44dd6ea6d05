"""Text from outside on its way to a terminal or a file, made harmless in one place.

File names, a phone's own words and tables that others wrote may hold escape sequences, line breaks, bidirectional
overrides and bytes that are not UTF-8, or what rich reads as markup (`[red]`) or as an emoji (`:phone:`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# Control characters (C0, DEL, C1), separators that break lines, bidirectional embeddings, overrides and isolates,
# lone surrogates (bytes of a file name that are not UTF-8), and what XML does not allow.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

_LONGEST_MESSAGE = 1000


def printable(text: str) -> str:
    r"""`text` on one line that commands no terminal and that UTF-8 can hold.

    Whatever is harmful is written as in Python's source: `\x1b`, `\n`, `\u202e`; a byte of a file name that is not
    UTF-8 as `\xe9`. Nothing is lost, and a second pass changes nothing.
    """
    return _HARMFUL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # where Python keeps the bytes 0x80 to 0xFF of a name that it cannot decode
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape", "backslashreplace").decode()


def brief(text: str) -> str:
    """A message made printable; of one that quotes a whole file only both ends are kept, where name and advice are."""
    shown = printable(text)
    if len(shown) <= _LONGEST_MESSAGE:
        return shown
    end = _LONGEST_MESSAGE // 4
    start = _LONGEST_MESSAGE - end
    return f"{shown[:start]} [... {len(shown) - start - end:,} characters ...] {shown[-end:]}"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 cell", "3,000 cells"; `many` where the plural takes more than an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def say(text: str, *, err: bool = False) -> None:
    """Prints text, made printable line by line.

    Args:
        text: One line or several.
        err: On the error output.
    """
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def plain(text: str, style: str = "") -> Text:
    """Text for rich as it stands: no markup, no emoji, printable.

    Args:
        text: One line.
        style: A style of rich for all of it.
    """
    from rich.text import Text

    return Text(printable(text), style)


def make_console(file_width: int) -> Console:
    """A rich console on the standard output.

    Args:
        file_width: Columns where the output is not a terminal.
    """
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=file_width)
