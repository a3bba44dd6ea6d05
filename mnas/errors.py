"""The one root error of the search."""


class SearchError(Exception):
    """A search cannot start or continue; the message is one line: what is wrong, where, what to do.

    Attributes:
        exit_code: Of a command that ends with it: 2 for bad input, 1 for a failed run.
    """

    exit_code = 2


class RunFailed(SearchError):
    """The input was right, but the run cannot continue: a full disk, a lost device; it can be resumed."""

    exit_code = 1


class CandidatesWait(RunFailed):
    """Trained candidates wait for a device that was not fit to time them; the same search times them later."""


_LONGEST_QUOTE = 80


def quoted(value: object) -> str:
    """A value as a message shows it; a long one is cut."""
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}..."
