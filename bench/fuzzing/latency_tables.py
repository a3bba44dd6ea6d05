"""Damaged latency tables: our own, published ones that are imported, and the net definitions that they price."""

import json
import math
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st

from device_bench.errors import BenchError
from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.features import features
from device_bench.latency_table.file import _digest
from device_bench.latency_table.signature import signatures
from device_bench.latency_table.table import LatencyTable, MissingEntries, Prediction
from fuzzing.cases import TOKEN, Case, Kind, Refused, Wrong, named_by_caller
from fuzzing.commands import import_, predict
from fuzzing.damage import damaged_bytes, damaged_tree, encoded
from fuzzing.networks import network
from mnas.config import LatencySection
from mnas.errors import SearchError
from mnas.latency.table import TableLatency
from search_spaces.errors import SpaceError
from search_spaces.mnasnet.net_config import definition_keys

_SIDE = 16
_LINEAR = {"bias": 1.5, "coef": {"b0l0": {"k3_e6": 2.5, "k5_e3": -0.25}, "b0l1": {"skip": 0.0, "k3_e6": 3}}}
_ODD = (
    "tflite-operators",
    "proxyless-blocks",
    "ofa-blocks",
    "tunas-layers",
    "int8",
    "float32",
    "1",
    "0.5",
    "count: 1",
    -0.0,
)


def _block(**layer: Any) -> dict[str, Any]:
    plain = {"name": "MBInvertedConvLayer", "kernel_size": 3, "stride": 1, "expand_ratio": 6, "out_channels": 8}
    return {"name": "MobileInvertedResidualBlock", "mobile_inverted_conv": plain | layer, "shortcut": None}


_PROXYLESS: dict[str, Any] = {
    "name": "ProxylessNASNets",
    "first_conv": {"name": "ConvLayer", "kernel_size": 3, "stride": 2, "out_channels": 8},
    "blocks": [
        _block(expand_ratio=1),
        _block(stride=2, kernel_size=5),
        _block() | {"shortcut": {"name": "IdentityLayer"}},
    ],
    "feature_mix_layer": {"name": "ConvLayer", "kernel_size": 1, "stride": 1, "out_channels": 32},
    "classifier": {"name": "LinearLayer", "in_features": 32, "out_features": 10},
}
_OFA = _PROXYLESS | {"final_expand_layer": {"name": "ConvLayer", "kernel_size": 1, "out_channels": 48}}
_DEFINITIONS = {"proxyless": _PROXYLESS, "ofa": _OFA}


@cache
def _own() -> dict[str, Any]:
    """The file of a table of the int8 network, as the package writes it."""
    entries = {key: Entry(0.25, 0.26, 0.01, 100) for key in signatures(network("int8"))}
    more = {f"CONV_2D 1x{n}x{n}x8>1x{n}x{n}x8 k1x1 s1x1 same int8": Entry(n / 9, n / 8, 0.02, 9) for n in range(2, 20)}
    scales = {features(key).group: 1.1 for key in entries}
    facts = {"device": "Testphone", "precision": "int8", "threads": 1, "cores": None, "conditions": {"rounds": 3}}
    scores = {
        "networks": 9,
        "mape": 0.02,
        "bias": 0.0,
        "within_5": 0.9,
        "within_10": 1.0,
        "spearman": 0.9,
        "pairs": 0.9,
    }
    check = {"date": "2026-11-01", "table": {"random": scores, "near": scores}}
    calibration = Calibration(0.5, 0.0, scales, 1.0, 0.02, 0.01, 20, 0.01)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.json"
        LatencyTable(entries | more, facts, calibration=calibration, check=check).save(path)
        return json.loads(path.read_bytes())


@cache
def _keys(dialect: str) -> tuple[str, ...]:
    return definition_keys(_DEFINITIONS[dialect], _SIDE, dialect)


@cache
def _published(dialect: str) -> dict[str, Any]:
    spread = {"proxyless": {"var": 0.01}, "ofa": {"std": 0.1}}[dialect]
    return {key: {"count": 100, "mean": 0.5 + place} | spread for place, key in enumerate(_keys(dialect))}


@cache
def _csv() -> str:
    return "key,mean,std,count\n" + "".join(f"{key},0.5,0.1,100\n" for key in _keys("ofa"))


def use(case: Case, folder: Path) -> None:
    """Reads the table and prices one network by it, as the commands and a search do."""
    path = folder / case.name
    path.write_bytes(case.content)
    match case.words[0]:
        case "own":
            _use_own(path)
        case "definition":
            _use_definition(path, case.words[1])
        case _:
            _use_published(path, case.words[1])


def _use_own(path: Path) -> None:
    table = LatencyTable.load(path)
    _sane_table(table)
    model = path.with_name("model.tflite")
    model.write_bytes(network("int8"))
    with named_by_caller(SearchError, SpaceError, BenchError):
        for options in ((), ("--fill",)):
            _sane(table.predict(network("int8"), fill=bool(options)))
            predict(path, model, *options)
        source = TableLatency(LatencySection(device=f"table:{path}", target_ms=1.0), lambda line: None)
        timing = source.measure({"model": network("int8")}, np.random.default_rng(0), path.parent)["model"]
        source.close()
        if not (timing.median_ms and 0 < timing.median_ms < math.inf):
            raise Wrong(f"a search's latency that cannot be: {timing}")


def _use_definition(path: Path, dialect: str) -> None:
    """The damaged file is a net definition; the table is sound."""
    source, table = path.with_name("sound.yaml"), path.with_name("sound.json")
    source.write_text(yaml.safe_dump(_published(dialect)), encoding="utf-8")
    import_(source, table)
    try:
        predict(table, path)
    except MissingEntries as error:
        raise Refused from error


def _use_published(path: Path, dialect: str) -> None:
    ours = path.with_name("ours.json")
    import_(path, ours)
    with named_by_caller(SearchError, SpaceError, BenchError):
        try:
            table = LatencyTable.load(ours)
        except BenchError as error:
            raise Wrong(f"a table that cannot be read after its import: {error}") from error
        _sane_table(table)
        if (listed := _listed(path)) != len(table.entries):
            raise Wrong(f"silent loss of entries: {listed} in the file, {len(table.entries)} in the table")
        if dialect == "linear":
            _sane(table.predict(["b0l0/k3_e6", "b0l1/k3_e6"]))
            return
        definition = path.with_name("net.config")
        definition.write_text(json.dumps(_DEFINITIONS[dialect]), encoding="utf-8")
        _sane(table.predict(_keys(dialect)))
        predict(ours, definition)


def _listed(path: Path) -> int:
    """How many entries a published table lists, one that is listed twice counted twice."""
    content = path.read_bytes()
    if path.suffix == ".json":
        pairs = json.loads(content, object_pairs_hook=list)
        return sum(len(choices) for _, choices in next(value for key, value in reversed(pairs) if key == "coef"))
    return len(yaml.compose(content.decode(json.detect_encoding(content)), yaml.SafeLoader).value)


def _sane_table(table: LatencyTable) -> None:
    for key, entry in table.entries.items():
        for number in (entry.ms, entry.median_ms, entry.spread, entry.count):
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise Wrong(f"an entry that is not made of numbers: {key!r}, {entry}")
        if entry.spread < 0 or entry.count < 0:
            raise Wrong(f"an entry with a negative spread or count: {key!r}, {entry}")


def _sane(guess: Prediction) -> None:
    numbers = guess.median_ms, guess.low_ms, guess.high_ms, guess.filled_share
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in numbers):
        raise Wrong(f"a prediction that is not finite: {guess}")
    if not (guess.median_ms > 0 and guess.low_ms <= guess.median_ms <= guess.high_ms and 0 <= guess.filled_share <= 1):
        raise Wrong(f"a prediction that cannot be: {guess}")


def _json(tree: Any) -> str:
    """A damaged tree of our own format, its digest made right again where it is still one."""
    if isinstance(tree, dict) and "digest" in tree:
        tree["digest"] = _digest({key: value for key, value in tree.items() if key not in ("format", "digest")})
    return json.dumps(tree)


@st.composite
def _text(draw: st.DrawFn, tree: Any, write: Callable[[Any], str]) -> bytes:
    """A tree as a file: damaged as a tree, or as bytes."""
    if draw(st.integers(0, 2)):
        return draw(encoded(write(draw(damaged_tree(tree, _ODD)))))
    return draw(damaged_bytes(draw(encoded(write(tree)))))


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    dialect = draw(st.sampled_from(("proxyless", "ofa")))
    match draw(st.sampled_from(["own", "own", "own", "yaml", "yaml", "yaml", "linear", "definition", "csv"])):
        case "own":
            return Case("tables", f"{TOKEN}.json", draw(_text(_own(), _json)), ("own",))
        case "yaml":
            name = draw(st.sampled_from((f"{TOKEN}.yaml", f"{TOKEN}.yml", f"{TOKEN}.json", TOKEN)))
            return Case("tables", name, draw(_text(_published(dialect), yaml.safe_dump)), ("published", dialect))
        case "linear":
            return Case("tables", f"{TOKEN}.json", draw(_text(_LINEAR, json.dumps)), ("published", "linear"))
        case "definition":
            name = draw(st.sampled_from((f"{TOKEN}.config", f"{TOKEN}.json")))
            return Case("tables", name, draw(_text(_DEFINITIONS[dialect], json.dumps)), ("definition", dialect))
    return Case("tables", f"{TOKEN}.csv", draw(damaged_bytes(draw(encoded(_csv())))), ("published", "ofa"))


def sound() -> list[Case]:
    """The seeds, but for the table of comma-separated values, which is not one of the formats."""
    made = [Case("tables", f"{TOKEN}.json", _json(_own()).encode(), ("own",))]
    made.append(Case("tables", f"{TOKEN}.json", json.dumps(_LINEAR).encode(), ("published", "linear")))
    for dialect, definition in _DEFINITIONS.items():
        published = yaml.safe_dump(_published(dialect)).encode()
        made.append(Case("tables", f"{TOKEN}.yaml", published, ("published", dialect)))
        made.append(Case("tables", f"{TOKEN}.config", json.dumps(definition).encode(), ("definition", dialect)))
    return made


TABLES = Kind(_cases(), sound, use)
