"""Published latency tables as ours: ProxylessNAS and Once-for-all YAML, and linear cost models.

Their keys are kept: `expanded_conv-input:112x112x16-output:56x56x24-expand:6-kernel:3-stride:2-idskip:0` (Cai et al.,
ProxylessNAS, ICLR 2019), and a layer and its choice, `b0l1/k3_e6`, for a linear model (Bender et al., TuNAS, CVPR
2020). `search_spaces.mnasnet.block_keys` gives the same keys for an architecture.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from device_bench.errors import BadRequest
from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.schema import MOST, Number, Open, Positive, Whole, checked, once, parsed_json
from device_bench.latency_table.table import LatencyTable

PROXYLESS, OFA, LINEAR = "proxyless-blocks", "ofa-blocks", "tunas-layers"


class _Block(Open):
    """A value of a table of blocks; it may hold more."""

    mean: Positive
    count: Whole = 1
    var: Positive = 0.0
    std: Positive | None = None


class _Linear(Open):
    """A linear cost model; it may hold notes beside."""

    bias: Number
    coef: dict[str, dict[str, Number]]


def import_table(path: Path, device: str) -> LatencyTable:
    """Reads a published table.

    Args:
        path: YAML: key -> {count, mean, var or std}, milliseconds. JSON: {"bias": ms, "coef": {layer: {choice: ms}}}.
        device: What it was measured on, in words.

    Raises:
        BadRequest: It cannot be read, or has neither form.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror or error}") from error
    if path.suffix.lower() == ".json":
        return _linear(parsed_json(data, path, "is not JSON: {}"), path, device)
    return _blocks(_parsed_yaml(data, path), path, device)


def _blocks(values: Any, path: Path, device: str) -> LatencyTable:
    if not isinstance(values, Mapping) or not values:
        raise BadRequest(f"{path} is not a latency table: expected `key: {{count, mean, var or std}}`")
    entries = {key: _entry(key, value, path) for key, value in values.items()}
    keys = OFA if any("-se:" in key for key in entries) else PROXYLESS
    return LatencyTable(entries, _facts(path, device), keys)


def _entry(key: Any, value: Any, path: Path) -> Entry:
    if not isinstance(key, str):
        raise BadRequest(f"{path}: the key {key!r} is not text")
    if not isinstance(value, Mapping) or "mean" not in value:
        raise BadRequest(f"{path}: {key!r} has no mean")
    if isinstance(value["mean"], int | float) and not 0 <= value["mean"] <= MOST:
        raise BadRequest(f"{path}: {key!r} has an impossible time ({value['mean']} ms)")
    block = checked(_Block, value, path, (key,))
    deviation = math.sqrt(block.var) if block.std is None else block.std
    spread = deviation / block.mean if block.mean else 0.0
    if not spread < MOST:
        raise BadRequest(f"{path}: {key!r} has an impossible time (mean {block.mean} ms, deviation {deviation} ms)")
    return Entry(block.mean, block.mean, spread, block.count)


def _linear(values: Any, path: Path, device: str) -> LatencyTable:
    """A bias and one weight per layer; weights may be negative, the bias becomes the intercept."""
    if not isinstance(values, dict) or not {"bias", "coef"} <= values.keys():
        raise BadRequest(f'{path} is not a linear cost model: expected {{"bias", "coef"}}')
    model = checked(_Linear, values, path)
    entries = {
        f"{layer}/{choice}": Entry(weight, weight, 0.0, 1)
        for layer, choices in model.coef.items()
        for choice, weight in choices.items()
    }
    if not entries:
        raise BadRequest(f"{path} has no weight")
    return LatencyTable(entries, _facts(path, device), LINEAR, Calibration(intercept_ms=model.bias))


def _facts(path: Path, device: str) -> dict[str, Any]:
    return {"device": device, "conditions": {"imported_from": path.name}}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML without aliases, which can make a small file huge, and in which no key hides another."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="it has an alias (*), which such tables have not", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_once(self, node: yaml.MappingNode) -> dict[Any, Any]:
        """A mapping in which no key occurs twice."""
        mapping: dict[Any, Any] = self.construct_mapping(node, deep=True)
        once(((self.construct_object(key, deep=True), value) for key, value in node.value), Path(self.name))
        return mapping


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_once)
# YAML 1.1 takes 1e-05 for text; every program that writes tables means the number.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def _parsed_yaml(data: bytes, path: Path) -> Any:
    try:
        loader = _Loader(data)
        loader.name = str(path)
        return loader.get_single_data()
    # A value that its tag does not fit (`!!int x`, 2026-13-01) raises whatever Python does.
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise BadRequest(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise BadRequest(f"{path} is not a table: its values lie too deep inside each other") from None
