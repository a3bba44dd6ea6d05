"""A measured accuracy for small nets without training them: random features, and a readout solved in closed form.

Extreme learning machines (Huang et al. 2006) applied to convolutional blocks: weights are random, each channel is
standardized on the training images, and a ridge regression reads the classes off the last feature map. Every
number is an accuracy on held-out images of scikit-learn's handwritten digits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from sklearn.datasets import load_digits

OPS = ("conv", "sepconv", "mbconv3")
KERNELS = (3, 5)
FILTERS = (8, 12, 16)
STRIDES = (1, 2, 2)
TRAIN = 1000
_RIDGE = 3.0
_LARGEST_INPUT, _LARGEST_KERNEL = 48, 5

Block = tuple[str, int, int]


class RandomNets:
    """All nets of one seed. Blocks share slices of the same random weights, as the nets of a space share structure."""

    def __init__(self, seed: int) -> None:
        images, labels = load_digits(return_X_y=True)
        order = np.random.default_rng([seed, 99]).permutation(len(labels))
        self.images = (images[order].reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
        self.labels = labels[order]
        self.seed = seed
        self._prefix = lru_cache(maxsize=32)(self._features)
        self._large = lru_cache(maxsize=None)(self._random)

    def accuracy(self, blocks: tuple[Block, ...]) -> float:
        """Accuracy on the images that the readout was not fitted to."""
        features = np.maximum(self._prefix(blocks), 0).reshape(len(self.labels), -1).astype(np.float64)
        features = np.hstack([features, np.ones((len(features), 1))])
        known, wanted = features[:TRAIN], np.eye(10)[self.labels[:TRAIN]]
        gram = known.T @ known + _RIDGE * np.eye(known.shape[1])
        readout = np.linalg.solve(gram, known.T @ wanted)
        return float(((features[TRAIN:] @ readout).argmax(axis=1) == self.labels[TRAIN:]).mean())

    def _features(self, blocks: tuple[Block, ...]) -> np.ndarray:
        if not blocks:
            return self.images
        return self._block(self._prefix(blocks[:-1]), *blocks[-1], index=len(blocks) - 1)

    def _block(self, x: np.ndarray, op: str, kernel: int, filters: int, index: int) -> np.ndarray:
        stride, channels = STRIDES[index], x.shape[3]
        if op == "conv":
            return np.maximum(_standard(_conv(x, self._weights(index, 0, kernel, channels, filters), stride)), 0)
        if op == "mbconv3":
            expand = self._weights(index, 1, 1, channels, 3 * channels)[0, 0]
            x = np.maximum(_standard(x @ expand), 0)
        depthwise = self._weights(index, 2, kernel, x.shape[3], 1)[..., 0]
        x = np.maximum(_standard(_depthwise(x, depthwise, stride)), 0)
        return _standard(x @ self._weights(index, 3, 1, x.shape[3], filters)[0, 0])

    def _weights(self, index: int, part: int, kernel: int, channels: int, filters: int) -> np.ndarray:
        """The middle of one large random tensor, ``[kernel, kernel, channels, filters]``."""
        whole = self._large(index, part)
        first = (_LARGEST_KERNEL - kernel) // 2
        middle = slice(first, first + kernel)
        return whole[middle, middle, :channels, :filters]

    def _random(self, index: int, part: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, index, part])
        shape = (_LARGEST_KERNEL, _LARGEST_KERNEL, _LARGEST_INPUT, 3 * _LARGEST_INPUT)
        return rng.standard_normal(shape, dtype=np.float32)


def _windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    pad = kernel // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return windows[:, ::stride, ::stride]


def _conv(x: np.ndarray, weights: np.ndarray, stride: int) -> np.ndarray:
    windows = _windows(x, weights.shape[0], stride)
    flat = windows.reshape(*windows.shape[:3], -1)
    return flat @ weights.transpose(2, 0, 1, 3).reshape(-1, weights.shape[3])


def _depthwise(x: np.ndarray, weights: np.ndarray, stride: int) -> np.ndarray:
    kernel, pad = weights.shape[0], weights.shape[0] // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = x.shape[1], x.shape[2]
    total = 0.0
    for row in range(kernel):
        for column in range(kernel):
            part = padded[:, row : row + height : stride, column : column + width : stride]
            total = total + part * weights[row, column]
    return np.asarray(total)


def _standard(x: np.ndarray) -> np.ndarray:
    known = x[:TRAIN]
    return (x - known.mean(axis=(0, 1, 2))) / (known.std(axis=(0, 1, 2)) + 1e-3)
