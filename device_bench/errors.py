"""The errors of this package: one root, one line each, saying what is wrong, where, and what to do."""


class BenchError(Exception):
    """Anything that keeps a benchmark from giving a number that can be trusted.

    Attributes:
        exit_code: Of a command that ends with it: 2 for bad input, 1 for a failed run.
    """

    exit_code = 1


class BadRequest(BenchError):
    """The caller asked for something that cannot be: an unknown device, precision, core mask or model file."""

    exit_code = 2


class ConversionError(BenchError):
    """A model could not be turned into a TFLite file that runs."""


class RunnerError(BenchError):
    """A benchmark process failed, or its output is no measurement of what was asked."""


class TransportError(BenchError):
    """A device could not be reached or did not do what it was told.

    Attributes:
        answered: Whether the device had answered before, while it was being opened; it is worth looking for again.
    """

    answered = False


class DeviceLost(TransportError):
    """The connection to the device is gone; another attempt may find it again."""


class CommandTimeout(TransportError):
    """A command ran past its limit and was ended on the device."""


class AuthRequired(TransportError):
    """The device does not know our key yet; somebody has to accept it there."""


class TransferFailed(TransportError):
    """A file did not arrive; nothing of it is left.

    Attributes:
        reason: The device's own words.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class PushFailed(TransferFailed):
    """A file could not be written to the device."""


class NoRoom(PushFailed):
    """A file does not fit on the device: its storage is full, out of inodes, or over its quota."""


class PullFailed(TransferFailed):
    """A file could not be read from the device."""
