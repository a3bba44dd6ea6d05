"""Pruning: what becomes zero, what stays, and that it is bit-equal over a resume is the long training's own test."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from device_bench.tflite.packing import unpacked
from mnas.data import load_data
from mnas.main import run
from mnas.shipping.card import Card
from mnas.tasks import task
from mnas.training.recipe import Recipe
from search_spaces import from_notation

NET = "stem8 r1_k3_s11_e2_i8_o8_se0.25 r1_k5_s22_e2_i8_o16 head16"


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory):
    """A network before and after it was pruned by half."""
    from mnas.training.long import train_long
    from mnas.training.pruning import prunable
    from mnas.training.train import prepare_tensorflow
    from search_spaces import build_model

    prepare_tensorflow()
    data = load_data("digits", image_size=12, channels=1, limit=120)
    model = build_model(from_notation(NET), data.input_shape, data.classes, seed=1)
    before = {one.name: one.numpy() for one in model.weights}
    recipe = Recipe(epochs=3, batch_size=16)
    pruning = prunable(model, 0.5, 3 * recipe.steps_per_epoch(len(data.train)))
    folder = tmp_path_factory.mktemp("pruned")
    train_long(
        pruning.model, task("classification"), data, recipe, seed=0, folder=folder, before_step=pruning.before_step
    )
    assert all(np.array_equal(one.numpy(), before[one.name]) for one in model.weights)
    pruning.stripped(model)
    return model, before


def test_half_of_the_kernels_is_zero(pruned) -> None:
    model, _ = pruned
    kernels = [one.numpy() for one in model.weights if one.name.endswith("/kernel:0")]
    assert len(kernels) > 5
    for kernel in kernels:
        assert (kernel == 0).mean() == pytest.approx(0.5, abs=1 / kernel.size + 0.01)


def test_depthwise_kernels_stay_whole_and_everything_was_trained(pruned) -> None:
    model, before = pruned
    depthwise = [one for one in model.weights if "depthwise" in one.name]
    assert depthwise
    assert all((one.numpy() != 0).all() for one in depthwise)
    assert all(not np.array_equal(one.numpy(), before[one.name]) for one in model.trainable_variables)


WORDS = """--data digits --image-size 12 --channels 1 --limit 120 --epochs 2 --prune 0.5 --freeze stem --quantize qat
    --precision int8 --device none""".split()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained behind its stem, pruned, and trained on for int8."""
    folder = tmp_path_factory.mktemp("shipped")
    assert run(["train", NET, *WORDS, "-o", str(folder)]) == 0
    return folder


def test_what_was_pruned_stays_zero_in_a_training_for_int8(shipped: Path) -> None:
    assert Card.open(shipped).training.sparsity == 0.5
    model = unpacked((shipped / "model-int8.tflite").read_bytes())
    zero = {
        tensor.name.decode(): np.mean(model.buffers[tensor.buffer].data == 0)
        for tensor in model.subgraphs[0].tensors
        if len(tensor.shape) in (2, 4) and model.buffers[tensor.buffer].data is not None
    }
    whole = ("depthwise", "stem", "luma")
    pruned = [share for name, share in zero.items() if not any(word in name for word in whole)]
    assert len(pruned) > 4
    assert min(pruned) > 0.48, zero


def test_the_training_for_int8_is_the_same_when_it_begins_later(shipped: Path, tmp_path: Path) -> None:
    """With the weights that were kept; the stem stays frozen."""
    folder = Path(shutil.copytree(shipped, tmp_path / "out"))
    for name in ("training-int8", "files"):
        shutil.rmtree(folder / name)
    (folder / "model-int8.tflite").unlink()
    assert run(["train", NET, *WORDS, "-o", str(folder)]) == 0
    assert (folder / "model-int8.tflite").read_bytes() == (shipped / "model-int8.tflite").read_bytes()
