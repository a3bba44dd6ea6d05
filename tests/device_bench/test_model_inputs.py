"""Signatures and shapes are chosen in the file itself; real LiteRT says what the file then computes."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tiny_graph import Body, Node, Tensor, add, chain, tiny_graph
from tiny_model import tiny_model

from device_bench.errors import BadRequest
from device_bench.latency_table.signature import signatures
from device_bench.local import LocalTransport
from device_bench.runners.json_runner import host_runner
from device_bench.runners.native_runner import install_native
from device_bench.runners.runner import BenchSpec
from device_bench.tflite.model_inputs import choose, parse_shape

OPEN = tiny_graph(chain(["FLOAT32"] * 3, shape=(-1, -1, -1, 3), key="serving_default"))
BATCH = tiny_graph(chain(["FLOAT32"] * 2, shape=(-1, 8, 8, 3)))
TWO = tiny_graph(
    chain(["FLOAT32"] * 2, shape=(1, 2, 2, 1), key="encode"), chain(["FLOAT32"] * 5, shape=(1, 8, 8, 1), key="decode")
)
PAIR = tiny_graph(
    Body(
        [Tensor((1, -1, 4)), Tensor((1, -1, 4)), Tensor((1, -1, 4))],
        [Node("ADD", [0, 1], [2], schema.AddOptionsT())],
        inputs=[0, 1],
        key="main",
    )
)


def pick(model, *shapes, signature=None):
    return choose(model, shapes, signature, "net")


def run(model, *inputs):
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for entry, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(entry["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_a_model_without_a_choice_is_left_as_it_is():
    assert pick(tiny_model()).model == tiny_model()
    assert (pick(tiny_model()).shape, pick(tiny_model()).signature) == ("", "")


def test_an_open_batch_is_one_and_may_be_larger():
    assert pick(BATCH).model == pick(BATCH, "1,8,8,3").model
    assert pick(BATCH).shape == pick(BATCH, "1,8,8,3").shape == ""
    assert run(pick(BATCH).model, np.ones((1, 8, 8, 3), np.float32)).shape == (1, 8, 8, 3)
    chosen = pick(BATCH, "4,8,8,3")
    assert chosen.shape == "t0=4,8,8,3"
    assert run(chosen.model, np.ones((4, 8, 8, 3), np.float32)).shape == (4, 8, 8, 3)


def test_every_runner_of_ours_takes_what_was_chosen():
    host = LocalTransport()
    for model in (pick(BATCH), pick(OPEN, "2,9,9,3"), pick(TWO, signature="decode")):
        host.push(model.model, "model.tflite")
        for runner in (host_runner(), install_native(host)):
            spec = BenchSpec(runs=2)
            completed = host.shell(runner.argv(spec, f"{host.workdir}/model.tflite"), timeout_s=60)
            assert runner.parse(spec, completed).runs == 2
    host.close()


def test_a_batch_stays_open_where_this_machine_cannot_run_the_model():
    tensors = [Tensor((-1, 4)), Tensor((-1, 4))]
    model = tiny_graph(Body(tensors, [Node("CUSTOM", [0], [1], "MyOwnOp")]))
    assert pick(model).model == model
    with pytest.raises(BadRequest, match="unresolved custom op: MyOwnOp"):
        pick(model, "2,4")


def test_an_open_shape_is_not_guessed():
    with pytest.raises(
        BadRequest, match=r"net: inputs of an open shape: 'x0' \[-1, -1, -1, 3\]; .* --shape 1,224,224,3$"
    ):
        pick(OPEN)
    with pytest.raises(BadRequest, match=r"'x0' .*, 'x1' .* such as --shape x0=1,224,4 --shape x1=1,224,4$"):
        pick(PAIR)
    with pytest.raises(BadRequest, match=r"'x0' \[-1, -1, -1, 3\]; none is called 'photo'; say which"):
        pick(OPEN, "photo=1,8,8,3")
    with pytest.raises(BadRequest, match="open shape"):
        pick(tiny_graph(chain(["FLOAT32"] * 2, shape=(-1,))))


def test_a_scalar_is_no_choice_but_an_input_of_any_rank_is_refused():
    scalar = tiny_graph(chain(["FLOAT32"] * 2, shape=(), key="main"))
    assert pick(scalar).model == scalar
    for shapes in ((), ("1,3",)):
        with pytest.raises(BadRequest, match="net: the file does not say how many sizes the input 'x0' has; convert"):
            pick(tiny_graph(chain(["FLOAT32"] * 2, shape=None, key="main")), *shapes)


@pytest.mark.parametrize("said", ["1,16,24,3", "x0=1,16,24,3", "t0=1,16,24,3", " x0 = 1, 16, 24, 3"])
def test_the_chosen_shape_is_what_runs(said):
    chosen = pick(OPEN, said)
    assert (chosen.shape, chosen.inputs) == ("x0=1,16,24,3", ("x0",))
    assert np.array_equal(
        run(chosen.model, np.ones((1, 16, 24, 3), np.float32)), np.full((1, 16, 24, 3), 4, np.float32)
    )
    assert signatures(chosen.model) == ("ADD 1x16x24x3,1x16x24x3>1x16x24x3 float32",) * 2


def test_a_shape_that_the_file_happens_to_have_is_chosen_too():
    assert pick(OPEN, "1,1,1,3").shape == "x0=1,1,1,3"


def test_names_are_shown_as_they_may_be_printed():
    model = tiny_graph(chain(["FLOAT32"] * 2, key="\x1b[31mred"), chain(["FLOAT32"] * 3, shape=(1, 2), key="blue"))
    with pytest.raises(BadRequest) as caught:
        pick(model)
    assert str(caught.value).isprintable()
    assert pick(model, signature="\\x1b[31mred").signature == "\\x1b[31mred"


def test_each_input_has_its_shape():
    chosen = pick(PAIR, "x0=1,6,4", "x1=1,6,4")
    assert chosen.shape == "x0=1,6,4;x1=1,6,4"
    assert run(chosen.model, np.ones((1, 6, 4), np.float32), np.ones((1, 6, 4), np.float32)).sum() == 48
    with pytest.raises(BadRequest, match="'x0', 'x1'; say which has the shape, as NAME=SIZES"):
        pick(PAIR, "1,6,4")
    with pytest.raises(BadRequest, match="cannot be run with an input of this shape"):
        pick(PAIR, "x0=1,6,4", "x1=1,7,4")


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (OPEN, "1,16,3", "1,16,3 has 3 sizes, the input 'x0' 4"),
        (OPEN, "1,16,16,4", r"1,16,16,4 does not fit the input 'x0', \[-1, -1, -1, 3\]"),
        (tiny_model(), "1,9,8,4", r"does not fit the input 't0', \[1, 8, 8, 4\]"),
        (OPEN, "1,0,16,3", "cannot be read"),
        (OPEN, "1,2147483648,16,3", "cannot be read"),
        (OPEN, f"1,{'9' * 5000},16,3", "cannot be read"),
        (OPEN, "1x16x16x3", "cannot be read"),
        (OPEN, "=1,16,16,3", "cannot be read"),
        (OPEN, "", "cannot be read"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(model, shape, words):
    with pytest.raises(BadRequest, match=words):
        pick(model, shape)
    assert parse_shape("a=b=1,2") == ("a=b", (1, 2))


@pytest.mark.parametrize(("signature", "operators"), [("encode", 1), ("decode", 4)])
def test_the_chosen_signature_is_what_runs(signature, operators):
    chosen = pick(TWO, signature=signature)
    side = 2 if signature == "encode" else 8
    assert chosen.signature == signature
    assert run(chosen.model, np.ones((1, side, side, 1), np.float32)).max() == 2**operators
    interpreter = Interpreter(model_content=chosen.model)
    assert list(interpreter.get_signature_list()) == [signature]


def test_of_several_signatures_none_is_guessed():
    with pytest.raises(BadRequest, match=r"net has the signatures 'encode', 'decode'; .*--signature encode"):
        pick(TWO)
    with pytest.raises(BadRequest, match="net has no signature 'train'; it has 'encode', 'decode'"):
        pick(TWO, signature="train")
    with pytest.raises(BadRequest, match="it has none"):
        pick(tiny_model(), signature="train")


def test_one_signature_is_no_choice():
    only = tiny_graph(chain(["FLOAT32"] * 2, key="main"))
    assert (pick(only).signature, pick(only, signature="main").model) == ("", only)
    elsewhere = tiny_graph(chain(["FLOAT32"] * 2), chain(["FLOAT32"] * 4, key="main"))
    assert run(pick(elsewhere).model, np.ones((1, 8, 8, 4), np.float32)).max() == 8


def test_the_bodies_of_a_loop_are_no_signatures():
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 1, 2
    main = Body([Tensor((1,)), Tensor((1,))], [Node("WHILE", [0], [1], loop)], key="main")
    limit = Tensor((1,), "FLOAT32", np.full(1, 100, np.float32))
    test = Body([Tensor((1,)), limit, Tensor((1,), "BOOL")], [Node("LESS", [0, 1], [2], schema.LessOptionsT())])
    model = tiny_graph(main, test, Body([Tensor((1,)), Tensor((1,))], [add(0, 1)]))
    assert pick(model).model == model
    assert run(model, np.ones(1, np.float32)) == 128


def test_a_signature_that_another_subgraph_runs_is_refused():
    call = schema.CallOnceOptionsT()
    call.initSubgraphIndex = 1
    main = chain(["FLOAT32"] * 2, key="main")
    main.nodes.insert(0, Node("CALL_ONCE", [], [], call))
    model = tiny_graph(main, chain(["FLOAT32"] * 3, key="init"))
    assert pick(model, signature="main").signature == "main"
    with pytest.raises(BadRequest, match="also run by an operator"):
        pick(model, signature="init")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
def test_a_cut_file_is_one_line(share):
    with pytest.raises(BadRequest) as caught:
        pick(TWO[: int(share * len(TWO))], signature="decode")
    assert "\n" not in str(caught.value)
