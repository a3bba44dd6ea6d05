"""Full trainings: killed at any step they end as if nothing had happened, and they end when they should."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnas.data import load_data
from mnas.errors import SearchError
from mnas.tasks import task
from mnas.training.recipe import Recipe, full_recipe
from search_spaces.mnasnet.block_strings import from_block_strings

NET = ("r1_k3_s11_e2_i8_o8", "r1_k3_s22_e2_i8_o16_se0.25")
RECIPE = Recipe(
    epochs=4, batch_size=16, dropout=0.2, shift=1, cutout=3, mixup=0.2, ema=True, patience=3, learning_rate=0.01
)
ARCH = from_block_strings(NET, stem_filters=8, head_filters=16)
TASK = task("classification")

KILLED = """
import os, signal, sys
from pathlib import Path
import mnas.training.long
from tests_long import train
mnas.training.long._EVERY_S = 0.0
train(Path(sys.argv[1]), lambda step: step == int(sys.argv[2]) and os.kill(os.getpid(), signal.SIGKILL))
"""


def train(folder: Path, before_step=None, recipe: Recipe = RECIPE, **options):
    """One training; the network with what it went through."""
    from mnas.training.long import train_long
    from mnas.training.train import prepare_tensorflow
    from search_spaces import build_model

    prepare_tensorflow()
    data = load_data("digits", image_size=12, channels=1, limit=120)
    model = build_model(ARCH, data.input_shape, data.classes, dropout=recipe.dropout, seed=1)
    options = {"seed": 5, **options}
    found = train_long(model, TASK, data, recipe, folder=folder, before_step=before_step, **options)
    return model, found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """A training that nothing disturbed, its folder, network and result."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *train(folder)


def weights(model) -> list[bytes]:
    return [one.numpy().tobytes() for one in model.variables]


def test_a_training_that_was_killed_ends_bit_by_bit_as_one_that_was_not(whole, tmp_path: Path) -> None:
    """Weights, statistics, optimizer, average and history, with dropout and every variation of the images."""
    shutil.copy(__file__, tmp_path / "tests_long.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for step in (3, 8):
        words = [sys.executable, "-c", KILLED, str(tmp_path), str(step)]
        done = subprocess.run(words, env=environment, capture_output=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    model, found = train(tmp_path)
    assert weights(model) == weights(whole[1])
    assert found.history == whole[2].history
    ours, theirs = (dict(np.load(folder / "checkpoint.npz")) for folder in (tmp_path, whole[0]))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours if name != "about")


def test_a_training_that_is_over_is_found(whole) -> None:
    folder, model, found = whole

    def never(step: int) -> None:
        raise AssertionError(f"step {step} is taken again")

    again, same = train(folder, never)
    assert weights(again) == weights(model)
    assert same == found


@pytest.mark.parametrize(
    "change", [{"seed": 6}, {"recipe": replace(RECIPE, epochs=5)}, {"minutes": 1.0}], ids=lambda one: next(iter(one))
)
def test_another_training_does_not_resume_this_one(whole, tmp_path: Path, change: dict) -> None:
    shutil.copy(whole[0] / "checkpoint.npz", tmp_path)
    with pytest.raises(SearchError, match=r"checkpoint.npz is of another training .* choose another directory"):
        train(tmp_path, **change)


@pytest.mark.parametrize("content", [b"", b"PK nothing", None], ids=["empty", "broken", "cut"])
def test_a_damaged_checkpoint_is_said(whole, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "checkpoint.npz"
    file.write_bytes((whole[0] / "checkpoint.npz").read_bytes()[:5000] if content is None else content)
    with pytest.raises(SearchError, match=r"checkpoint.npz .*delete it to train from the beginning"):
        train(tmp_path)


def test_minutes_are_planned_once(tmp_path: Path) -> None:
    """As many steps as fit, the whole decay over them; a later process keeps the plan."""
    seen = []
    recipe = replace(RECIPE, patience=0)
    _, found = train(tmp_path, recipe=recipe, minutes=0.02, on_progress=seen.append)
    assert found.recipe.epochs == len(found.history) == seen[-1].epochs
    assert seen[-1].seconds_left == 0
    assert seen[-1].value == found.history[-1].value
    assert train(tmp_path, recipe=recipe, minutes=0.02)[1] == found


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"training diverged in epoch 1 of 4: the loss is .*lower the learning rate"):
        train(tmp_path, recipe=replace(RECIPE, learning_rate=1e30, warmup_share=0.0, optimizer="sgd"))


def test_no_better_metric_ends_a_training_with_its_best_weights(tmp_path: Path) -> None:
    recipe = replace(RECIPE, learning_rate=1e-12, epochs=9, patience=2, ema=False)
    _, found = train(tmp_path, recipe=recipe)
    values = [one.value for one in found.history]
    best = values.index(max(values))
    assert len(values) == best + 3 < 9
    assert "It ended early: 2 epochs had brought no better accuracy" in found.ended


def test_the_default_recipe_suits_the_images() -> None:
    photos, digits = full_recipe(1_281_167, 224), full_recipe(60_000, 28)
    assert (photos.epochs, photos.flip, photos.crop) == (30, True, 0.35)
    assert (digits.epochs, digits.flip, digits.shift, digits.crop) == (30, False, 1, 1.0)
    assert full_recipe(1_000, 32).epochs == 350


def test_the_decays_of_the_learning_rate() -> None:
    """The paper's: 0.97 every 2.4 of 350 epochs, a warm-up of 5 (MnasNet, section 5)."""
    paper = Recipe(epochs=350, learning_rate=1.0, warmup_share=5 / 350, decay="exponential")
    assert paper.rate(0, 350) == pytest.approx(1 / 5)
    assert paper.rate(5, 350) == 1.0
    assert paper.rate(349, 350) == pytest.approx(0.97 ** (349 // 2.4), rel=0.1)
    assert Recipe(learning_rate=1.0, warmup_share=0.0).rate(50, 100) == pytest.approx(0.5)
