"""Real numbers and the integers that stand for them in a TFLite file: real = scale * (integer - zero point)."""

from typing import Any

import numpy as np


def to_file(values: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """Real numbers in the number format of a tensor with one scale, such as an input.

    Args:
        values: Floats.
        detail: The tensor, as LiteRT's interpreter describes it.
    """
    kind = detail["dtype"]
    if np.issubdtype(kind, np.floating):
        return values.astype(kind)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(kind)
    return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(kind)


def to_real(values: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    """What the values of a tensor with one scale stand for, float32; the reverse of `to_file`."""
    scale, zero_point = detail["quantization"]
    if np.issubdtype(detail["dtype"], np.floating) or not scale:
        return values.astype(np.float32)
    return np.float32(scale) * (values.astype(np.float32) - np.float32(zero_point))
