"""Where encoded images lie: whole files of a folder, or stretches of larger files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mnas.data.names import shown
from mnas.errors import SearchError


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Stretches of files, as columns: tens of bytes for each image.

    Attributes:
        root: Folder of the files.
        files: Their paths in it, as bytes, `[files]`.
        sizes: In bytes, int64 `[files]`.
        changed_ns: When each was last written to, int64 `[files]`.
        within: The file of each image, int64 `[count]`.
        offset: Where the image begins in it, int64 `[count]`.
        length: Of the image in bytes, int64 `[count]`.
    """

    root: Path
    files: np.ndarray
    sizes: np.ndarray
    changed_ns: np.ndarray
    within: np.ndarray
    offset: np.ndarray
    length: np.ndarray

    @classmethod
    def of_files(cls, root: Path, paths: Sequence[Path]) -> Places:
        """Files that hold one image each.

        Raises:
            OSError: One cannot be looked at.
        """
        abouts = [path.stat() for path in paths]
        sizes = np.array([about.st_size for about in abouts], np.int64)
        return cls(
            root,
            np.array([os.fsencode(path.relative_to(root)) for path in paths], np.bytes_),
            sizes,
            np.array([about.st_mtime_ns for about in abouts], np.int64),
            np.arange(len(paths)),
            np.zeros(len(paths), np.int64),
            sizes,
        )

    def __len__(self) -> int:
        """How many images there are."""
        return len(self.within)

    def subset(self, indices: np.ndarray) -> Places:
        """Those of some images, int `[n]`, and their files alone."""
        files, within = np.unique(self.within[indices], return_inverse=True)
        return replace(
            self,
            files=self.files[files],
            sizes=self.sizes[files],
            changed_ns=self.changed_ns[files],
            within=within,
            offset=self.offset[indices],
            length=self.length[indices],
        )

    def path(self, index: int) -> Path:
        """The file in which an image lies."""
        return self.root / os.fsdecode(self.files[self.within[index]])

    def name(self, index: int) -> str:
        """What messages call an image."""
        whole = self.length[index] == self.sizes[self.within[index]]
        return str(self.path(index)) if whole else f"{self.path(index)} (image at byte {self.offset[index]})"

    def read(self, index: int) -> bytes:
        """The bytes of an image.

        Raises:
            SearchError: Its file is missing, cannot be read, or has changed.
        """
        with self._file(index) as file:
            return os.pread(file.fileno(), int(self.length[index]), int(self.offset[index]))

    @contextmanager
    def opened(self, index: int) -> Iterator[BinaryIO]:
        """An image as a file of its own; errors as for `read`."""
        with self._file(index) as file:
            if self.length[index] == self.sizes[self.within[index]]:
                yield file
            else:
                yield BytesIO(os.pread(file.fileno(), int(self.length[index]), int(self.offset[index])))

    @contextmanager
    def _file(self, index: int) -> Iterator[BinaryIO]:
        path, place = self.path(index), self.within[index]
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise SearchError(f"{shown(path)} is missing: restore it, or start a new run") from None
        except OSError as error:
            raise SearchError(
                f"{shown(path)} cannot be read ({error.strerror or error}): make it readable or move it elsewhere"
            ) from error
        with file:
            about = os.fstat(file.fileno())
            if (about.st_size, about.st_mtime_ns) != (self.sizes[place], self.changed_ns[place]):
                raise SearchError(f"{shown(path)} has changed since it was first read: restore it, or start a new run")
            yield file
