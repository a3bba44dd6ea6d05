"""Tensors out of a PyTorch file, without PyTorch and without running what a pickle may ask for.

Both formats are read: the stream of pickles before PyTorch 1.6 and the ZIP archive since. A pickle may build ordered
dictionaries and tensors of floats and integers; any other name in it is refused before it is looked up.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnas.errors import SearchError

_MAGIC = 0x1950A86A20F9469CFC6C
_TYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a `state_dict` by name, in its order.

    Raises:
        SearchError: The file cannot be read, is damaged, or holds more than tensors.
    """
    try:
        content = path.read_bytes()
        found, storages = _zipped(content) if zipfile.is_zipfile(io.BytesIO(content)) else _streamed(content)
        if not isinstance(found, Mapping):
            raise SearchError("it holds no dictionary of tensors")
        return {str(name): one.array(storages) for name, one in found.items() if isinstance(one, _Tensor)}
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # unpickling raises whatever a damaged file makes it come upon
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SearchError(f"{path} is not a file of PyTorch tensors that can be read: {reason}") from error


@dataclass(frozen=True, slots=True)
class _Storage:
    """Where the numbers of a tensor lie."""

    key: str
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage, whose numbers may come later in the file."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, storages: Mapping[str, bytes]) -> np.ndarray:
        """The numbers themselves."""
        numbers = np.frombuffer(storages[self.storage.key], self.storage.dtype)[self.offset :]
        if min((*self.shape, *self.strides), default=0) < 0:
            raise SearchError("a tensor has a negative size")
        last = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) and last >= len(numbers):
            raise SearchError(f"a tensor of shape {list(self.shape)} lies outside its storage")
        steps = tuple(stride * numbers.itemsize for stride in self.strides)
        return np.lib.stride_tricks.as_strided(numbers, self.shape, steps, writeable=False).copy()


def _tensor(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _Tensor:
    """What `torch._utils._rebuild_tensor_v2` is called with."""
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: _Tensor, *_: object) -> _Tensor:
    """What `torch._utils._rebuild_parameter` is called with."""
    return tensor


_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


class _Unpickler(pickle.Unpickler):
    """Knows what tensors are made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name of the pickle."""
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        raise SearchError(f"it asks for {module}.{name}, which no tensor needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage, by what the pickle says of it: `("storage", type, key, place, count, ...)`."""
        return _Storage(str(pid[2]), pid[1])


def _zipped(content: bytes) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        [index] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        folder = f"{index.removesuffix('data.pkl')}data/"
        found = _Unpickler(io.BytesIO(archive.read(index))).load()
        names = [name for name in archive.namelist() if name.startswith(folder)]
        return found, {name.removeprefix(folder): archive.read(name) for name in names}


def _streamed(content: bytes) -> tuple[Any, dict[str, bytes]]:
    """Magic number, version, facts of the writer, the dictionary, the keys of its storages; then their numbers."""
    stream = io.BytesIO(content)
    if _Unpickler(stream).load() != _MAGIC:
        raise SearchError("it begins otherwise than PyTorch writes it")
    for _ in ("version", "writer"):
        _Unpickler(stream).load()
    widths: dict[str, int] = {}

    class Noting(_Unpickler):
        """Keeps how wide the numbers of each storage are."""

        def persistent_load(self, pid: Any) -> _Storage:
            storage = super().persistent_load(pid)
            widths[storage.key] = storage.dtype.itemsize
            return storage

    found = Noting(stream).load()
    storages = {}
    for key in _Unpickler(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        storages[key] = stream.read(count * widths[key])
    return found, storages
