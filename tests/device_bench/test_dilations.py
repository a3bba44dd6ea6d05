import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
import tf_keras
from ai_edge_litert.interpreter import Interpreter

from device_bench.conversion.convert import to_tflite
from device_bench.conversion.frozen_graph import freeze, trace

SHAPE = (12, 9, 4)
layers = tf_keras.layers


def _model(*branches):
    image = tf_keras.Input(SHAPE)
    read = layers.ReLU()(image)
    return tf_keras.Model(image, [branch(read) for branch in branches])


@pytest.fixture(scope="module")
def dilated():
    """Dilated convolutions of every kind that read one map."""
    return _model(
        layers.DepthwiseConv2D(5, dilation_rate=2, padding="same"),
        layers.DepthwiseConv2D(3, dilation_rate=2, padding="valid"),
        layers.Conv2D(6, 3, dilation_rate=2, padding="same", use_bias=False),
        layers.Conv2D(6, (1, 3), dilation_rate=3, padding="valid"),
        layers.Conv2D(6, 3, dilation_rate=(2, 1), padding="same"),
        layers.Conv2D(6, 2, dilation_rate=2, padding="same"),
    )


def _operators(converted):
    interpreter = Interpreter(model_content=converted)
    interpreter.allocate_tensors()
    names = [one["op_name"] for one in interpreter._get_ops_details()]
    return [name for name in names if name not in ("DELEGATE", "RELU", "QUANTIZE")]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_each_is_one_operator_of_the_file(dilated, precision):
    images = np.random.default_rng(0).random((4, *SHAPE), np.float32)
    converted = to_tflite(dilated, precision, images)
    assert sorted(_operators(converted)) == ["CONV_2D"] * 4 + ["DEPTHWISE_CONV_2D"] * 2


def test_the_file_computes_what_the_model_does(dilated):
    interpreter = Interpreter(model_content=to_tflite(dilated, "float32"))
    interpreter.allocate_tensors()
    image = np.random.default_rng(1).random((1, *SHAPE), np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    for output, exact in zip(interpreter.get_output_details(), dilated(image), strict=True):
        np.testing.assert_allclose(interpreter.get_tensor(output["index"]), exact, atol=1e-5)


def test_a_kernel_may_be_computed():
    """As that of quantization-aware training, which is rounded."""
    import tensorflow as tf

    class Computed(layers.DepthwiseConv2D):
        depthwise_kernel = property(
            lambda self: tf.sin(self.exact), lambda self, kernel: setattr(self, "exact", kernel)
        )

    graph = freeze(trace(_model(Computed(3, dilation_rate=2, padding="same")), [SHAPE]))
    assert "BatchToSpaceND" not in [node.op for node in graph.definition.node]


def test_other_changes_of_the_batch_stay():
    """What looks alike and computes something else: other margins, other crops."""
    import tensorflow as tf

    kernel = np.random.default_rng(2).random((3, 3, 4, 4), np.float32)

    def there_and_back(paddings, crops):
        def computed(maps):
            there = tf.raw_ops.SpaceToBatchND(input=maps, block_shape=[2, 2], paddings=paddings)
            convolved = tf.nn.conv2d(there, kernel, 1, "VALID")
            return tf.raw_ops.BatchToSpaceND(input=convolved, block_shape=[2, 2], crops=crops)

        return layers.Lambda(computed)

    wider = there_and_back([[3, 3], [3, 4]], [[0, 0], [0, 0]])
    shifted = there_and_back([[2, 2], [2, 3]], [[0, 0], [1, 0]])
    graph = freeze(trace(_model(wider, shifted), [SHAPE]))
    kinds = [node.op for node in graph.definition.node]
    assert kinds.count("BatchToSpaceND") == kinds.count("SpaceToBatchND") == 2
