"""The number format in which apps hand images to a file and take scores from it.

The readers that apps use (MediaPipe Tasks, the TFLite Task Library) refuse int8 images. To a uint8 input they hand the
bytes of the image as they are, whatever its scale: so that must be 1/255 with a zero point of 0, or each score is of
another image. The converter takes the scale from the calibration images, hence two pixels of the first are set to
the ends of the range.
"""

from collections.abc import Sequence

import numpy as np

from device_bench.errors import BadRequest, ConversionError
from device_bench.kinds import INTERFACES, Interface, Precision
from device_bench.tflite.apps import RAW_PIXELS
from device_bench.tflite.graph import Graph, Tensor


def checked_interface(interface: Interface | None, precision: Precision) -> Interface:
    """The interface of a file; by default that in which it computes.

    Raises:
        BadRequest: An unknown one, or one that a file of this precision cannot have.
    """
    if interface is None:
        return "int8" if precision == "int8" else "float32"
    if interface not in INTERFACES:
        raise BadRequest(f"unknown interface {interface!r}; use one of {', '.join(INTERFACES)}")
    if precision != "int8" and interface != "float32":
        raise BadRequest(f"a {precision} file takes and gives float32, not {interface}; only int8 files can")
    return interface


def spanning(examples: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Calibration images of one input whose range is exactly [0, 1].

    Args:
        examples: One array, float32 [images, height, width, channels].

    Raises:
        BadRequest: The model has several inputs or takes no images, or a value lies outside [0, 1].
    """
    if len(examples) != 1 or examples[0].ndim != 4:
        raise BadRequest("a uint8 interface is for a model whose only input is an image; use float32 or int8")
    [images] = examples
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise BadRequest(f"a uint8 interface needs calibration images in [0, 1]; these run from {low:g} to {high:g}")
    spanned = images.copy()
    spanned[0, 0, 0], spanned[0, -1, -1] = 0, 1
    return [spanned]


def check_interface(content: bytes, interface: Interface) -> None:
    """Refuses a converted file whose ends are not what was asked for.

    Raises:
        ConversionError: A float input or output has another format, or a uint8 image another scale than 1/255.
    """
    graph = Graph(content)
    ends = [graph.tensors[one] for one in (*graph.inputs, *graph.outputs)]
    if wrong := [one for one in ends if one.kind != interface and not _is_index(one)]:
        raise ConversionError(f"{wrong[0].name!r} of the converted file is {wrong[0].kind}, not {interface}")
    if interface == "uint8" and (scaling := graph.tensors[graph.inputs[0]].scaling) != RAW_PIXELS:
        raise ConversionError(
            f"the uint8 input has the scale and zero point {scaling}, where the bytes of an image need 1/255 and 0"
        )


def _is_index(tensor: Tensor) -> bool:
    """Whether it holds words or positions, which no interface quantizes."""
    return tensor.kind in ("int32", "int64")
