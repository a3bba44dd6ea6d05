"""The table itself: prices, refusals, its file."""

import hashlib
import json

import pytest

from device_bench.errors import BadRequest
from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.table import LatencyTable, MissingEntries

CONV = "CONV_2D 1x{0}x{0}x{1}>1x{0}x{0}x{2} k1x1 s1x1 same relu int8"
FACTS = {"device": "Testphone", "precision": "int8", "threads": 1, "cores": None}


def conv(size, channels, filters):
    return CONV.format(size, channels, filters)


def law(size, channels, filters):
    return 1e-6 * size * size * (channels * filters + 20 * (channels + filters))


@pytest.fixture
def table():
    entries = {
        conv(size, channels, filters): Entry(law(size, channels, filters), 1.0, 0.02, 100)
        for size in (7, 14, 28, 56)
        for channels in (16, 24, 40, 80)
        for filters in (16, 48, 96)
    }
    return LatencyTable(
        entries, FACTS, calibration=Calibration(0.5, 0.0, {"CONV_2D pointwise": 1.1}, 1.0, 0.02, 0.01, 20)
    )


def test_a_network_costs_its_operators_scaled_and_the_intercept(table):
    keys = [conv(7, 16, 48), conv(14, 24, 96), conv(7, 16, 48)]
    guess = table.predict(keys)
    expected = 0.5 + 1.1 * (2 * law(7, 16, 48) + law(14, 24, 96))
    assert guess.median_ms == pytest.approx(expected)
    assert guess.high_ms - guess.median_ms == pytest.approx(1.96 * 0.02 * expected)
    assert guess.median_ms - guess.low_ms == pytest.approx(1.96 * 0.02 * expected)
    assert guess.filled_share == 0


def test_what_is_not_there_is_refused_by_name(table):
    with pytest.raises(MissingEntries) as caught:
        table.predict([conv(7, 16, 48), conv(7, 16, 17), conv(7, 16, 17), "ADD 1x2,1x2>1x2 int8"])
    assert caught.value.missing == (conv(7, 16, 17), "ADD 1x2,1x2>1x2 int8")
    assert conv(7, 16, 17) in str(caught.value)
    assert "ADD 1x2,1x2>1x2 int8" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fill_is_close_and_says_its_share(table):
    missing = conv(28, 24, 48)
    guess = table.without([missing]).predict([conv(56, 16, 48), missing], fill=True)
    exact = table.predict([conv(56, 16, 48), missing])
    assert guess.median_ms == pytest.approx(exact.median_ms, rel=0.05)
    assert guess.filled_share == pytest.approx(1.1 * law(28, 24, 48) / exact.median_ms, rel=0.1)
    assert guess.high_ms - guess.low_ms > exact.high_ms - exact.low_ms


def test_a_kind_that_was_never_measured_cannot_be_filled(table):
    with pytest.raises(MissingEntries, match="no like operator was measured"):
        table.predict(["LOGISTIC 1x7x7x8>1x7x7x8 int8"], fill=True)


def test_far_from_what_was_measured_a_fill_stays_sane(table):
    far = conv(224, 640, 1280)
    guess = table.predict([far], fill=True).median_ms
    assert 0.05 < guess / (0.5 + 1.1 * law(224, 640, 1280)) < 20


def test_it_comes_back_from_its_file(table, tmp_path):
    table.save(tmp_path / "new" / "phone.json")
    again = LatencyTable.load(tmp_path / "new" / "phone.json")
    assert again.entries == table.entries
    assert again.calibration == table.calibration
    assert again.facts == {**dict.fromkeys(("soc", "abi", "runtime", "date", "conditions")), **FACTS}
    keys = list(table.entries)[:5]
    assert again.predict(keys) == table.predict(keys)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["phone.json"]


def change(text, **values):
    return json.dumps(json.loads(text) | values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:300], "cut or damaged"),
        (lambda text: "", "cut or damaged"),
        (lambda text: "[]", "not a latency table"),
        (lambda text: "{}", "not a latency table"),
        (lambda text: change(text, format=0), "table of format 0; this version reads format 1: build it again"),
        (lambda text: text.replace('"count": 100', '"count": 101', 1), "was changed after it was written"),
        (lambda text: change(text, digest=""), "was changed after it was written"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_one_line(table, tmp_path, damage, message):
    path = tmp_path / "phone.json"
    table.save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadRequest, match=message) as caught:
        LatencyTable.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def sealed(body):
    """A file whose digest is right, as a program that writes such tables would leave it."""
    values = {key: value for key, value in body.items() if key not in ("format", "digest")}
    packed = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return {"format": 1, "digest": hashlib.sha256(packed.encode()).hexdigest(), **values}


def put(body, trail, value):
    *path, last = trail
    for key in path:
        body = body[key]
    body[last] = value


FIRST = conv(7, 16, 16)
ENTRY = ("entries", FIRST)
PLAIN = {"ms": 1.0, "median_ms": 1.0, "spread": 0.0, "count": 1}


@pytest.mark.parametrize(
    ("trail", "value", "message"),
    [
        ((*ENTRY, "count"), None, r"entries\['CONV_2D .* int8'\]\.count is None: input should be a valid integer"),
        ((*ENTRY, "count"), -1, r"\.count is -1"),
        ((*ENTRY, "count"), 1.5, r"\.count is 1\.5"),
        ((*ENTRY, "ms"), "0.5", r"\.ms is '0\.5': input should be a valid number"),
        ((*ENTRY, "ms"), True, r"\.ms is True"),
        ((*ENTRY, "ms"), -0.5, "has an impossible time"),
        ((*ENTRY, "ms"), 1e300, r"\.ms is 1e\+300"),
        ((*ENTRY, "ms"), float("nan"), r"\.ms is nan, which is not a finite number"),
        ((*ENTRY, "spread"), float("inf"), r"\.spread is inf"),
        ((*ENTRY, "spread"), -0.1, r"\.spread is -0\.1"),
        ((*ENTRY, "speed"), 1, r"\.speed is 1: extra inputs are not permitted"),
        (ENTRY, {"ms": 1.0}, r"\.median_ms is missing"),
        (ENTRY, [1, 2], r"entries\['CONV_2D .*'\] is \[1, 2\]"),
        (("entries",), [], r"entries is \[\]"),
        (("entries", "foo"), PLAIN, "'foo' is not the signature of an"),
        (("entries", "ADD 1xq int8"), PLAIN, "is not the signature of an"),
        (("calibration", "scales"), {"ADD": "1"}, r"calibration\.scales\.ADD is '1'"),
        (("calibration", "intercept_ms"), None, r"calibration\.intercept_ms is None"),
        (("calibration",), None, "calibration is None"),
        (("facts", "threads"), "one", r"facts\.threads is 'one'"),
        (("facts", "threads"), 0, r"facts\.threads is 0"),
        (("facts", "device"), "Phone\x1b[2J", r"facts\.device is 'Phone\\x1b\[2J'.*cannot be printed"),
        (("facts", "conditions"), {"device_s": float("inf")}, r"facts\.conditions\.device_s is inf"),
        (("facts", "identity"), {"processor": "x"}, r"facts\.identity\.parts is missing"),
        (("check",), {"date": "2026", "table": {"random": {"mape": None}}}, r"check\.table\.random\.mape is None"),
        (("probes",), {FIRST: "!"}, r"probes\['CONV_2D .*'\] is not a file in base64"),
        (("keys",), 3, "keys is 3"),
    ],
)
def test_odd_values_are_one_line_that_names_file_and_key(table, tmp_path, trail, value, message):
    path = tmp_path / "phone.json"
    table.save(path)
    body = json.loads(path.read_text())
    put(body, trail, value)
    path.write_text(json.dumps(sealed(body)))
    with pytest.raises(BadRequest, match=message) as caught:
        LatencyTable.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_odd_json_is_one_line(table, tmp_path):
    path = tmp_path / "phone.json"
    table.save(path)
    text = path.read_text()
    for odd, message in [
        (text.replace('"keys":', '"keys": "x", "keys":', 1), "the key 'keys' occurs twice"),
        ("[" * 100000, "cut or damaged .*too deep"),
        (text.replace('"count": 100', '"count": ' + "1" * 5000, 1), "cut or damaged"),
        (json.dumps(sealed(json.loads(text)) | {"format": None}), "is a table of format None"),
    ]:
        path.write_text(odd)
        with pytest.raises(BadRequest, match=message):
            LatencyTable.load(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_does_not_matter(table, tmp_path, encoding):
    path = tmp_path / "phone.json"
    table.save(path)
    path.write_text(path.read_text(), encoding=encoding)
    assert LatencyTable.load(path).entries == table.entries


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(BadRequest, match=r"cannot read .*none\.json: No such file"):
        LatencyTable.load(tmp_path / "none.json")


def test_it_stands_for_its_own_precision_and_threads_only(table):
    table.require(precision="int8", threads=1)
    with pytest.raises(BadRequest, match="measured with precision int8, not float32"):
        table.require(precision="float32")
    with pytest.raises(BadRequest, match="measured with threads 1, not 4"):
        table.require(precision="int8", threads=4)


def test_an_imported_table_prices_no_files():
    table = LatencyTable({"Conv-input:8x8x3-output:4x4x8": Entry(1.0, 1.0, 0.1, 10)}, {}, "proxyless-blocks")
    assert table.predict(["Conv-input:8x8x3-output:4x4x8"]).high_ms == pytest.approx(1.196)
    with pytest.raises(BadRequest, match="prices architectures, not TFLite files"):
        table.predict(b"TFL3")
    with pytest.raises(MissingEntries):
        table.predict(["Conv_1-input:4x4x8-output:4x4x16"], fill=True)


def test_thousands_of_predictions_a_second(table):
    from time import perf_counter

    keys = list(table.entries)
    table.predict(keys)
    began = perf_counter()
    for _ in range(200):
        table.predict(keys)
    assert perf_counter() - began < 2  # it takes a hundredth of that
