"""The one root error of the search."""


class SearchError(Exception):
    """A search cannot start or go on; the message is one line: what is wrong, where, what to do."""


class RunFailed(SearchError):
    """The input was right, but the run cannot go on: a full disk, a lost device; it can be resumed."""


class CandidatesWait(RunFailed):
    """Trained candidates wait for a device that was not fit to time them; the same search times them later."""


_LONGEST_QUOTE = 80


def quoted(value: object) -> str:
    """A value as a message shows it; a long one is cut."""
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."
