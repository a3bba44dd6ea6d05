"""`~` in paths that no shell has seen: those of a configuration, and words such as `--output=~/x`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mnas.errors import SearchError

_BEFORE = r"(?:--[\w-]+=|-\w)?(?:\w+:(?:///)?)?"
_FORM = re.compile(rf"(?P<before>{_BEFORE})(?:\$HOME(?!\w)|\$\{{HOME\}}|~)(?P<rest>.*)", re.DOTALL)


def at_home(text: str) -> str:
    """`text` with a home directory for a leading `~`, `~USER` or `$HOME`, also behind `--option=` or `folder:`.

    Other variables stay as they are, for `$` is a character like any other in a name. `./~` is a file of that name.

    Raises:
        ValueError: There is no such user.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return text
    short = f"~{found['rest']}"
    whole = os.path.expanduser(short)  # noqa: PTH111  # keeps a trailing slash
    if whole == short:
        user = short.partition("/")[0]
        raise ValueError(f"{text!r}: there is no user {user[1:]!r}; a file of that name is ./{short}")
    return f"{found['before']}{whole}"


def path_at_home(text: str) -> Path:
    """The path that `text` names, a home directory in place of a leading `~`.

    Raises:
        SearchError: There is no such user.
    """
    try:
        return Path(at_home(text))
    except ValueError as error:
        raise SearchError(str(error)) from None
