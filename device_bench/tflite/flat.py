"""Reads the few fields of a TFLite file that we need, in place.

The generated accessors of the schema check and wrap every number; a file of 100 operators takes some 8,000 of them.
Fields are numbered in the order in which schema.fbs of TensorFlow Lite declares them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache

_U32 = struct.Struct("<I").unpack_from
_I32 = struct.Struct("<i").unpack_from
_U64 = struct.Struct("<Q").unpack_from
_U16 = struct.Struct("<H").unpack_from

MODEL_SUBGRAPHS, MODEL_BUFFERS, MODEL_METADATA, MODEL_SIGNATURES = 2, 4, 6, 7
SUBGRAPH_TENSORS, SUBGRAPH_INPUTS, SUBGRAPH_OUTPUTS, SUBGRAPH_OPERATORS = 0, 1, 2, 3
TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANTIZATION = 0, 1, 2, 3, 4
TENSOR_SHAPE_SIGNATURE, TENSOR_HAS_RANK, TENSOR_EXTERNAL_BUFFER = 7, 8, 10
OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS_TYPE, OPERATOR_OPTIONS = 0, 1, 2, 3, 4
OPERATOR_OPTIONS_2_TYPE, OPERATOR_OPTIONS_2 = 11, 12
QUANTIZATION_SCALE, QUANTIZATION_ZERO_POINT = 2, 3
BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE = 0, 1, 2
METADATA_NAME, METADATA_BUFFER = 0, 1
SIGNATURE_INPUTS, SIGNATURE_KEY, SIGNATURE_SUBGRAPH = 0, 2, 4
NAMED_TENSOR_NAME, NAMED_TENSOR_INDEX = 0, 1


class FlatTable:
    """A table of a flatbuffer.

    Attributes:
        content: The whole file.
        position: Where the table begins.
    """

    __slots__ = ("_layout", "_layout_size", "content", "position")

    def __init__(self, content: bytes, position: int) -> None:
        self.content = content
        self.position = position
        self._layout = position - _I32(content, position)[0]
        self._layout_size = _U16(content, self._layout)[0]

    @classmethod
    def root(cls, content: bytes) -> FlatTable:
        """The table that the file begins with."""
        return cls(content, _U32(content, 0)[0])

    def byte(self, field: int) -> int:
        """A field of one byte; 0 where it is left out."""
        place = self.place(field)
        return self.content[place] if place else 0

    def number(self, field: int) -> int:
        """A field of four bytes, unsigned; 0 where it is left out."""
        place = self.place(field)
        return int(_U32(self.content, place)[0]) if place else 0

    def long_number(self, field: int) -> int:
        """A field of eight bytes, unsigned; 0 where it is left out."""
        place = self.place(field)
        return int(_U64(self.content, place)[0]) if place else 0

    def text(self, field: int) -> str:
        """A string; empty where it is left out."""
        return self.octets(field).decode(errors="replace")

    def table(self, field: int) -> FlatTable | None:
        """A table that a field refers to."""
        place = self.place(field)
        return FlatTable(self.content, place + _U32(self.content, place)[0]) if place else None

    def integers(self, field: int) -> tuple[int, ...]:
        """A vector of 32-bit integers; empty where it is left out."""
        start, length = self.vector(field)
        return _integers(length).unpack_from(self.content, start)

    def floats(self, field: int) -> tuple[float, ...]:
        """A vector of 32-bit floating point numbers; empty where it is left out."""
        start, length = self.vector(field)
        return struct.unpack_from(f"<{length}f", self.content, start)

    def octets(self, field: int) -> bytes:
        """A vector of bytes."""
        start, length = self.vector(field)
        return self.content[start : start + length]

    def length(self, field: int) -> int:
        """How long a vector is."""
        return self.vector(field)[1]

    def tables(self, field: int) -> Iterator[FlatTable]:
        """The tables of a vector."""
        start, length = self.vector(field)
        for place in range(start, start + 4 * length, 4):
            yield FlatTable(self.content, place + _U32(self.content, place)[0])

    def raw(self) -> tuple[bytes, bytes]:
        """The table's layout and what it holds in place, byte by byte: equal ones hold equal numbers."""
        layout = self.content[self._layout : self._layout + self._layout_size]
        size = int.from_bytes(layout[2:4], "little")
        return layout, self.content[self.position + 4 : self.position + size]

    def place(self, field: int) -> int:
        """Where a field lies in the file; 0 where it is left out."""
        slot = 4 + 2 * field
        if slot >= self._layout_size:
            return 0
        offset = _U16(self.content, self._layout + slot)[0]
        return self.position + int(offset) if offset else 0

    def vector(self, field: int) -> tuple[int, int]:
        """Where the content of a vector begins, and how many items it has."""
        place = self.place(field)
        if not place:
            return 0, 0
        start = place + _U32(self.content, place)[0]
        return start + 4, int(_U32(self.content, start)[0])


def spelt(text: str) -> str:
    """A name of a file as it may be shown, written into tables, and typed."""
    return text if text.isprintable() else ascii(text)[1:-1]


@lru_cache(maxsize=256)
def _integers(length: int) -> struct.Struct:
    return struct.Struct(f"<{length}i")
