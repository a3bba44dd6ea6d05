"""Networks priced from the command line."""

from pathlib import Path

import numpy as np
import pytest
from tiny_graph import Body, Node, Tensor, chain, convolution, tiny_graph

from device_bench.errors import BadRequest
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.signature import signatures as table_signatures
from device_bench.latency_table.table import LatencyTable, MissingEntries
from mnas.errors import SearchError
from mnas.latency_tables.price import architecture_keys, price
from search_spaces import SpaceError, cost, published
from search_spaces.mnasnet.block_keys import proxyless_keys
from search_spaces.signatures import signatures

SHAPE = (96, 96, 3)


@pytest.fixture
def path(tmp_path):
    keys = signatures(published("mnasnet-a1"), SHAPE, 10, "int8")
    table = LatencyTable({key: Entry(0.5, 0.5, 0.1, 9) for key in keys}, {"precision": "int8", "threads": 1})
    table.save(tmp_path / "table.json")
    return tmp_path / "table.json"


def lines(path, *models, **settings):
    return list(price(path, models, **({"fill": False, "image_size": 96, "classes": 10} | settings)))


def test_a_published_network_by_its_name(path):
    operators = len(signatures(published("mnasnet-a1"), SHAPE, 10, "int8"))
    (line,) = lines(path, "mnasnet-a1")
    assert line.startswith(f"mnasnet-a1: {operators * 0.5:.3f} ms (")
    assert "estimated" not in line


def test_what_the_table_lacks_is_refused_or_filled(path):
    with pytest.raises(MissingEntries, match="and 15 more: build a table"):
        lines(path, "mnasnet-b1")
    (line,) = lines(path, "mnasnet-b1", fill=True)
    assert "% estimated)" in line


def test_imported_tables_have_their_own_keys(tmp_path):
    arch = published("mnasnet-b1")
    keys = proxyless_keys(arch, (224, 224, 3), 1000)
    table = LatencyTable({key: Entry(1.0, 1.0, 0.0, 1) for key in keys}, {}, "proxyless-blocks")
    table.save(tmp_path / "pixel.json")
    assert lines(tmp_path / "pixel.json", "mnasnet-b1", image_size=224, classes=1000) == [
        f"mnasnet-b1: {len(keys):.3f} ms ({len(keys):.3f} to {len(keys):.3f})"
    ]
    assert cost(arch, (224, 224, 3), 1000).params == 4_383_312
    with pytest.raises(SpaceError, match="squeeze-and-excitation"):
        lines(tmp_path / "pixel.json", "mnasnet-a1")


def test_what_a_published_table_lacks_is_not_said_to_be_had_otherwise(tmp_path):
    LatencyTable({"Conv": Entry(1.0, 1.0, 0.0, 1)}, {}, "proxyless-blocks").save(tmp_path / "pixel.json")
    for fill in (False, True):
        with pytest.raises(MissingEntries, match="published without them, and parts of proxyless-blocks cannot"):
            lines(tmp_path / "pixel.json", "mnasnet-b1", fill=fill)


def test_advice_on_what_a_published_table_prices_can_be_followed(tmp_path):
    arch = published("mnasnet-b1")
    once = LatencyTable({"Conv": Entry(1.0, 1.0, 0.0, 1)}, {}, "ofa-blocks")
    with pytest.raises(SearchError, match=r"has no words for this network: give a net definition \(.config, .json\)"):
        architecture_keys(once, arch, SHAPE, 10)
    linear = LatencyTable({"b0l0/k3_e3": Entry(1.0, 1.0, 0.0, 1)}, {}, "tunas-layers")
    with pytest.raises(SearchError, match="has no words for this network: it prices only its own keys"):
        architecture_keys(linear, arch, SHAPE, 10)
    linear.save(tmp_path / "tunas.json")
    with pytest.raises(SearchError, match="has no words for a net definition: it prices only its own keys"):
        lines(tmp_path / "tunas.json", str(tmp_path / "net.config"))


def test_files_that_cannot_be_priced(path, tmp_path):
    with pytest.raises(SearchError, match=r"cannot read .*none\.tflite"):
        lines(path, str(tmp_path / "none.tflite"))
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    with pytest.raises(BadRequest, match="not a TFLite file"):
        lines(path, str(tmp_path / "bad.tflite"))
    with pytest.raises(SpaceError, match="resnet"):
        lines(path, "resnet")


def quantized(name, path):
    """A file of an int8 convolution with float input and output."""
    convolved = Tensor((8, 1, 1, 8), "INT8", np.ones((8, 1, 1, 8), np.int8))
    tensors = [
        Tensor((1, 4, 4, 8)),
        Tensor((1, 4, 4, 8), "INT8"),
        convolved,
        Tensor((8,), "INT32", np.zeros(8, np.int32)),
    ]
    tensors += [Tensor((1, 4, 4, 8), "INT8"), Tensor((1, 4, 4, 8))]
    nodes = [Node("QUANTIZE", [0], [1]), convolution(1, 2, 3, 4), Node("DEQUANTIZE", [4], [5])]
    (path / name).write_bytes(tiny_graph(Body(tensors, nodes)))
    return str(path / name)


@pytest.fixture
def int8_table(tmp_path):
    """Saves a table of these operators, 0.5 ms each."""

    def save(keys):
        table = LatencyTable({key: Entry(0.5, 0.5, 0.1, 9) for key in keys}, {"precision": "int8", "threads": 1})
        table.save(tmp_path / "int8.json")
        return tmp_path / "int8.json"

    return save


def test_an_int8_table_prices_a_network_with_float_inputs_and_outputs(int8_table, tmp_path):
    model = quantized("NET.TFLITE", tmp_path)
    keys = table_signatures(Path(model).read_bytes())
    assert lines(int8_table(keys), model)[0].startswith(f"{model}: 1.500 ms")
    with pytest.raises(
        MissingEntries,
        match=r"NET\.TFLITE: the table has no 'QUANTIZE 1x4x4x8>1x4x4x8 float32>int8', 'DEQUANTIZE 1x4x4x8",
    ):
        lines(int8_table(keys[1:2]), model)


def test_an_open_shape_is_not_priced_at_one_by_one(path, tmp_path):
    model = tmp_path / "open.tflite"
    model.write_bytes(tiny_graph(chain(["INT8", "INT8"], shape=(-1, -1, -1, 3))))
    with pytest.raises(BadRequest, match="open shape"):
        lines(path, str(model))
    with pytest.raises(MissingEntries, match="'ADD 1x5x5x3,1x5x5x3>1x5x5x3 int8'"):
        lines(path, str(model), shapes=["1,5,5,3"])
