"""The one error a report raises on what it was given."""

from __future__ import annotations


class ReportError(Exception):
    """A run, a column or a path that no report can be made of; the message is one line and says what to do.

    Attributes:
        exit_code: Of a command that ends with it: 2, for bad input.
    """

    exit_code = 2
