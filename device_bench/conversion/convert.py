"""Keras model to TFLite bytes: float32, float16, dynamic range and full int8.

The stock `TFLiteConverter.from_keras_model` spends most of its time writing and reading a SavedModel of Keras
objects. Here one inference is traced at a fixed batch of 1, its variables become constants, and the converter gets
that plain graph: the same operators and size about ten times sooner (`bench/conversion.py`). A graph that is not so
plain is frozen by TensorFlow, which takes about twice as long.
"""

from typing import TYPE_CHECKING

import numpy as np

from device_bench.conversion.dead_activations import refused_operators, widen_ranges
from device_bench.conversion.frozen_graph import freeze, trace
from device_bench.conversion.quiet import quiet_tensorflow
from device_bench.errors import BadRequest, ConversionError
from device_bench.kinds import PRECISIONS, Precision

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras


def to_tflite(model: "tf_keras.Model", precision: Precision, calibration: np.ndarray | None = None) -> bytes:
    """Converts a model of one input and one output to a TFLite file with a batch of 1.

    Args:
        model: The model, traced in inference mode.
        precision: "float32"; "float16" (weights of 16 bits); "dynamic" (weights of 8 bits, activations quantized
            while it runs); "int8" (everything, input and output included).
        calibration: For int8, typical inputs, float32 [images, height, width, channels]; 4 to 100 images do.

    Returns:
        The flatbuffer.

    Raises:
        BadRequest: An unknown precision, calibration data missing or unfit for the model.
        ConversionError: The converter refused the model.
    """
    if precision not in PRECISIONS:
        raise BadRequest(f"unknown precision {precision!r}; use one of {', '.join(PRECISIONS)}")
    shape = _input_shape(model)
    if precision == "int8":
        calibration = _checked_calibration(calibration, shape)
    with quiet_tensorflow() as chatter:
        try:
            converter = _converter(model, shape, precision, calibration)
            converted = bytes(converter.convert())
            return _repaired(converter, converted) if precision == "int8" else converted
        except ConversionError:
            raise
        except Exception as error:
            words = " ".join(f"{error} {chatter.read()}".split())[:300]
            raise ConversionError(f"converting {model.name} to {precision} failed: {words}") from error


def _input_shape(model: "tf_keras.Model") -> tuple[int, ...]:
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise BadRequest(
            f"{model.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is converted"
        )
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        raise BadRequest(f"{model.name} has an input of open shape {shape}; build it for a fixed one")
    return shape


def _checked_calibration(calibration: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    if calibration is None or len(calibration) == 0:
        raise BadRequest("int8 needs calibration images: pass float32 [images, height, width, channels]")
    images = np.asarray(calibration, np.float32)
    if images.shape[1:] != shape:
        raise BadRequest(f"calibration images are {images.shape[1:]}, the model takes {shape}")
    if not np.isfinite(images).all():
        raise BadRequest("calibration images hold a value that is not finite")
    return images


def _converter(
    model: "tf_keras.Model", shape: tuple[int, ...], precision: Precision, calibration: np.ndarray | None
) -> "tf.lite.TFLiteConverter":
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    traced = trace(model, shape)
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
    if precision == "int8" and calibration is not None:
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    return converter


def _repaired(converter: "tf.lite.TFLiteConverter", converted: bytes) -> bytes:
    """Quantizes once more with wider ranges where XNNPACK would refuse the model (see `dead_activations`)."""
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    if not refused_operators(converted):
        return converted
    converter._experimental_calibrate_only = True
    widened = widen_ranges(bytes(converter.convert()))
    repaired = bytes(mlir_quantize(widened, input_data_type=tf.int8, output_data_type=tf.int8))
    if refused := refused_operators(repaired):
        raise ConversionError(
            f"{len(refused)} activations, first {refused[0]}, are constant over the calibration images, which XNNPACK "
            "cannot run; calibrate with more varied images or train the model first"
        )
    return repaired
