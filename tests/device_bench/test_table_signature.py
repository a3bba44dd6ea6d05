"""Signatures read from real TFLite files, and single operators cut out of them."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_graph import Body, Node, Tensor, chain, convolution, tiny_graph

from device_bench.errors import BadRequest
from device_bench.kinds import PRECISIONS
from device_bench.latency_table.carve import carve
from device_bench.latency_table.signature import signatures
from device_bench.tflite.model_file import custom_operators, model_precision


@pytest.fixture(scope="module")
def files():
    """A network with an operator of many kinds, in every precision."""
    import tf_keras as keras

    from device_bench import to_tflite

    image = keras.Input((20, 16, 3))
    x = keras.layers.Conv2D(8, (3, 5), (2, 1), "valid", activation="relu6", dilation_rate=1)(image)
    left, right = keras.layers.DepthwiseConv2D(3, padding="same")(x), keras.layers.MaxPooling2D(2, 1, "same")(x)
    x = keras.layers.Concatenate()([left, right])
    gate = keras.layers.Activation("sigmoid")(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = keras.layers.Multiply()([x, gate])
    x = keras.layers.Conv2D(80, 1, use_bias=False)(x)
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(image, keras.layers.Dense(5, activation="softmax")(x))
    images = np.random.default_rng(0).random((4, 20, 16, 3), np.float32)
    return {precision: to_tflite(model, precision, images) for precision in PRECISIONS}


def test_lines_say_what_costs_time(files):
    lines = signatures(files["int8"])
    assert lines[0] == "CONV_2D 1x20x16x3>1x9x12x8 k3x5 s2x1 valid relu6 int8"
    assert "DEPTHWISE_CONV_2D 1x9x12x8>1x9x12x8 k3x3 s1x1 same int8" in lines
    assert "MAX_POOL_2D 1x9x12x8>1x9x12x8 k2x2 s1x1 same int8" in lines
    assert "MUL 1x9x12x16,1x1x1x16>1x9x12x16 int8" in lines
    assert "CONCATENATION 1x9x12x8,1x9x12x8>1x9x12x16 axis=3 int8" in lines
    assert "MEAN 1x9x12x16>1x1x1x16 keep_dims=1 axes=1,2 int8" in lines
    assert any(line.startswith("PAD 1x9x12x80>1x11x14x80 paddings=0,0,1,1,1,1,0,0") for line in lines)
    assert lines[-1] == "SOFTMAX 1x5>1x5 beta=1 int8"


def test_weights_of_another_format_are_told(files):
    wide = "CONV_2D 1x9x12x16>1x9x12x80 k1x1 s1x1 valid"
    last = [next(line for line in signatures(files[one]) if line.startswith(wide)) for one in PRECISIONS]
    assert [line.rsplit(" ", 1)[1] for line in last] == ["float32", "float32/float16", "float32/int8", "int8"]
    assert not any(line.startswith("DEQUANTIZE") for line in signatures(files["float16"]))
    assert [model_precision(files[one]) for one in PRECISIONS] == list(PRECISIONS)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_carved_operator_is_that_operator_and_runs(files, precision):
    from ai_edge_litert.interpreter import Interpreter

    lines = signatures(files[precision])
    parts = carve(files[precision], lines)
    assert set(parts) == set(lines)
    for line, part in parts.items():
        assert signatures(part) == (line,)
        interpreter = Interpreter(model_content=part, num_threads=1)
        interpreter.allocate_tensors()
        interpreter.invoke()


def test_a_tensor_that_two_operators_make_cannot_be_cut_at(files):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(files["float16"], 0))

    def first(kind):
        return next(
            one for one in model.subgraphs[0].operators if model.operatorCodes[one.opcodeIndex].builtinCode == kind
        )

    unpacking = first(schema.BuiltinOperator.DEQUANTIZE)
    made_twice = first(schema.BuiltinOperator.CONV_2D).outputs[0]
    unpacking.outputs = [made_twice, *unpacking.outputs]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    damaged = bytes(builder.Output())
    with pytest.raises(BadRequest, match="cannot be cut out"):
        carve(damaged, signatures(damaged))


def test_a_chain_of_carved_operators_computes_what_the_network_computes(files):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    whole = Interpreter(
        model_content=files["int8"], experimental_preserve_all_tensors=True, experimental_op_resolver_type=plain
    )
    whole.allocate_tensors()
    entry = whole.get_input_details()[0]
    whole.set_tensor(entry["index"], np.random.default_rng(1).integers(-128, 127, (1, 20, 16, 3), np.int8))
    whole.invoke()
    first = signatures(files["int8"])[0]
    part = Interpreter(model_content=carve(files["int8"], [first])[first], experimental_op_resolver_type=plain)
    part.allocate_tensors()
    part.set_tensor(part.get_input_details()[0]["index"], whole.get_tensor(entry["index"]))
    part.invoke()
    made = part.get_output_details()[0]
    same = next(one for one in whole.get_tensor_details() if one["name"] == made["name"])
    assert np.array_equal(part.get_tensor(made["index"]), whole.get_tensor(same["index"]))


@pytest.fixture(scope="module")
def sparse():
    """A network whose weights are stored sparse, as the converter writes pruned ones: a fifth of the first layer's."""
    import tensorflow as tf
    import tf_keras as keras

    image = keras.Input((8, 8, 8))
    model = keras.Model(image, keras.layers.Conv2D(20, 3, use_bias=False)(image))
    weights = np.where(np.arange(9 * 8 * 20) % 5 == 0, 1.0, 0.0).reshape(3, 3, 8, 20)
    model.set_weights([weights])
    call = tf.function(lambda images: model(images, training=False))
    traced = call.get_concrete_function(tf.TensorSpec((1, 8, 8, 8)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], model)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    return converter.convert()


def test_sparse_weights_are_weights(sparse):
    [line] = signatures(sparse)
    assert line == "CONV_2D 1x8x8x8>1x6x6x20 k3x3 s1x1 valid float32/sparse20_float32"
    assert model_precision(sparse) == "float32"
    part = carve(sparse, [line])[line]
    assert signatures(part) == (line,)


def test_an_open_shape_has_no_signature():
    with pytest.raises(BadRequest, match=r"inputs of an open shape: 't0' \[1, -1, 4\]"):
        signatures(tiny_graph(chain(["FLOAT32"] * 2, shape=(1, -1, 4))))
    assert signatures(tiny_graph(chain(["FLOAT32"] * 2, shape=(-1, 4)))) == ("ADD 1x4,1x4>1x4 float32",)


def test_more_axes_than_dimensions_are_damage():
    axes = Tensor((400,), "INT32", np.ones(400, np.int32))
    mean = Node("MEAN", [0, 1], [2], schema.ReducerOptionsT())
    with pytest.raises(BadRequest, match=r"damaged .*400 axes"):
        signatures(tiny_graph(Body([Tensor((1, 4)), axes, Tensor((1, 4))], [mean])))


def test_a_file_without_work_has_no_price():
    with pytest.raises(BadRequest, match="no operator that works"):
        signatures(tiny_graph(Body([Tensor((1, 4))], [])))


def test_weights_outside_of_the_graph_are_not_cut():
    """Files above 2 GB keep them behind it."""
    weights = Tensor((8, 1, 1, 8), "FLOAT32", np.ones((8, 1, 1, 8), np.float32))
    image, bias = Tensor((1, 2, 2, 8)), Tensor((8,), "FLOAT32", np.zeros(8, np.float32))
    whole = schema.ModelT.InitFromPackedBuf(tiny_graph(Body([image, weights, bias, image], [convolution(0, 1, 2, 3)])))
    for offset, words in ((16, "cannot be cut"), (1 << 40, "beyond the end of the file")):
        whole.buffers[1].data, whole.buffers[1].offset, whole.buffers[1].size = None, offset, 256
        builder = flatbuffers.Builder(1024)
        builder.Finish(whole.Pack(builder), b"TFL3")
        model = bytes(builder.Output())
        with pytest.raises(BadRequest, match=words):
            carve(model, signatures(model))


def test_weights_that_are_unpacked_are_not_those_that_are_converted():
    weights = Tensor((8, 1, 1, 8), "INT8", np.ones((8, 1, 1, 8), np.int8))
    image, bias = Tensor((1, 2, 2, 8)), Tensor((8,), "FLOAT32", np.zeros(8, np.float32))
    hybrid = Body([image, weights, bias, image], [convolution(0, 1, 2, 3)])
    unpacked = Tensor((8, 1, 1, 8))
    plain = Body([image, weights, unpacked, bias, image], [Node("DEQUANTIZE", [1], [2]), convolution(0, 2, 3, 4)])
    lines = [signatures(tiny_graph(body))[0].rsplit(" ", 1)[1] for body in (hybrid, plain)]
    assert lines == ["float32/int8", "float32/int8>float32"]


def test_only_what_is_wanted_is_carved(files):
    lines = signatures(files["float32"])
    assert list(carve(files["float32"], [lines[1], "ADD 1x2>1x2 float32"])) == [lines[1]]
    assert carve(files["float32"], []) == {}


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x00" * 64, b"\x10\x00\x00\x00TFL3" + b"\xff" * 40])
def test_what_is_no_model_is_one_line(content):
    with pytest.raises(BadRequest) as caught:
        signatures(content)
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_one_line_or_still_whole(files):
    model = files["int8"]
    for share in (0.1, 0.5, 0.9, 0.99):
        cut, told = model[: int(share * len(model))], ""
        try:
            assert signatures(cut)
        except BadRequest as error:
            told = str(error)
        assert "\n" not in told


def test_a_custom_operator_cannot_command_a_terminal():
    odd = tiny_graph(Body([Tensor((1, 4)), Tensor((1, 4))], [Node("CUSTOM", [0], [1], "\x1b[31mMine\u202e")]))
    assert signatures(odd) == (r"CUSTOM:\x1b[31mMine\u202e 1x4>1x4 float32",)
    assert custom_operators(odd) == (r"\x1b[31mMine\u202e",)
