"""Keras model to TFLite bytes: float32, float16, dynamic range and full int8.

The stock `TFLiteConverter.from_keras_model` spends most of its time writing and reading a SavedModel of Keras
objects. Here one inference is traced at a fixed batch of 1, its variables become constants, and the converter gets
that plain graph: the same operators and size about ten times sooner (`bench/conversion.py`). A graph that is not so
plain is frozen by TensorFlow, which takes about twice as long.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from device_bench.conversion.dead_activations import refused_operators, widen_ranges
from device_bench.conversion.frozen_graph import freeze, trace
from device_bench.conversion.interface import check_interface, checked_interface, spanning
from device_bench.conversion.joined_ranges import quantized_with_joins
from device_bench.conversion.quiet import quiet_tensorflow
from device_bench.errors import BadRequest, ConversionError
from device_bench.kinds import PRECISIONS, Interface, Precision
from device_bench.tflite.model_inputs import Shape

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras


def to_tflite(
    model: "tf_keras.Model",
    precision: Precision,
    calibration: np.ndarray | Sequence[np.ndarray] | None = None,
    *,
    interface: Interface | None = None,
) -> bytes:
    """Converts a model to a TFLite file with a batch of 1, its inputs and outputs in the model's order.

    Args:
        model: The model, traced in inference mode.
        precision: "float32"; "float16" (weights of 16 bits); "dynamic" (weights of 8 bits, activations quantized
            while it runs); "int8" (everything, input and output included).
        calibration: For int8, typical inputs, float32 [images, height, width, channels]; 4 to 100 images do. For a
            model of several inputs a list with such an array for each, all equally long.
        interface: The format of the inputs and outputs of an int8 file, by default int8. Apps need "uint8" (one image
            whose bytes 0 to 255 stand for [0, 1]) or "float32".

    Returns:
        The flatbuffer.

    Raises:
        BadRequest: An unknown precision or interface, calibration data missing or unfit for the model or interface.
        ConversionError: The converter refused the model, or its file has not the interface asked for.
    """
    if precision not in PRECISIONS:
        raise BadRequest(f"unknown precision {precision!r}; use one of {', '.join(PRECISIONS)}")
    ends = checked_interface(interface, precision)
    shapes = _input_shapes(model)
    examples = _checked_calibration(calibration, shapes) if precision == "int8" else []
    if ends == "uint8":
        examples = spanning(examples)
    with quiet_tensorflow() as chatter:
        try:
            traced = trace(model, shapes)
            converter = _converter(traced, precision, ends, examples)
            joins = any(one.type == "ConcatV2" for one in traced.graph.get_operations())
            converted = _int8(converter, joins=joins) if precision == "int8" else bytes(converter.convert())
            if interface is not None:
                check_interface(converted, interface)
            return converted
        except ConversionError:
            raise
        except Exception as error:
            words = " ".join(f"{error} {chatter.read()}".split())[:300]
            raise ConversionError(f"converting {model.name} to {precision} failed: {words}") from error


def _input_shapes(model: "tf_keras.Model") -> list[Shape]:
    shapes = [tuple(one.shape[1:]) for one in model.inputs]
    for shape in shapes:
        if None in shape:
            raise BadRequest(f"{model.name} has an input of open shape {shape}; build it for a fixed one")
    return shapes


def _checked_calibration(
    calibration: np.ndarray | Sequence[np.ndarray] | None, shapes: Sequence[Shape]
) -> list[np.ndarray]:
    """Typical values of each input."""
    if calibration is None or len(calibration) == 0:
        raise BadRequest("int8 needs calibration images: pass float32 [images, height, width, channels]")
    arrays = [calibration] if len(shapes) == 1 else list(calibration)
    if len(arrays) != len(shapes):
        raise BadRequest(f"the calibration has {len(arrays)} arrays, the model {len(shapes)} inputs")
    examples = [np.asarray(one, np.float32) for one in arrays]
    for images, shape in zip(examples, shapes, strict=True):
        if images.shape[1:] != shape:
            raise BadRequest(f"calibration images are {images.shape[1:]}, the model takes {shape}")
        if not np.isfinite(images).all():
            raise BadRequest("calibration images hold a value that is not finite")
    if len({len(one) for one in examples}) > 1:
        raise BadRequest(f"the arrays of the calibration are of different lengths: {[len(one) for one in examples]}")
    return examples


def _converter(
    traced: "tf.types.experimental.ConcreteFunction",
    precision: Precision,
    interface: Interface,
    examples: Sequence[np.ndarray],
) -> "tf.lite.TFLiteConverter":
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    graph = freeze(traced)
    if graph is None:
        # Without the model beside it, which would mean the slow way through a SavedModel.
        frozen = convert_variables_to_constants_v2(traced)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    else:
        converter = tf.compat.v1.lite.TFLiteConverter(graph.definition, graph.inputs, graph.outputs)
        # The old interface would else insist on float32 where the new one derives it.
        converter.inference_type = None
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        rows = list(zip(*examples, strict=True))
        converter.representative_dataset = lambda: ([one[np.newaxis] for one in row] for row in rows)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(interface)
    return converter


def _int8(converter: "tf.lite.TFLiteConverter", *, joins: bool) -> bytes:
    """Quantizes with one range for all that is joined, and anew where XNNPACK would refuse what came of it.

    See `joined_ranges` and `dead_activations`.
    """
    if not joins:
        converted = bytes(converter.convert())
        if not refused_operators(converted):
            return converted
    converter._experimental_calibrate_only = True
    calibrated, quantize = bytes(converter.convert()), partial(_quantized, converter)
    converted = quantized_with_joins(calibrated, quantize)
    if not refused_operators(converted):
        return converted
    return _checked(quantized_with_joins(widen_ranges(calibrated), quantize))


def _checked(repaired: bytes) -> bytes:
    if refused := refused_operators(repaired):
        raise ConversionError(
            f"{len(refused)} activations, first {refused[0]}, are constant over the calibration images, which XNNPACK "
            "cannot run; calibrate with more varied images or train the model first"
        )
    return repaired


def _quantized(converter: "tf.lite.TFLiteConverter", ranged: bytes) -> bytes:
    from tensorflow.lite.python.convert import mlir_quantize

    kinds = {"input_data_type": converter.inference_input_type, "output_data_type": converter.inference_output_type}
    return bytes(mlir_quantize(ranged, **kinds))
