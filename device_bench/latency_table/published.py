"""Published latency tables as ours: ProxylessNAS and Once-for-all YAML, and linear cost models.

Their keys are kept: `expanded_conv-input:112x112x16-output:56x56x24-expand:6-kernel:3-stride:2-idskip:0` (Cai et al.,
ProxylessNAS, ICLR 2019), and a layer and its choice, `b0l1/k3_e6`, for a linear model (Bender et al., TuNAS, CVPR
2020). `search_spaces.mnasnet.block_keys` gives the same keys for an architecture.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from device_bench.errors import BadRequest
from device_bench.latency_table.calibration import Calibration
from device_bench.latency_table.table import Entry, LatencyTable

PROXYLESS, OFA, LINEAR = "proxyless-blocks", "ofa-blocks", "tunas-layers"


def import_table(path: Path, device: str) -> LatencyTable:
    """Reads a published table.

    Args:
        path: YAML: key -> {count, mean, var or std}, milliseconds. JSON: {"bias": ms, "coef": {layer: {choice: ms}}}.
        device: What it was measured on, in words.

    Raises:
        BadRequest: It cannot be read, or has neither form.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if path.suffix == ".json":
        return _linear(_parsed_json(text, path), path, device)
    return _blocks(_parsed_yaml(text, path), path, device)


def _blocks(values: Any, path: Path, device: str) -> LatencyTable:
    if not isinstance(values, Mapping) or not values:
        raise BadRequest(f"{path} is no latency table: expected `key: {{count, mean, var or std}}`")
    entries = {str(key): _entry(str(key), value, path) for key, value in values.items()}
    keys = OFA if any("-se:" in key for key in entries) else PROXYLESS
    return LatencyTable(entries, _facts(path, device), keys)


def _entry(key: str, value: Any, path: Path) -> Entry:
    if not isinstance(value, Mapping) or not isinstance(value.get("mean"), int | float):
        raise BadRequest(f"{path}: {key!r} has no mean")
    mean, count = float(value["mean"]), int(value.get("count", 1))
    deviation = float(value["std"]) if "std" in value else math.sqrt(max(0.0, float(value.get("var", 0))))
    if not (0 <= mean < math.inf and math.isfinite(deviation)):
        raise BadRequest(f"{path}: {key!r} has an impossible time ({mean} ms)")
    return Entry(mean, mean, deviation / mean if mean else 0.0, count)


def _linear(values: Any, path: Path, device: str) -> LatencyTable:
    """A bias and one weight a layer; weights may be negative, the bias becomes the intercept."""
    try:
        bias = float(values["bias"])
        entries = {
            f"{layer}/{choice}": Entry(float(weight), float(weight), 0.0, 1)
            for layer, choices in values["coef"].items()
            for choice, weight in choices.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(f'{path} is no linear cost model: expected {{"bias", "coef"}} ({error})') from error
    if not entries or not all(math.isfinite(one.ms) for one in entries.values()):
        raise BadRequest(f"{path} has no weight, or one that is no finite number")
    return LatencyTable(entries, _facts(path, device), LINEAR, Calibration(intercept_ms=bias))


def _facts(path: Path, device: str) -> dict[str, Any]:
    return {"device": device, "conditions": {"imported_from": path.name}}


def _parsed_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRequest(f"{path} is not JSON: {error}") from error


def _parsed_yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadRequest(f"{path} is not YAML: {' '.join(str(error).split())}") from error
