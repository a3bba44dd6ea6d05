"""The files that a table is built from, and how they are named."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """A whole network.

    Attributes:
        name: Its hash.
        file: Name of its file.
        signatures: Its operators, in order.
        macs: Multiply-accumulates of one inference.
    """

    name: str
    file: str
    signatures: tuple[str, ...]
    macs: int


def part_name(signature: str) -> str:
    """The file name of a single operator."""
    return f"op-{hashlib.sha256(signature.encode()).hexdigest()[:16]}.tflite"
