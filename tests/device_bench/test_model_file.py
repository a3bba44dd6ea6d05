import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_graph import Body, Node, Tensor, add, chain, convolution, tiny_graph
from tiny_model import tiny_model

from device_bench.errors import BadRequest
from device_bench.local import LocalTransport
from device_bench.runners.json_runner import host_runner
from device_bench.runners.runner import BenchSpec
from device_bench.tflite.model_file import check_model, custom_operators, model_precision
from device_bench.timing.canary import canary_model


@pytest.mark.parametrize("model", [tiny_model(), canary_model()])
def test_a_float_model_is_float32(model):
    check_model(model, "it")
    assert model_precision(model) == "float32"


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04TFL4" + b"x" * 20, tiny_model()[:12]])
def test_other_files_are_refused(content):
    with pytest.raises(BadRequest, match=r"a\.bin is not a TFLite file"):
        check_model(content, "a.bin")


def test_a_damaged_file_is_refused():
    with pytest.raises(BadRequest, match="damaged"):
        model_precision(b"\xff\xff\xff\x7fTFL3" + b"\xff" * 40)


def test_the_canary_is_always_the_same_and_runs():
    assert canary_model() == canary_model.__wrapped__()
    host = LocalTransport()
    try:
        host.push(canary_model(), "canary.tflite")
        spec = BenchSpec(runs=3, warmup_runs=1)
        completed = host.shell(host_runner().argv(spec, "canary.tflite"), timeout_s=60)
        assert host_runner().parse(spec, completed).runs == 3
    finally:
        host.close()


def layers(*formats, given=None, made=None, packed=None):
    """1x1 convolutions of number formats (activations, weights), converted to and from those around them."""
    tensors, nodes = [Tensor((1, 4, 4, 8), given or formats[0][0])], []

    def convert(kind):
        if tensors[-1].kind != kind:
            nodes.append(Node("CAST", [len(tensors) - 1], [len(tensors)], schema.CastOptionsT()))
            tensors.append(Tensor((1, 4, 4, 8), kind))

    for kind, weights in formats:
        convert(kind)
        source = held = len(tensors) - 1
        values = np.ones((8, 1, 1, 8), weights.lower().replace("int4", "int8"))
        tensors.append(Tensor((8, 1, 1, 8), weights, values))
        held += 1
        if packed:
            nodes.append(Node(packed, [held], [held + 1]))
            tensors.append(Tensor((8, 1, 1, 8), kind))
            held += 1
        tensors += [Tensor((8,), "INT32", np.zeros(8, np.int32)), Tensor((1, 4, 4, 8), kind)]
        nodes.append(convolution(source, held, held + 1, held + 2))
    convert(made or formats[-1][0])
    return tiny_graph(Body(tensors, nodes))


INT8 = ("INT8", "INT8")
FLOAT = ("FLOAT32", "FLOAT32")


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        (layers(FLOAT), "float32"),
        (layers(INT8), "int8"),
        (layers(INT8, given="FLOAT32", made="FLOAT32"), "int8"),
        (layers(INT8, given="UINT8"), "int8"),
        (layers(FLOAT, given="UINT8"), "float32"),
        (layers(FLOAT, given="INT8"), "float32"),
        (layers(("UINT8", "UINT8")), "uint8"),
        (layers(("INT16", "INT8")), "int16x8"),
        (layers(("INT16", "INT8"), given="FLOAT32", made="FLOAT32"), "int16x8"),
        (layers(("INT8", "INT4")), "int8x4"),
        (layers(("FLOAT32", "INT8")), "dynamic"),
        (layers(FLOAT, ("FLOAT32", "INT8")), "dynamic"),
        (layers(("FLOAT32", "FLOAT16"), packed="DEQUANTIZE"), "float16"),
        (layers(("FLOAT32", "INT8"), packed="DEQUANTIZE"), "weight-only"),
        (layers(FLOAT, packed="DENSIFY"), "float32"),
        (layers(INT8, FLOAT), "mixed (float32, int8)"),
        (layers(INT8, ("INT16", "INT8")), "mixed (int16x8, int8)"),
        (tiny_graph(chain(["INT8", "INT8"])), "int8"),
        (tiny_graph(chain(["FLOAT32", "FLOAT32"])), "float32"),
        (tiny_graph(chain(["INT32", "INT32"])), "int32"),
    ],
)
def test_the_operators_tell_the_precision(model, precision):
    assert model_precision(model) == precision


def test_the_body_of_a_loop_belongs_to_the_network():
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 1, 2
    main = Body([Tensor((1,), "FLOAT32"), Tensor((1,), "FLOAT32")], [Node("WHILE", [0], [1], loop)])
    test = Body([Tensor((1,)), Tensor((1,), "BOOL")], [Node("LESS", [0, 0], [1], schema.LessOptionsT())])
    weights = Tensor((4, 1), "INT8", np.ones((4, 1), np.int8))
    work = Body([Tensor((1, 1)), weights, Tensor((1, 4))], [Node("FULLY_CONNECTED", [0, 1, -1], [2])])
    assert model_precision(tiny_graph(main, test, work)) == "dynamic"


def test_operators_that_are_not_tflites_own_are_named():
    tensors = [Tensor((1, 4)), Tensor((1, 4)), Tensor((1, 4))]
    assert custom_operators(tiny_graph(Body(tensors, [add(0, 1), Node("CUSTOM", [1], [2], "MyOwnOp")]))) == ("MyOwnOp",)
    assert custom_operators(tiny_model()) == ()
