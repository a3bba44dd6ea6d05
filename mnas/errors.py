"""The one root error of the search."""


class SearchError(Exception):
    """A search cannot start or go on; the message is one line: what is wrong, where, what to do."""
