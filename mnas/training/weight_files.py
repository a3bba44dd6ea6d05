"""Trained weights in files: our own, and what Keras 2, Keras 3, NumPy and PyTorch write.

Arrays are read by layer; no file is ever asked to build the network that it came from.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnas.errors import SearchError
from mnas.files import read_npz, write_npz
from mnas.training.torch_files import read_torch

if TYPE_CHECKING:
    import h5py
    import tf_keras

Layer = Mapping[str, np.ndarray]
"""Variable -> array: `kernel` (`[height, width, in, out]`, depthwise `[height, width, in, 1]`, dense `[in, out]`) and
`bias`, or `gamma`, `beta`, `moving_mean` and `moving_variance`."""

FORMATS = (".npz", ".weights.h5", ".h5", ".keras", ".pth", ".pt")
_LABELS = "labels"
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_TORCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Trained weights.

    Attributes:
        layers: Name -> its arrays, in the order of the network as far as the file tells it.
        labels: Names of the classes that the head tells apart, in order; empty where the file does not say.
    """

    layers: Mapping[str, Layer]
    labels: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """64 hexadecimal digits that are the same for the same layers, names and numbers, whatever the file."""
        found = hashlib.sha256()
        for name in sorted(self.layers):
            for variable, array in sorted(self.layers[name].items()):
                found.update(f"{name}/{variable}:{array.dtype.str}{array.shape};".encode())
                found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()


def variables(model: tf_keras.Model) -> dict[str, dict[str, Any]]:
    """Layer -> variable -> the TensorFlow variable, in the order of the network."""
    found: dict[str, dict[str, Any]] = {}
    for layer in model.layers:
        for weight in layer.weights:
            found.setdefault(layer.name, {})[_variable(weight.name)] = weight
    return found


def save_weights(model: tf_keras.Model, path: Path, labels: Iterable[str] = ()) -> None:
    """Writes all variables of a model as an `.npz` of `LAYER/VARIABLE:0` -> array.

    Args:
        model: Any Keras 2 model.
        path: The file.
        labels: Names of the classes in the order of the outputs, stored as the array `labels`.
    """
    named = {_LABELS: np.array(list(labels))} if labels else {}
    write_npz(path, {weight.name: weight.numpy() for weight in model.weights} | named)


def store_weights(weights: Weights, path: Path) -> None:
    """Writes weights as `save_weights` writes those of a model."""
    arrays = {
        f"{name}/{variable}": array for name, layer in weights.layers.items() for variable, array in layer.items()
    }
    write_npz(path, arrays | ({_LABELS: np.array(weights.labels)} if weights.labels else {}))


def load_weights(model: tf_keras.Model, path: Path) -> None:
    """Fills `model` with what `save_weights` wrote of another of the same architecture and head.

    Raises:
        SearchError: The file is damaged, or of another architecture.
    """
    stored = read_npz(path)
    stored.pop(_LABELS, None)
    expected = {weight.name: tuple(weight.shape) for weight in model.weights}
    if expected != {name: array.shape for name, array in stored.items()}:
        raise SearchError(f"the weights in {path} are not those of this architecture")
    for weight in model.weights:
        weight.assign(stored[weight.name])


def read_weights(path: Path) -> Weights:
    """The weights of a file: `.npz`, `.weights.h5`, `.h5` and `.keras` of Keras 2 or 3, `.pth` and `.pt` of PyTorch.

    Raises:
        SearchError: Another kind of file, one that is missing or damaged, or one without layers.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise SearchError(f"no file {path} to read weights from")
    if suffix == ".npz":
        return _from_npz(path)
    if suffix in (".pth", ".pt"):
        return _whole(_from_torch(read_torch(path)), path)
    if suffix in (".h5", ".hdf5", ".keras"):
        return _whole(_from_keras(path), path)
    raise SearchError(f"{path} is not a file of weights that is known: one of {', '.join(FORMATS)}")


def _whole(layers: Mapping[str, Layer], path: Path) -> Weights:
    if not layers:
        raise SearchError(f"{path} holds no weights of layers")
    return Weights(layers)


def _variable(name: str) -> str:
    """`stem/depthwise_kernel:0` -> `kernel`."""
    last = name.rpartition("/")[2].partition(":")[0]
    return "kernel" if last == "depthwise_kernel" else last


def _from_npz(path: Path) -> Weights:
    stored = read_npz(path)
    labels = stored.pop(_LABELS, np.array([], str))
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, array in stored.items():
        layer, slash, _ = name.rpartition("/")
        if not slash:
            raise SearchError(f"{path}: the array {name!r} is not named LAYER/VARIABLE, as in stem/kernel")
        layers.setdefault(layer, {})[_variable(name)] = array
    return Weights(_whole(layers, path).layers, tuple(map(str, labels.tolist())))


def _from_torch(stored: Mapping[str, np.ndarray]) -> dict[str, Layer]:
    """PyTorch's `[out, in, height, width]` turned into Keras' order; counters of batches are left out."""
    grouped: dict[str, dict[str, np.ndarray]] = {}
    for name, array in stored.items():
        layer, _, variable = name.rpartition(".")
        grouped.setdefault(layer, {})[variable] = array
    layers: dict[str, Layer] = {}
    for layer, arrays in grouped.items():
        if "running_mean" in arrays:
            layers[layer] = {ours: arrays[theirs] for theirs, ours in _TORCH_NORM.items() if theirs in arrays}
        elif "weight" in arrays and arrays["weight"].ndim in (2, 4):
            bias = {"bias": arrays["bias"]} if "bias" in arrays else {}
            layers[layer] = {"kernel": _turned(arrays["weight"]), **bias}
    return layers


def _turned(kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 2:
        return kernel.T
    depthwise = kernel.shape[1] == 1 and kernel.shape[0] > 1
    return kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def _from_keras(path: Path) -> dict[str, Layer]:
    import h5py

    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".keras":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = archive.read("model.weights.h5")
        with h5py.File(io.BytesIO(content)) as file:
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return _by_name(root, file.attrs.get("model_config"))
            return _by_number(root)
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise SearchError(f"cannot read {path}: {reason}") from error
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise SearchError(f"{path} is not a file of weights as Keras writes it: {error}") from error


def _by_name(root: h5py.Group, config: str | None) -> dict[str, Layer]:
    """The older layout, in which variables have names; its order is that of the model, where the file tells it."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for group in root.attrs["layer_names"]:
        for name in root[group].attrs["weight_names"]:
            layer = str(name).rpartition("/")[0] or str(group)
            layers.setdefault(layer, {})[_variable(str(name))] = np.asarray(root[group][name])
    # A model inside the model lists what was trained before what was frozen.
    order = {name: index for index, name in enumerate(_listed(json.loads(config)))} if config else {}
    return dict(sorted(layers.items(), key=lambda one: order.get(one[0], len(order))))


def _listed(config: Any) -> Iterator[str]:
    """Names of the layers of a model's configuration, those of models inside it in their place."""
    for layer in config.get("config", {}).get("layers", ()):
        yield str(layer.get("config", {}).get("name", ""))
        yield from _listed(layer)


def _by_number(root: h5py.Group) -> dict[str, Layer]:
    """The newer layout, `layers/conv2d_1/vars/0`: variables have numbers, layers those within their class."""
    groups: list[tuple[str, h5py.Group]] = []
    root.visititems(lambda name, found: groups.append((name, found)) if name.endswith("vars") else None)
    layers: dict[str, Layer] = {}
    for place, group in sorted(groups, key=lambda one: _natural(one[0])):
        arrays = [np.asarray(group[number]) for number in sorted(group, key=int)]
        if place.startswith("optimizer") or not arrays or any(array.dtype.kind != "f" for array in arrays):
            continue
        names = _NORM if len(arrays) == len(_NORM) and arrays[0].ndim == 1 else ("kernel", "bias")
        name = str(group.attrs.get("name", place.removesuffix("/vars")))
        layers[name] = dict(zip(names, arrays, strict=False))
    return layers


def _natural(place: str) -> list[tuple[str, int]]:
    """`layers/conv2d_10` behind `layers/conv2d_9`."""
    parts = (re.fullmatch(r"(.*?)(?:_(\d+))?", part) for part in place.split("/"))
    return [(found[1], int(found[2] or 0)) for found in parts if found]
