"""Files that appear whole or not at all: written aside, fsynced, renamed."""

import codecs
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from device_bench.whole_files import write_whole
from mnas.errors import RunFailed, SearchError

# The marks of UTF-32 begin with those of UTF-16, so they come first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def write_bytes(path: Path, data: bytes) -> None:
    """Puts `data` at `path`: a reader, or a machine that lost power, sees the old file or the new one.

    Raises:
        RunFailed: The folder cannot be written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise RunFailed(f"cannot write {path}: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON; NaN and infinity are refused, for no other reader would take them."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """The text of a file that people bring: UTF-8, or the encoding that its byte order mark names.

    Raises:
        SearchError: The file cannot be read, or is not text in such an encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        where = f"line {line}: byte 0x{content[error.start]:02x}"
        raise SearchError(f"{path} is not text in {encoding.upper()} ({where}): save it in UTF-8") from error
    if "\0" in text:
        raise SearchError(f"{path} is not text in UTF-8, it looks like UTF-16 without its mark: save it in UTF-8")
    return text


def read_json(path: Path) -> Any:
    """The JSON value in `path`.

    Raises:
        SearchError: The file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise SearchError(f"{path} is not JSON ({error}): restore it or delete it") from error


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes named arrays, uncompressed; object arrays are refused (they would be pickled)."""
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise SearchError(f"{path}: the array {objects[0]!r} holds Python objects, which are not stored")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes one array as `.npy`, in a layout that `numpy.load(mmap_mode="r")` maps."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file, by name.

    Raises:
        SearchError: The file is missing, damaged, not an `.npz` or holds pickled objects.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x93NUMPY"):
            raise SearchError(f"{path} holds one bare array: an .npz archive is needed (numpy.savez)")
        if not content.startswith(b"PK"):
            raise SearchError(f"{path} is not a usable .npz archive: it begins otherwise than numpy.savez writes it")
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        return {name: _plain(archive, name, path) for name in archive.files}
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
    except SearchError:
        raise
    except Exception as error:  # of NumPy, zipfile and zlib, which raise whatever they come upon
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SearchError(f"{path} is not a usable .npz archive: {reason}") from error


def _plain(archive: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise SearchError(
            f"{path} is not a usable .npz archive: {name} holds Python objects, which are not read; save an array of"
            " numbers or strings"
        ) from None
