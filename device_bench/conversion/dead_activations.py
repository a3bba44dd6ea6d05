"""Finds and repairs int8 activations whose quantization step is too fine for XNNPACK.

An activation that is (nearly) constant over the calibration images, such as the dead ReLU of a squeeze-and-excite
block, gets a step near 1e-8. XNNPACK rescales each accumulator by input step x weight step / output step and refuses
to create its runtime when that is 256 or more (`xnn_define_convolution_2d` and its siblings; "failed to create XNNPACK
runtime"). Such a file loads nowhere.

The repair widens the calibrated range before quantization, until the rescaling is 128. Then half an output step is
1/256 of an accumulator's own step (of the coarsest channel), so the repaired activation is still finer than anything
the accumulator can tell apart: nothing that the model computes is lost.
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.tflite.packing import packed, unpacked

_REFUSED_FROM = 256.0
_REPAIRED_TO = 128.0
_ACTIVATION_STEPS, _WEIGHT_STEPS = 255.0, 127.0
_WEIGHTED = {
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
}


def refused_operators(model: bytes) -> tuple[str, ...]:
    """Names of the outputs that XNNPACK would refuse in a quantized model."""
    parsed = unpacked(model)
    refused = []
    for graph, operator in _weighted(parsed):
        places = (*operator.inputs[:2], operator.outputs[0])
        steps = [step for step in (_step(graph.tensors[index]) for index in places) if step is not None]
        if len(steps) == len(places) and steps[0] * steps[1] / steps[2] >= _REFUSED_FROM:
            refused.append(graph.tensors[operator.outputs[0]].name.decode(errors="replace"))
    return tuple(refused)


def widen_ranges(calibrated: bytes) -> bytes:
    """Widens the output ranges that are too narrow for what computes them.

    Args:
        calibrated: A float model whose activations carry their calibrated minimum and maximum.
    """
    parsed = unpacked(calibrated)
    for graph, operator in _weighted(parsed):
        source = graph.tensors[operator.inputs[0]].quantization
        result = graph.tensors[operator.outputs[0]].quantization
        weights = parsed.buffers[graph.tensors[operator.inputs[1]].buffer].data
        if not (_has_range(source) and _has_range(result)) or weights is None:
            continue
        # Operators come in order of execution, so a widened range is seen by those that read it.
        source_step = (max(float(source.max[0]), 0.0) - min(float(source.min[0]), 0.0)) / _ACTIVATION_STEPS
        weight_step = float(np.abs(np.asarray(weights, np.uint8).view(np.float32)).max()) / _WEIGHT_STEPS
        low, high = min(float(result.min[0]), 0.0), max(float(result.max[0]), 0.0)
        needed = source_step * weight_step / _REPAIRED_TO * _ACTIVATION_STEPS
        if high - low < needed:
            result.min, result.max = np.array([low], np.float32), np.array([low + needed], np.float32)
    return packed(parsed)


def _weighted(model: schema.ModelT) -> list[tuple[schema.SubGraphT, schema.OperatorT]]:
    return [
        (graph, operator)
        for graph in model.subgraphs
        for operator in graph.operators
        if _code(model.operatorCodes[operator.opcodeIndex]) in _WEIGHTED
    ]


def _code(code: schema.OperatorCodeT) -> int:
    # Files older than schema version 3a keep small codes in the deprecated field alone.
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def _step(tensor: schema.TensorT) -> float | None:
    """The (coarsest channel's) quantization step of an int8 tensor."""
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    if tensor.type != schema.TensorType.INT8 or scale is None or not len(scale):
        return None
    return float(np.max(scale))


def _has_range(quantization: schema.QuantizationParametersT | None) -> bool:
    return quantization is not None and quantization.min is not None and quantization.max is not None
