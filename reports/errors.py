"""The one error a report raises on what it was given."""

from __future__ import annotations


class ReportError(Exception):
    """A run, a column or a path that no report can be made of; the message is one line and says what to do."""
