"""The batches of a training: a function of seed, epoch and step, read ahead, and gone when nobody asks for more."""

import dataclasses
import signal
import subprocess
import sys
import threading
import time
from itertools import islice

import numpy as np
import pytest
from judged import CLASSIFICATION
from PIL import Image

from mnas.data import Split, examine, load_data
from mnas.errors import SearchError
from mnas.tasks.augment import cropped, cut_out, mixed, random_boxes
from mnas.training.batches import epoch_batches
from mnas.training.recipe import Recipe

VARIED = Recipe(batch_size=8, shift=1, flip=True, crop=0.3, cutout=3, mixup=0.2)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", image_size=12, channels=1, limit=120).train


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Encoded images, some of them JPEG files and some not."""
    root = tmp_path_factory.mktemp("photos")
    for index in range(40):
        grain = np.random.default_rng(index).integers(0, 256, (8, 8, 3), np.uint8)
        (root / "ab"[index % 2]).mkdir(exist_ok=True)
        image = Image.fromarray(grain).resize((50, 40), Image.Resampling.BICUBIC)
        image.save(root / "ab"[index % 2] / f"{index}.{'png' if index % 5 == 0 else 'jpg'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examine, "COPY_BYTES", 0)
        return load_data(f"folder:{root}", image_size=16).train


def batches(split, recipe=VARIED, **keys):
    return list(epoch_batches(CLASSIFICATION, split, recipe, **({"seed": 3, "epoch": 1} | keys)))


def same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(mine, theirs) for a, b in zip(one, other, strict=True) for mine, theirs in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("kind", ["digits", "photos"])
def test_seed_epoch_and_step_decide(kind, request):
    split = request.getfixturevalue(kind)
    whole = batches(split)
    assert len(whole) == len(split) // 8
    assert same(batches(split), whole)
    assert same(batches(split, first=2), whole[2:])
    assert batches(split, first=len(whole)) == []
    for other in ({"seed": 4}, {"epoch": 2}):
        assert not any(
            np.array_equal(mine, theirs) for (mine, _), (theirs, _) in zip(batches(split, **other), whole, strict=True)
        )


def test_an_epoch_sees_every_example_once(digits):
    plain = Recipe(batch_size=8)
    inputs = np.concatenate([inputs for inputs, _ in batches(digits, plain)])
    assert inputs.dtype == np.float32
    known = [image.tobytes() for image in digits.images]
    seen = [image.tobytes() for image in inputs]
    assert len(seen) == len(known) // 8 * 8
    assert len(set(seen)) >= len(set(known)) - 8


def test_the_last_threads_end_with_the_iteration(digits):
    for _ in range(3):
        iterator = epoch_batches(CLASSIFICATION, digits, VARIED, seed=0, epoch=0)
        next(iterator)
        iterator.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("batches")]


def test_an_error_comes_at_its_step(digits):
    calls = []

    class Broken:
        shape = digits.inputs.shape

        def __len__(self):
            return len(digits)

        def __getitem__(self, chosen):
            calls.append(chosen)
            if 17 in chosen:
                raise SearchError("17 is missing")
            return digits.inputs[chosen]

    split = Split(Broken(), digits.labels)
    order = np.random.default_rng([3, 1]).permutation(len(digits))
    step = int(np.flatnonzero(order == 17)[0]) // 8
    iterator = epoch_batches(CLASSIFICATION, split, VARIED, seed=3, epoch=1)
    assert len(list(islice(iterator, step))) == step
    with pytest.raises(SearchError, match="17 is missing"):
        next(iterator)
    assert not [one for one in threading.enumerate() if one.name.startswith("batches")]


def test_no_more_is_read_ahead_than_is_soon_used(digits):
    read = []

    class Counted:
        shape = digits.inputs.shape

        def __len__(self):
            return len(digits)

        def __getitem__(self, chosen):
            read.append(len(chosen))
            return digits.inputs[chosen]

    iterator = epoch_batches(CLASSIFICATION, Split(Counted(), digits.labels), Recipe(batch_size=1), seed=0, epoch=0)
    next(iterator)
    time.sleep(0.05)
    assert len(read) < 20
    iterator.close()


def test_ctrl_c_ends_the_reading():
    program = (
        "from mnas.data import load_data; from mnas.tasks import task; from mnas.training.recipe import Recipe\n"
        "from mnas.training.batches import epoch_batches\n"
        "split = load_data('digits', image_size=64, channels=3).train\n"
        "print('ready', flush=True)\n"
        "epoch = 0\n"
        "while True:\n"
        "    for _ in epoch_batches(task('classification'), split, Recipe(batch_size=8), seed=0, epoch=epoch): pass\n"
        "    epoch += 1\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode
    assert said.rstrip().endswith(b"KeyboardInterrupt")


def test_a_part_keeps_to_the_area_and_the_sides():
    rng = np.random.default_rng(0)
    heights, widths = rng.integers(20, 400, (2, 3000))
    boxes = random_boxes(heights, widths, 0.25, rng)
    top, left, height, width = boxes.T
    assert (boxes >= 0).all()
    assert (top + height <= 1 + 1e-9).all()
    assert (left + width <= 1 + 1e-9).all()
    ratio = (width * widths) / (height * heights)
    assert ratio.min() > 0.74
    assert ratio.max() < 1.34
    square = np.abs(ratio - 1) < 1e-9  # nothing fitted: a panorama
    assert (height * width)[~square].min() >= 0.25
    assert np.quantile((height * width)[~square], 0.9) > 0.6


def test_the_whole_square_without_a_crop():
    boxes = random_boxes(np.array([100, 50]), np.array([50, 50]), 1.0, np.random.default_rng(0))
    assert np.allclose(boxes, [[0.25, 0, 0.5, 1], [0, 0, 1, 1]])


def test_parts_of_an_array_are_enlarged():
    ramp = np.broadcast_to(np.linspace(0, 1, 32, dtype=np.float32)[:, None, None], (6, 32, 32, 1)).copy()
    parts = cropped(ramp, np.arange(6), 0.2, False, np.random.default_rng(1))
    assert parts.shape == ramp.shape
    assert parts.dtype == np.float32
    assert np.abs(np.diff(parts, axis=2)).max() < 1e-6
    spans = np.ptp(parts[:, :, 0, 0], axis=1)
    assert ((spans > 0.3) & (spans < 1.01)).all()
    assert np.array_equal(cropped(ramp, np.arange(6), 1.0, False, np.random.default_rng(1)), ramp)


def test_a_square_is_greyed_out():
    images = np.ones((50, 9, 11, 3), np.float32)
    found = cut_out(images, 4, np.random.default_rng(0))
    grey = (found == 0.5).all(axis=3).sum(axis=(1, 2))
    assert grey.max() == 16
    assert grey.min() >= 4
    assert found.dtype == np.float32
    assert images.min() == 1


def test_mixed_labels_sum_to_one():
    images = np.random.default_rng(0).random((16, 4, 4, 1), np.float32)
    labels = np.arange(16) % 5
    mix, shares = mixed(images, labels, 5, 0.4, np.random.default_rng(1))
    assert mix.dtype == shares.dtype == np.float32
    assert shares.shape == (16, 5)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (shares[np.arange(16), labels] > 0).all()
    assert 0 <= mix.min() <= mix.max() <= 1


def test_a_network_learns_from_every_variation(digits):
    from mnas.training.train import train
    from search_spaces import build_model
    from search_spaces.mnasnet.block_strings import from_block_strings

    whole = load_data("digits", image_size=12, channels=1, limit=300)
    arch = from_block_strings(["r1_k3_s22_e1_i16_o16"], stem_filters=16, head_filters=32)
    recipe = dataclasses.replace(VARIED, epochs=4, batch_size=16, crop=0.7)
    losses = train(build_model(arch, (12, 12, 1), 10), CLASSIFICATION, whole, recipe, seed=0).losses
    assert losses[-1] < losses[0]


def test_soft_and_hard_labels_cost_the_same(digits):
    import tensorflow as tf

    data = load_data("digits", image_size=12, channels=1, limit=120)
    loss = CLASSIFICATION.loss(data, VARIED)
    guesses = tf.nn.softmax(tf.random.stateless_normal((6, 10), (1, 2)))
    labels = np.array([0, 1, 2, 3, 9, 9])
    soft = loss(tf.constant(np.eye(10, dtype=np.float32)[labels]), guesses)
    assert float(loss(tf.constant(labels), guesses)) == pytest.approx(float(soft), rel=1e-6)


@pytest.mark.parametrize("wrong", [{"crop": 0.0}, {"crop": 1.1}, {"cutout": -1}, {"mixup": -0.1}])
def test_a_variation_that_cannot_be_is_refused(wrong):
    with pytest.raises(SearchError, match=next(iter(wrong))):
        Recipe(**wrong)
