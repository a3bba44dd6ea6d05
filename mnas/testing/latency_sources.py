"""What every source of latencies promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from device_bench.conversion.convert import to_tflite
from device_bench.errors import BenchError
from device_bench.latency_table.signature import signatures
from device_bench.timing.timing import Timing
from mnas.latency.source import LatencySource
from search_spaces.catalog import SpaceChoice

_SIDES = (32, 160)


class LatencySourceTestCase:
    """Holds a source of latencies to its contract, `mnas.latency.source.LatencySource`.

    Override `open_source`; `models` too where the source cannot time or price any network.
    """

    @pytest.fixture
    def open_source(self) -> Callable[[], LatencySource]:
        """Opens the source; on a machine that others use too, with a generous `canary_limit`."""
        raise NotImplementedError

    @pytest.fixture
    def models(self) -> Mapping[str, bytes]:
        """Name -> TFLite file of two or more networks, the fastest first, each far slower than the one before it."""
        return _networks()

    @pytest.fixture
    def source(self, open_source: Callable[[], LatencySource]) -> Iterator[LatencySource]:
        """A source of this test's own, closed afterwards."""
        with closing(open_source()) as opened:
            yield opened

    def test_it_is_the_same_source_whenever_it_is_opened(self, open_source: Callable[[], LatencySource]) -> None:
        """Name and identity are keys under which latencies are kept, so JSON holds them and they do not change."""
        about = []
        for _ in range(2):
            with closing(open_source()) as source:
                flags = (source.beside_training, source.shares_cores)
                about.append((source.name, json.dumps(source.identity), flags))
        assert about[0] == about[1]
        assert about[0][0]
        assert all(isinstance(flag, bool) for flag in about[0][2])

    def test_what_it_predicts_from_operators_is_what_it_gives_for_their_file(
        self, source: LatencySource, models: Mapping[str, bytes], tmp_path: Path
    ) -> None:
        """A source that has to measure predicts nothing."""
        name, model = next(iter(models.items()))
        predicted = source.predicted(signatures(model))
        if predicted is not None:
            given = _measured(source, {name: model}, tmp_path)[name]
            assert (predicted.median_ms, predicted.verdict) == (given.median_ms, given.verdict)

    def test_every_model_gets_a_timing(
        self, source: LatencySource, models: Mapping[str, bytes], tmp_path: Path
    ) -> None:
        """With its interval, its conditions and a verdict; what is slower takes longer; JSON keeps it all."""
        timings = _measured(source, models, tmp_path)
        assert timings.keys() == models.keys()
        for timing in timings.values():
            assert timing.verdict in ("valid", "noisy")
            assert timing.median_ms is not None
            assert timing.low_ms is not None
            assert timing.high_ms is not None
            assert 0 <= timing.low_ms <= timing.median_ms <= timing.high_ms
            assert timing.median_ms > 0
            assert timing.device
            assert timing.runtime
            assert Timing.from_dict(json.loads(json.dumps(timing.to_dict()))) == timing
        medians = [timings[name].median_ms or 0.0 for name in models]
        assert medians == sorted(medians)

    def test_what_was_seen_is_kept(self, source: LatencySource, models: Mapping[str, bytes], tmp_path: Path) -> None:
        """A device leaves everything in files of JSON lines; a source that only predicts says that it does."""
        timings = _measured(source, models, tmp_path)
        predicted = [timing.conditions.get("predicted") is True for timing in timings.values()]
        kept = list(tmp_path.rglob("*.jsonl"))
        assert all(predicted) or kept
        for path in kept:
            assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines())

    def test_what_cannot_run_has_failed_and_harms_no_other(
        self, source: LatencySource, models: Mapping[str, bytes], tmp_path: Path
    ) -> None:
        """A custom operator is told in one line, and as the network's fault and not the device's."""
        (name, model), *_ = models.items()
        timings = _measured(source, {"bad": with_custom_operator(model), name: model}, tmp_path)
        assert timings[name].verdict in ("valid", "noisy")
        failed = timings["bad"]
        assert (failed.verdict, failed.median_ms) == ("failed", None)
        assert failed.reason
        assert "\n" not in failed.reason
        assert failed.conditions.get("failed_sessions") or failed.conditions.get("predicted")

    def test_a_source_that_was_stopped_measures_nothing(
        self, source: LatencySource, models: Mapping[str, bytes], tmp_path: Path
    ) -> None:
        """Where it works beside the training, in a thread of its own; the others are ended by their caller."""
        source.stop()
        if source.beside_training:
            with pytest.raises(BenchError) as caught:
                _measured(source, models, tmp_path)
            assert "\n" not in str(caught.value)

    def test_close_twice(self, source: LatencySource) -> None:
        """A second call does nothing."""
        source.close()
        source.close()


def with_custom_operator(model: bytes) -> bytes:
    """The file with its first kind of operator replaced by one that no runtime knows."""
    graph = schema.ModelT.InitFromPackedBuf(model)
    code = graph.operatorCodes[0]
    code.builtinCode = schema.BuiltinOperator.CUSTOM
    code.deprecatedBuiltinCode, code.customCode = schema.BuiltinOperator.CUSTOM, "NoSuchOperator"
    builder = flatbuffers.Builder(1024)
    builder.Finish(graph.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@cache
def _networks() -> Mapping[str, bytes]:
    from search_spaces import build_model

    made = {}
    for side in _SIDES:
        shape = (side, side, 3)
        space = SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 16}).space(shape)
        model = build_model(space.decode([0] * len(space.sizes)), shape, 10)
        made[f"net{side}"] = to_tflite(model, "float32", np.zeros((1, *shape), np.float32))
    return made


def _measured(source: LatencySource, models: Mapping[str, bytes], folder: Path) -> dict[str, Timing]:
    return source.measure(models, np.random.default_rng(0), folder)
