"""Dilated convolutions as one operator each.

TensorFlow computes them on a CPU by a detour over a batch of sub-images, and traces that. The TFLite converter turns
the detour back into one operator only where no other convolution reads the same map.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

_CONVOLUTIONS = {"Conv2D", "DepthwiseConv2dNative"}
_CONSTANTS = 4  # two of each change of the batch
_THERE, _BACK = "SpaceToBatchND", "BatchToSpaceND"


def undo_detours(definition: "tf.compat.v1.GraphDef", traced: "tf.Graph") -> None:
    """Replaces each detour of a frozen graph by the dilated convolution that it computes.

    Args:
        definition: The frozen graph, which is changed in place.
        traced: The graph that it was frozen from, whose shapes are known.
    """
    nodes = {node.name: node for node in definition.node}
    readers = Counter(name for node in definition.node for name in node.input)
    for back in [node for node in definition.node if node.op == _BACK]:
        conv = nodes[back.input[0]]
        if conv.op not in _CONVOLUTIONS or readers[conv.name] > 1 or not _is_plain(conv):
            continue
        there = nodes[conv.input[0]]
        constants = _constants(nodes, (*there.input[1:], *back.input[1:]))
        kernel = traced.get_operation_by_name(conv.name).inputs[1].shape
        if there.op != _THERE or len(constants) < _CONSTANTS or not (padding := _padding(constants, kernel[:2])):
            continue
        back.op = conv.op
        del back.input[:]
        back.input.extend([there.input[0], *conv.input[1:]])
        back.attr.clear()
        for name, value in conv.attr.items():
            back.attr[name].CopyFrom(value)
        back.attr["dilations"].list.i[:] = [1, *constants[0].tolist(), 1]
        back.attr["padding"].s = padding
        definition.node.remove(conv)


def _is_plain(conv: Any) -> bool:
    """Whether a convolution of a graph has no padding, strides or dilation of its own."""
    steps = [*conv.attr["strides"].list.i, *conv.attr["dilations"].list.i]
    return conv.attr["padding"].s == b"VALID" and conv.attr["data_format"].s == b"NHWC" and set(steps) == {1}


def _padding(constants: list[np.ndarray], kernel: Sequence[int]) -> bytes | None:
    """The padding of the dilated convolution that a detour computes, or None where it computes something else.

    Args:
        constants: Block sizes and margins of the change to sub-images, and block sizes and crops of the change back.
        kernel: Height and width.
    """
    by, pads, by_back, crops = constants
    if len(by) != 2 or not np.array_equal(by, by_back):
        return None
    axes = zip(by.tolist(), pads.tolist(), crops.tolist(), kernel, strict=True)
    fitting = [_fitting((size - 1) * rate, pad, crop) for rate, pad, crop, size in axes]
    return min(fitting[0] & fitting[1], default=None)


def _fitting(reach: int, pad: list[int], crop: list[int]) -> set[bytes]:
    """The paddings that give a kernel of that reach those margins, each as before and behind the map."""
    margins = (pad[0] - crop[0], pad[1] - crop[1])
    kinds = {b"SAME": (reach // 2, reach - reach // 2), b"VALID": (0, 0)}
    return {kind for kind, wanted in kinds.items() if margins == wanted and not crop[0]}


def _constants(nodes: dict[str, Any], names: Sequence[str]) -> list[np.ndarray]:
    """The values of those nodes that are constants."""
    import tensorflow as tf

    found = [nodes[name] for name in names if name in nodes and nodes[name].op == "Const"]
    return [tf.make_ndarray(node.attr["value"].tensor) for node in found]
