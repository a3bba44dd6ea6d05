"""A training of shared weights that is killed at any moment ends with the same weights, bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_shared import Tiny, tiny_shared

from mnas.data.types import Dataset, Split
from mnas.errors import SearchError
from mnas.files import read_npz
from mnas.sharing.sampling import Sampler
from mnas.sharing.training import SharedTraining
from mnas.tasks import task
from mnas.training.recipe import Recipe
from search_spaces import Decision, Space
from search_spaces.keras_models.shared import SharedModel

IMAGES, KILLS = 96, 5


def build(choices):
    return Tiny(*choices)


SPACE = Space(
    "tiny",
    (
        Decision("op", ("conv", "separable"), "op"),
        Decision("filters", (4, 6, 8), "filters"),
        Decision("deep", (False, True), "deep"),
    ),
    build,
    tuple,
)
GRAPH = replace(tiny_shared(), operator_tags=frozenset({"op"}), width_tags=frozenset({"filters"}))


class Killed(Exception):
    """What stands for a kill: nothing that is not on disk survives it."""


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    images, labels = rng.random((IMAGES, 8, 8, 3), np.float32), rng.integers(0, 2, IMAGES)
    split = Split(images, labels)
    return Dataset("noise", ("a", "b"), split, split, split)


def training(data, sampling="uniform", **changes):
    recipe = Recipe(epochs=3, batch_size=16, optimizer="sgd", learning_rate=0.05, **changes)
    sampler = Sampler(SPACE, GRAPH, sampling, 0.5, 0)
    return SharedTraining(SharedModel(GRAPH), sampler, task("classification"), data, recipe, 0)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """Weights by the sampling."""
    found = {}
    for sampling in ("uniform", "sandwich"):
        file = tmp_path_factory.mktemp(sampling) / "weights.npz"
        assert training(data, sampling).run(file) < 1
        found[sampling] = read_npz(file)
    return found


@pytest.mark.parametrize("sampling", ["uniform", "sandwich"])
@pytest.mark.parametrize("kill", range(KILLS))
def test_a_training_that_was_killed_ends_as_if_it_had_not_been(data, tmp_path, undisturbed, sampling, kill):
    file, rng = tmp_path / "weights.npz", np.random.default_rng([kill, 3])
    last = int(rng.integers(1, 18))
    every_s = float(rng.choice([0.0, 0.05, 60.0]))  # a checkpoint behind each step, now and then, or none

    def die(step, steps, loss):
        assert steps == 18
        if step == last:
            raise Killed

    with pytest.raises(Killed):
        training(data, sampling).run(file, die, every_s=every_s)
    assert not file.exists()
    seen = []
    training(data, sampling).run(file, lambda step, steps, loss: seen.append(step))
    assert seen[-1] == 18
    assert every_s or seen[0] == last  # the checkpoint is written behind what hears of the step
    ended = read_npz(file)
    assert ended.keys() == undisturbed[sampling].keys()
    assert all(np.array_equal(ended[name], array) for name, array in undisturbed[sampling].items())


def test_other_settings_do_not_resume(data, tmp_path):
    file = tmp_path / "weights.npz"

    def die(step, steps, loss):
        if step == 3:
            raise Killed

    with pytest.raises(Killed):
        training(data).run(file, die, every_s=0.0)
    with pytest.raises(SearchError, match=r"another sampling: choose another directory, or delete it"):
        training(data, "sandwich").run(file)
    with pytest.raises(SearchError, match=r"another recipe \(label_smoothing\)"):
        training(data, label_smoothing=0.3).run(file)


def test_a_loss_that_is_no_number_ends_it_in_one_line(data, tmp_path):
    wild = replace(training(data), recipe=Recipe(epochs=3, batch_size=16, optimizer="sgd", learning_rate=1e30))
    with pytest.raises(SearchError, match="training diverged in epoch"):
        wild.run(tmp_path / "weights.npz")
    assert not (tmp_path / "weights.npz").exists()
