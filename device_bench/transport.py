"""The protocol every way to a device speaks: run a command, push, pull and remove a file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command left behind.

    Attributes:
        exit_code: As a shell gives it: 128 + n for a command that died of signal n.
        stdout: Its standard output, undecodable bytes replaced.
        stderr: Its standard error, kept apart from stdout.
    """

    exit_code: int
    stdout: str
    stderr: str


class Transport(Protocol):
    """A connection to one device. Not for several threads at once: one lease, one connection, one thread.

    Attributes:
        name: As the user spells the device: "host", "adb:SERIAL", "adb:HOST:PORT".
        workdir: An existing directory on the device that may be written and executed in.
    """

    name: str
    workdir: str

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as can be known without asking the device."""

    def hold(self, *, wait_s: float) -> None:
        """Keeps every other user off the device until the connection is closed.

        Raises:
            DeviceBusy: Somebody else has it and did not let go within `wait_s`.
            TransportError: The device cannot be asked.
        """

    def shell(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Runs a command and waits for it; each word reaches it unchanged, whatever it contains.

        A command that cannot be found gives exit code 127, as a shell does.

        Raises:
            CommandTimeout: It ran longer than `timeout_s`; it and its children were ended on the device.
            DeviceLost: The connection broke.
        """

    def push(self, data: bytes, path: str, *, mode: int = 0o644) -> None:
        """Puts a file on the device, whole or not at all; skipped when the same content is there already.

        Args:
            data: The content.
            path: Absolute, or relative to `workdir`; missing parents are made.
            mode: The permissions it ends with, also when the content was there.

        Raises:
            PushFailed: The device refused it or has no room; `reason` holds its words and nothing is left.
            DeviceLost: The connection broke.
        """

    def pull(self, path: str) -> bytes:
        """Reads a file.

        Raises:
            PullFailed: It is missing or cannot be read.
            DeviceLost: The connection broke.
        """

    def remove(self, path: str) -> None:
        """Removes a file or a directory with all it holds; one that is not there is no error.

        Raises:
            TransportError: It is there and could not be removed.
        """

    def close(self) -> None:
        """Ends the connection. A second call does nothing."""


def model_path(transport: Transport, model: bytes) -> str:
    """Where a model lies on a device: by its content, so that it is pushed once and never mistaken."""
    digest = hashlib.sha256(model).hexdigest()[:16]
    return f"{transport.workdir.rstrip('/')}/{digest}.tflite"
