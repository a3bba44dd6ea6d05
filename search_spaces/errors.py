"""The one root error of this package."""


class SpaceError(ValueError):
    """An architecture, a space or an input shape that cannot be used; the message is one line for the user.

    Attributes:
        exit_code: Of a command that ends with it: 2, for bad input.
    """

    exit_code = 2


class ForeignNotation(SpaceError):
    """A text that is not in the notation of a family at all; another family may read it."""
