"""Published tables, in small."""

import json

import pytest

from device_bench.errors import BadRequest
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.published import import_table
from device_bench.latency_table.table import LatencyTable, MissingEntries
from mnas.errors import SearchError
from mnas.latency_tables.price import price
from search_spaces import SpaceError
from search_spaces.mnasnet.block_keys import proxyless_keys, tunas_keys
from search_spaces.mnasnet.block_strings import from_block_strings

YAML = """
Conv-input:16x16x3-output:8x8x8:
  count: 100
  mean: 0.5
  var: 0.01
expanded_conv-input:8x8x8-output:8x8x16-expand:1-kernel:3-stride:1-idskip:0:
  count: 90
  mean: 1.25
  var: 0.0
expanded_conv-input:8x8x16-output:4x4x24-expand:6-kernel:5-stride:2-idskip:0:
  count: 90
  mean: 2.0
  var: 0.04
expanded_conv-input:4x4x24-output:4x4x24-expand:6-kernel:5-stride:1-idskip:1:
  count: 90
  mean: 1.5
  var: 0.0
Conv_1-input:4x4x24-output:4x4x32:
  count: 100
  mean: 0.25
  var: 0.0
Logits-input:4x4x32-output:10:
  count: 100
  mean: 0.125
  var: 0.0
"""
ARCH = ["r1_k3_s11_e1_i8_o16_noskip", "r2_k5_s22_e6_i16_o24"]


@pytest.fixture
def proxyless(tmp_path):
    (tmp_path / "lut.yaml").write_text(YAML)
    return import_table(tmp_path / "lut.yaml", "Toy phone")


def test_an_architecture_costs_the_sum_of_its_blocks(proxyless, tmp_path):
    arch = from_block_strings(ARCH, stem_filters=8, head_filters=32)
    guess = proxyless.predict(proxyless_keys(arch, (16, 16, 3), 10))
    assert guess.median_ms == pytest.approx(0.5 + 1.25 + 2.0 + 1.5 + 0.25 + 0.125)
    assert guess.high_ms - guess.median_ms == pytest.approx(1.96 * (0.01 + 0.04) ** 0.5)
    proxyless.save(tmp_path / "ours.json")
    again = LatencyTable.load(tmp_path / "ours.json")
    assert again.keys == "proxyless-blocks"
    assert again.facts["device"] == "Toy phone"
    assert again.predict(proxyless_keys(arch, (16, 16, 3), 10)) == guess


def definition(kernel):
    block = {"name": "MBInvertedConvLayer", "out_channels": 16, "kernel_size": kernel, "stride": 1, "expand_ratio": 1}
    down = {"name": "MBInvertedConvLayer", "out_channels": 24, "kernel_size": 5, "stride": 2, "expand_ratio": 6}
    return {
        "first_conv": {"out_channels": 8, "stride": 2},
        "blocks": [{"mobile_inverted_conv": one, "shortcut": None} for one in (block, down)],
        "feature_mix_layer": {"out_channels": 32},
        "classifier": {"out_features": 10},
    }


def test_a_net_definition_is_priced_by_its_file(proxyless, tmp_path):
    table, net = tmp_path / "ours.json", tmp_path / "net.config"
    proxyless.save(table)
    net.write_text(json.dumps(definition(kernel=3)))
    (line,) = price(table, [str(net)], fill=False, image_size=16, classes=1000)
    assert line.startswith(f"{net}: {0.5 + 1.25 + 2.0 + 0.25 + 0.125:.3f} ms")
    net.write_text(json.dumps(definition(kernel=7)))
    with pytest.raises(MissingEntries, match="8x8x16-expand:1-kernel:7") as caught:
        list(price(table, [str(net)], fill=False, image_size=16, classes=1000))
    assert len(caught.value.missing) == 1


def test_a_definition_needs_a_table_of_its_authors(tmp_path):
    table, net = tmp_path / "operators.json", tmp_path / "net.config"
    LatencyTable({"ADD 1x1>1x1 int8": Entry(1.0, 1.0, 0.0, 1)}, {"device": "toy"}).save(table)
    net.write_text("{")
    with pytest.raises(SearchError, match="no words for a net definition"):
        list(price(table, [str(net)], fill=False, image_size=16, classes=1000))
    (tmp_path / "lut.yaml").write_text(YAML)
    import_table(tmp_path / "lut.yaml", "phone").save(table)
    with pytest.raises(SearchError, match="is not JSON"):
        list(price(table, [str(net)], fill=False, image_size=16, classes=1000))
    with pytest.raises(SearchError, match="cannot read"):
        list(price(table, [str(tmp_path / "none.config")], fill=False, image_size=16, classes=1000))


def test_blocks_that_are_not_in_the_table_are_named(proxyless):
    arch = from_block_strings([ARCH[0], "r1_k3_s22_e6_i16_o24", "r1_k3_s11_e3_i24_o32"], 8, 32)
    with pytest.raises(MissingEntries) as caught:
        proxyless.predict(proxyless_keys(arch, (16, 16, 3), 10))
    assert len(caught.value.missing) == 3
    assert all(key in str(caught.value) for key in caught.value.missing)


@pytest.mark.parametrize(
    "blocks", ["r1_k3_s11_e1_i8_o16_se0.25", "r1_k3_s11_e1_i8_o16_conv", "r2_k3_s11_e1_i8_o8_pool"]
)
def test_blocks_that_such_tables_have_no_word_for(blocks):
    with pytest.raises(SpaceError, match="inverted residuals without"):
        proxyless_keys(from_block_strings([blocks], 8, 32), (16, 16, 3), 10)


def test_once_for_all_tables_are_told_apart(tmp_path):
    (tmp_path / "ofa.yaml").write_text(
        "expanded_conv-input:4x4x8-output:4x4x8-expand:24-kernel:3-stride:1-idskip:1-se:1-hs:1:\n"
        "  {count: 5, mean: 2, std: 0.5}\n"
    )
    table = import_table(tmp_path / "ofa.yaml", "Note")
    assert table.keys == "ofa-blocks"
    assert next(iter(table.entries.values())).spread == 0.25


LAYERS = (4, 4, 4, 4, 4, 1)


def linear_model():
    weights = {f"k{k}_e{e}": 0.1 * k + 0.01 * e for k in (3, 5, 7) for e in (3, 6)}
    coef = {"sep": {"k3": -1.0, "k5": 0.0, "k7": 2.0}}
    for block, layers in enumerate(LAYERS):
        for layer in range(layers):
            coef[f"b{block}l{layer}"] = weights | ({"skip": -2.0} if layer else {})
    return {"unit": "ms, Pixel 1", "bias": 50.0, "coef": coef}


def indices(kernel=1, expansion=1, skipped=(), separable=2):
    listed = [0, separable, 0]
    for block, layers in enumerate(LAYERS):
        for layer in range(layers):
            listed += [kernel, expansion, int((block, layer) in skipped)]
        listed.append(0)
    return [*listed, 0]


def test_a_linear_model_is_a_bias_and_a_weight_a_layer(tmp_path):
    (tmp_path / "linear.json").write_text(json.dumps(linear_model()))
    table = import_table(tmp_path / "linear.json", "Pixel")
    assert table.keys == "tunas-layers"
    every = table.predict(tunas_keys(indices())).median_ms
    assert every == pytest.approx(50 + 2.0 + 21 * 0.56)
    fewer = table.predict(tunas_keys(indices(skipped={(0, 1), (4, 3)}))).median_ms
    assert fewer == pytest.approx(every + 2 * (-2.0 - 0.56))
    table.save(tmp_path / "ours.json")
    assert LatencyTable.load(tmp_path / "ours.json").predict(tunas_keys(indices())).median_ms == every


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([0] * 72, "has 73 indices, not 72"),
        (indices(kernel=3), "none of the 3 choices"),
        (indices(skipped={(2, 0)}), "block 2 skips its first layer"),
    ],
)
def test_what_is_no_point_of_that_space(listed, message):
    with pytest.raises(SpaceError, match=message):
        tunas_keys(listed)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "", "not a latency table"),
        ("a.yaml", "- 1\n- 2\n", "not a latency table"),
        ("a.yaml", "key: [", "not YAML"),
        ("a.yaml", "key: {count: 1}", "'key' has no mean"),
        ("a.yaml", "key: {mean: -1}", "impossible time"),
        ("a.yaml", "key: {mean: .nan}", "impossible time"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", "not a linear cost model"),
        ("a.json", '{"bias": 1, "coef": {}}', "has no weight"),
        ("a.json", '{"bias": 1, "coef": {"l": {"c": NaN}}}', "not a finite number"),
        ("a.yaml", "key: {mean: null}", r"key\.mean is None"),
        ("a.yaml", "key: {mean: '1.5'}", r"key\.mean is '1.5'"),
        ("a.yaml", "key: {mean: true}", r"key\.mean is True"),
        ("a.yaml", "key: {mean: 1.0e+400}", "'key' has an impossible time"),
        ("a.yaml", "key: {mean: 1, count: null}", r"key\.count is None: input should be a valid integer"),
        ("a.yaml", "key: {mean: 1, count: many}", r"key\.count is 'many'"),
        ("a.yaml", "key: {mean: 1, count: -3}", r"key\.count is -3"),
        ("a.yaml", "key: {mean: 1, count: 2.5}", r"key\.count is 2\.5"),
        ("a.yaml", "key: {mean: 1, var: null}", r"key\.var is None"),
        ("a.yaml", "key: {mean: 1, var: -1}", r"key\.var is -1"),
        ("a.yaml", "key: {mean: 1, std: .inf}", r"key\.std is inf"),
        ("a.yaml", "key: {mean: 1.0e-300, var: 1.0}", "'key' has an impossible time"),
        ("a.yaml", "key: 1.5", "'key' has no mean"),
        ("a.yaml", "Conv-in x: [1, 2]", "'Conv-in x' has no mean"),
        ("a.yaml", "key: {mean: 1}\nkey: {mean: 2}", "the key 'key' occurs twice"),
        ("a.yaml", "key: {mean: 1, mean: 2}", "the key 'mean' occurs twice"),
        ("a.yaml", "3: {mean: 1}", "the key 3 is not text"),
        ("a.yaml", "? [a, b]\n: {mean: 1}", "not YAML"),
        ("a.yaml", "a: &x {mean: 1}\nb: *x", r"has an alias.*a\.yaml.*line 2"),
        ("a.yaml", "a: &x {mean: 1}\nb: {<<: *x}", "has an alias"),
        ("a.yaml", "key: {mean: !!python/object/apply:os.getcwd []}", "not YAML"),
        ("a.yaml", "key: {mean: !weight 1}", "not YAML"),
        ("a.yaml", "key: {mean: !!int x}", "not YAML"),
        ("a.yaml", "key: {mean: !!bool x}", "not YAML"),
        ("a.yaml", "key: {mean: !!timestamp x}", "not YAML"),
        ("a.yaml", "key: {mean: 2026-13-41}", "not YAML"),
        ("a.yaml", "key: " + "[" * 5000, "too deep"),
        ("a.yaml", "key: {mean: " + "1" * 5000 + "}", "not YAML"),
        ("a.json", "[" * 100000, "too deep"),
        ("a.json", "", "not JSON"),
        ("a.json", '{"bias": 1, "bias": 2, "coef": {"l": {"c": 1}}}', "the key 'bias' occurs twice"),
        ("a.json", '{"bias": "1", "coef": {"l": {"c": 1}}}', "bias is '1'"),
        ("a.json", '{"bias": 1, "coef": {"l": {"c": null}}}', r"coef\.l\.c is None"),
        ("a.json", '{"bias": 1e999, "coef": {"l": {"c": 1}}}', "bias is inf, which is not a finite number"),
        ("a.json", '{"bias": 1e300, "coef": {"l": {"c": 1}}}', "bias is 1e.300"),
        ("a.json", '{"bias": 1, "coef": {"l": 1}}', r"coef\.l is 1"),
        ("a.json", '{"bias": 1, "coef": [1]}', r"coef is \[1\]"),
    ],
)
def test_other_files_are_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadRequest, match=message) as caught:
        import_table(tmp_path / name, "phone")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", "k: {mean: 2e-01}"), ("a.JSON", '{"bias": 0, "coef": {"l": {"c": 0.2}}}')]
)
def test_a_byte_order_mark_and_short_exponents_are_read(tmp_path, name, text, encoding):
    (tmp_path / name).write_text(text, encoding=encoding)
    (entry,) = import_table(tmp_path / name, "phone").entries.values()
    assert entry.ms == 0.2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadRequest, match="cannot read"):
        import_table(tmp_path / "none.yaml", "phone")
