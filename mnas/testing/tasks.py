"""What every task promises."""

from __future__ import annotations

import math
import pickle
import re
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device_bench.conversion.convert import to_tflite
from device_bench.latency_table.signature import signatures as read
from mnas.errors import SearchError
from mnas.tasks import Data, Examples, Task, tasks
from mnas.training.jobs import calibration_inputs
from mnas.training.outputs import tflite_predict
from mnas.training.recipe import Recipe
from search_spaces.catalog import Arch, SpaceChoice
from search_spaces.signatures import Precision, signatures

_SPLITS = ("train", "validation", "test")
_SOME = 8


class TaskTestCase:
    """Holds a task to its contract, `mnas.tasks.Task`.

    The task has to be found under its name, so its package announces it in the entry-point group `mnas.tasks`.
    Override `task`, `source` and `ordered`; the other fixtures where their values do not suit the task.
    """

    @pytest.fixture
    def task(self) -> Task[Any]:
        """The record."""
        raise NotImplementedError

    @pytest.fixture
    def source(self) -> str:
        """Some data, as `data.source` names them: enough for a small network to learn a little within seconds."""
        raise NotImplementedError

    @pytest.fixture
    def ordered(self) -> Sequence[float]:
        """Values that the metric can have, each better than the one before it."""
        raise NotImplementedError

    @pytest.fixture
    def limit(self) -> int | None:
        """Use at most about so many examples of it."""
        return None

    @pytest.fixture
    def settings(self, limit: int | None) -> dict[str, Any]:
        """What the section `[data]` says beside the source, and the seed."""
        sizes = {"image_size": 16, "channels": 3, "validation_share": 0.2, "test_share": 0.2}
        return {**sizes, "seed": 0, "limit": limit}

    @pytest.fixture
    def recipe(self) -> Recipe:
        """A training within which a network learns something of the data."""
        return Recipe(epochs=10, batch_size=16)

    @pytest.fixture
    def data(self, task: Task[Any], source: str, settings: dict[str, Any]) -> Data:
        """The data of the source."""
        loaded: Data = task.load(source, **settings)
        return loaded

    @pytest.fixture
    def arch(self, data: Data) -> Arch:
        """A network to train and to judge."""
        space = SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 16}).space(data.input_shape)
        return space.decode([0] * len(space.sizes))

    def test_it_is_found_by_its_name(self, task: Task[Any]) -> None:
        """A worker process is told the name alone."""
        assert tasks()[task.name] is task

    def test_the_same_words_give_the_same_data(
        self, task: Task[Any], source: str, settings: dict[str, Any], data: Data
    ) -> None:
        """The random source is the seed, so a search can be repeated."""
        _assert_same(task.load(source, **settings), data)

    def test_the_data_are_of_the_form_that_a_network_reads(self, data: Data) -> None:
        """Finite float32 inputs of one shape, as many targets, and nothing in a split empty."""
        for split in map(data.__getattribute__, _SPLITS):
            inputs = np.asarray(split.inputs[:])
            assert inputs.dtype == np.float32
            assert inputs.shape[1:] == tuple(data.input_shape)
            assert np.isfinite(inputs).all()
            assert len(split) == len(inputs) == len(split.targets) > 0
        assert data.outputs >= 1
        assert data.name

    def test_what_was_read_is_said_in_lines(self, data: Data) -> None:
        """A search prints them as they are."""
        assert data.summary
        assert all(line and "\n" not in line for line in data.summary)

    def test_the_test_split_is_kept_apart(self, data: Data) -> None:
        """What a network is trained on or chosen by would flatter it in the end."""
        seen = {one.tobytes() for split in (data.train, data.validation) for one in np.asarray(split.inputs[:])}
        assert not any(one.tobytes() in seen for one in np.asarray(data.test.inputs[:]))

    def test_a_limit_is_kept(self, task: Task[Any], source: str, settings: dict[str, Any], data: Data) -> None:
        """About so many examples in all, in the same proportions."""
        limit = _count(data) // 2
        fewer: Data = task.load(source, **{**settings, "limit": limit})
        assert _count(fewer) == pytest.approx(limit, rel=0.2)
        assert len(fewer.train) < len(data.train)

    def test_a_source_that_is_not_there_is_refused(self, task: Task[Any], settings: dict[str, Any]) -> None:
        """In one line."""
        with pytest.raises(SearchError) as caught:
            task.load("no-such-source:at all", **settings)
        assert "\n" not in str(caught.value)

    def test_stored_data_come_back(self, task: Task[Any], data: Data, tmp_path: Path) -> None:
        """Workers and a search that resumes read what was stored, and nothing else."""
        task.save(data, tmp_path / "data")
        _assert_same(task.open(tmp_path / "data"), data)

    def test_damaged_data_are_refused(self, task: Task[Any], data: Data, tmp_path: Path) -> None:
        """A file that is missing or cut short is told in one line, whichever it is."""
        task.save(data, tmp_path / "data")
        files = [path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*") if path.is_file()]
        for number, file in enumerate(files):
            copy = tmp_path / f"copy-{number}"
            shutil.copytree(tmp_path / "data", copy)
            for harm in (_cut, Path.unlink):
                harm(copy / file)
                with pytest.raises(SearchError) as caught:
                    task.open(copy)
                assert "\n" not in str(caught.value)

    def test_a_varied_batch_has_the_form_of_the_batch(self, task: Task[Any], data: Data, recipe: Recipe) -> None:
        """It depends on the random source alone, and leaves the batch as it was."""
        inputs, targets = np.array(data.train.inputs[:_SOME]), np.array(data.train.targets[:_SOME])
        before = inputs.copy(), targets.copy()
        varied = task.vary(inputs, targets, recipe, np.random.default_rng(1))
        again = task.vary(inputs, targets, recipe, np.random.default_rng(1))
        for one, two, own, was in zip(varied, again, (inputs, targets), before, strict=True):
            np.testing.assert_array_equal(one, two)
            np.testing.assert_array_equal(own, was)
            assert (one.shape, one.dtype) == (own.shape, own.dtype)

    def test_a_head_is_a_value(self, task: Task[Any], data: Data) -> None:
        """It is compared by value, and can be sent to a worker."""
        head = task.head(data.outputs)
        assert head == task.head(data.outputs)
        assert pickle.loads(pickle.dumps(head)) == head

    def test_training_makes_a_network_better(self, task: Task[Any], data: Data, arch: Arch, recipe: Recipe) -> None:
        """The loss falls, and the judge finds on the train split that it does; it gives one number, each time."""
        from mnas.training.train import float_predict, train
        from search_spaces import build_model

        momentum = recipe.batch_norm_momentum(len(data.train))
        model = build_model(arch, data.input_shape, task.head(data.outputs), batch_norm_momentum=momentum)
        before = task.judge(float_predict(model), data.train)
        losses = train(model, task, data, recipe, seed=0).losses
        after = task.judge(float_predict(model), data.train)
        assert losses[-1] < losses[0]
        assert task.metric.gain(after) > task.metric.gain(before)
        assert type(after) is float
        assert after == task.judge(float_predict(model), data.train)

    @pytest.mark.parametrize("precision", ["float32", "int8"])
    def test_files_are_priced_and_judged(self, task: Task[Any], data: Data, arch: Arch, precision: Precision) -> None:
        """Tables foresee the operators of the head, and a float32 file is judged like the network it was made of."""
        from mnas.training.train import float_predict
        from search_spaces import as_if_trained, build_model

        head = task.head(data.outputs)
        model = build_model(arch, data.input_shape, head)
        as_if_trained(model)
        content = to_tflite(model, precision, calibration_inputs(data.train, 0))
        assert read(content) == signatures(arch, data.input_shape, head, precision)
        value = task.judge(tflite_predict(content), data.validation)
        assert math.isfinite(value)
        if precision == "float32":
            assert value == pytest.approx(task.judge(float_predict(model), data.validation), rel=0.01, abs=1e-6)

    def test_merit_lies_between_0_and_1_and_rises_with_quality(self, task: Task[Any], ordered: Sequence[float]) -> None:
        """The reward sees nothing else of the metric; `from_merit` leads back."""
        metric = task.metric
        merits = [metric.merit(value) for value in ordered]
        assert all(0 <= merit <= 1 for merit in merits)
        assert all(better > worse for worse, better in pairwise(merits))
        assert [metric.from_merit(merit) for merit in merits] == pytest.approx(list(ordered))
        gains = [metric.gain(value) for value in ordered]
        assert gains == sorted(gains)

    def test_an_interval_holds_the_value_and_narrows(self, task: Task[Any], ordered: Sequence[float]) -> None:
        """More examples tell more; an interval that is not known is not a number at both ends."""
        for value in ordered:
            few, many = task.metric.interval(value, 50), task.metric.interval(value, 5000)
            if all(map(math.isnan, few)):
                continue
            assert few[0] <= value <= few[1]
            assert many[0] <= value <= many[1]
            assert many[1] - many[0] <= few[1] - few[0]

    def test_the_metric_has_words(self, task: Task[Any], ordered: Sequence[float]) -> None:
        """Its key is a column's name, and every sentence that a report makes of it shows the value."""
        metric, value = task.metric, ordered[-1]
        assert all(re.fullmatch("[a-z][a-z0-9_]*", key) for key in metric.keys)
        assert metric.name
        assert task.outputs
        assert task.examples
        assert metric.words(value) in metric.claimed(value, f"test {task.examples}")
        assert metric.words(ordered[0]) != metric.words(value)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _count(data: Data) -> int:
    return sum(len(getattr(data, split)) for split in _SPLITS)


def _assert_same(found: Data, expected: Data) -> None:
    for name in ("name", "summary", "outputs"):
        assert getattr(found, name) == getattr(expected, name)
    assert tuple(found.input_shape) == tuple(expected.input_shape)
    for split in _SPLITS:
        one: Examples = getattr(found, split)
        other: Examples = getattr(expected, split)
        np.testing.assert_array_equal(one.inputs[:], other.inputs[:])
        np.testing.assert_array_equal(one.targets, other.targets)
