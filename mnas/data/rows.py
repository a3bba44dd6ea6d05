"""Arrays on disk, read row by row.

Positioned reads rather than a memory map: the resident memory of a process is then what it holds, and not what it has
touched, and a file that was cut while it was open is an error and not a signal.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from device_bench.whole_files import whole_file
from mnas.data.inputs import places
from mnas.errors import RunFailed


class Rows:
    """An array in a file, of which rows are read when they are asked for."""

    def __init__(self, file: BinaryIO, start: int, shape: tuple[int, ...], dtype: np.dtype, name: str) -> None:
        """Keeps a descriptor of its own.

        Args:
            file: An open file.
            start: Where the first row begins in it, in bytes.
            shape: `[count, ...]`.
            dtype: Of the elements.
            name: Of the file, for errors.
        """
        self.shape = shape
        self.dtype = dtype
        self._start = start
        self._row_bytes = int(np.prod(shape[1:])) * dtype.itemsize
        self._name = name
        self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)

    @classmethod
    def open(cls, path: Path) -> Rows:
        """The array of an `.npy` file.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is not an `.npy` file of plain numbers in C order, or it is cut short.
        """
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, columns_first, dtype = header(file)
            rows = cls(file, file.tell(), shape, dtype, str(path))
            size = os.fstat(file.fileno()).st_size
        if columns_first or dtype.hasobject or not shape:
            raise ValueError(f"{path.name} is not an array of numbers row by row")
        if size < rows._start + len(rows) * rows._row_bytes:
            raise ValueError(f"{path.name} is cut short")
        return rows

    def __len__(self) -> int:
        """How many rows there are."""
        return self.shape[0]

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """The rows that a slice or an integer array chooses, in the file's own type.

        Raises:
            RunFailed: The file cannot be read, or was cut short.
        """
        wanted = places(chosen, len(self))
        rows = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        if not rows.size:
            return rows
        flat = rows.reshape(-1).view(np.uint8).data
        # Neighbours are read at once.
        ends = np.flatnonzero(np.diff(wanted) != 1) + 1
        for first, end in zip([0, *ends.tolist()], [*ends.tolist(), len(wanted)], strict=True):
            self._read(flat[first * self._row_bytes : end * self._row_bytes], int(wanted[first]))
        return rows

    def _read(self, into: memoryview, row: int) -> None:
        place = self._start + row * self._row_bytes
        while into:
            try:
                count = os.preadv(self._descriptor, [into], place)
            except OSError as error:
                raise RunFailed(f"cannot read {self._name}: {error.strerror or error}") from error
            if not count:
                raise RunFailed(f"{self._name} was cut short while it was in use: start a new run")
            into, place = into[count:], place + count


def write_rows(path: Path, shape: tuple[int, ...], dtype: np.dtype, parts: Iterable[np.ndarray]) -> None:
    """Writes an array as `.npy`, whole or not at all, a part at a time.

    Args:
        path: Of the file.
        shape: Of the array.
        dtype: Of its elements.
        parts: Its rows in order, `[n, ...]` each.

    Raises:
        RunFailed: The folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as aside, aside.open("wb") as file:
            described = np.lib.format.dtype_to_descr(dtype)
            np.lib.format.write_array_header_1_0(file, {"descr": described, "fortran_order": False, "shape": shape})
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype).tobytes())
    except OSError as error:
        raise RunFailed(f"cannot write {path}: {error.strerror or error}") from error
