"""Images that come as arrays."""

import contextlib

import numpy as np
import pytest

from mnas.data import load_data
from mnas.errors import SearchError


def images(count, size=6, channels=3, seed=0):
    shape = (count, size, size, channels) if channels else (count, size, size)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return f"npz:{path}"


def load(source, **settings):
    return load_data(source, **({"image_size": 6, "channels": 3} | settings))


def test_images_and_labels(tmp_path):
    pixels, labels = images(20), np.arange(20) % 2
    dataset = load(save(tmp_path, images=pixels, labels=labels))
    known = {
        (pixel / np.float32(255)).astype(np.float32).tobytes(): label
        for pixel, label in zip(pixels, labels, strict=True)
    }
    for split in (dataset.train, dataset.validation, dataset.test):
        assert [known[image.tobytes()] for image in split.images] == split.labels.tolist()


def test_own_test_split_and_column_labels(tmp_path):
    source = save(
        tmp_path,
        x_train=images(20, channels=0),
        y_train=(np.arange(20) % 4)[:, None],
        x_test=images(7, channels=0),
        y_test=np.arange(7)[:, None] % 4,
    )
    dataset = load(source, channels=1)
    assert dataset.classes == 4
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [16, 4, 7]


def test_labels_may_be_names_or_have_gaps(tmp_path):
    names = np.array(["dog", "cat"] * 6)
    assert load(save(tmp_path, images=images(12), labels=names)).class_names == ("cat", "dog")
    gaps = load(save(tmp_path, images=images(12), labels=np.array([7, 3] * 6)))
    assert gaps.class_names == ("3", "7")
    assert set(gaps.train.labels) == {0, 1}


def test_floats_of_both_ranges(tmp_path):
    pixels = images(12)
    whole = load(save(tmp_path, images=pixels.astype(np.float64), labels=np.arange(12) % 2))
    unit = load(save(tmp_path, images=pixels.astype(np.float32) / 255, labels=np.arange(12) % 2))
    assert np.allclose(whole.train.images, unit.train.images, atol=1e-6)


def scale_line(dataset):
    return next(line for line in dataset.summary if line.startswith("scale:"))


@pytest.mark.parametrize(
    ("convert", "white"),
    [
        (lambda p: p.astype(np.uint16) * 257, 65535),
        (lambda p: p.astype(np.uint16) * 16, 4095),
        (lambda p: p.astype(np.int64), 255),
        (lambda p: p.astype(np.float64) * 257, 65535),
        (lambda p: p // 16, 15),
        (lambda p: p > 99, 1),
        (lambda p: (p > 99).astype(np.uint8), 1),
        (lambda p: (p > 99).astype(np.int64), 1),
        (lambda p: (p > 99).astype(np.float16), 1),
    ],
)
def test_one_scale_for_all_arrays(tmp_path, convert, white):
    pixels, labels = convert(images(20)), np.arange(20) % 2
    dark = pixels[:8].copy()
    dark[dark > white // 3] = 0
    dataset = load(save(tmp_path, x_train=pixels, y_train=labels, x_test=dark, y_test=labels[:8]))
    assert f"0 to {white} of" in scale_line(dataset)
    assert np.allclose(dataset.test.images, dark.astype(np.float32) / np.float32(white), atol=1e-6)


def test_arrays_of_two_scales(tmp_path):
    pixels, labels = images(12), np.arange(12) % 2
    unit = (pixels / 255).astype(np.float32)
    mixed = load(save(tmp_path, x_train=unit, y_train=labels, x_test=pixels, y_test=labels))
    assert mixed.test.images.mean() == pytest.approx(mixed.train.images.mean(), rel=0.05)
    with pytest.raises(SearchError, match=r"floats up to 1 in x_train of .* and up to 255 in x_test of"):
        load(save(tmp_path, x_train=unit, y_train=labels, x_test=pixels * 1.0, y_test=labels))


def test_the_same_image_in_two_arrays_is_named(tmp_path):
    pixels, labels = images(12), np.arange(12) % 2
    dataset = load(save(tmp_path, x_train=pixels, y_train=labels, x_test=pixels[3:4], y_test=labels[4:5]))
    text = "\n".join(dataset.summary)
    assert "warning: same pixels in two splits, 1 time: x_test[0] (test) = x_train[3] (" in text
    assert "warning: same pixels in two classes, 1 time: x_test[0] (0) = x_train[3] (1)" in text


@pytest.mark.parametrize("channels_in", [0, 1, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_size_and_channels_are_made_to_fit(tmp_path, channels_in, channels):
    pixels = np.full((12, 10, 16, channels_in or 1)[: 4 if channels_in else 3], 255, np.uint8)
    dataset = load(save(tmp_path, images=pixels, labels=np.arange(12) % 2), channels=channels, image_size=5)
    assert dataset.input_shape == (5, 5, channels)
    assert dataset.train.images.min() > 0.999


def test_nothing_is_unpickled(tmp_path):
    source = save(tmp_path, images=np.array([object()] * 4), labels=np.arange(4) % 2)
    with pytest.raises(SearchError, match=r"not a usable \.npz archive: images holds Python objects"):
        load(source)


def test_a_file_of_another_kind_is_no_advice_to_unpickle_it(tmp_path):
    path = tmp_path / "data.npz"
    path.write_bytes(b"junk" * 100)
    with pytest.raises(SearchError, match=r"data\.npz is not a usable \.npz archive: it begins otherwise"):
        load(f"npz:{path}")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": images(4)}, "holds pictures: x_train and y_train, or images and labels, are needed"),
        ({"x_train": images(4)}, "lacks y_train"),
        ({"images": images(4), "labels": np.arange(3)}, "4 images in images, 3 labels in labels"),
        ({"images": images(4)[0, 0], "labels": np.arange(6)}, r"has the shape \(6, 3\)"),
        ({"images": images(4, channels=2), "labels": np.arange(4)}, "1, 3 or 4"),
        ({"images": images(4) * 2.0, "labels": np.arange(4)}, r"\[0, 1\] or \[0, 255\] is needed"),
        ({"images": images(4) / 15.9, "labels": np.arange(4)}, "fits no scale"),
        ({"images": images(4) / 127.5 - 1, "labels": np.arange(4)}, "has values from -1"),
        ({"images": images(4).astype(np.uint32) * 9999, "labels": np.arange(4)}, "fits no scale"),
        ({"images": images(4) - 1.5, "labels": np.arange(4)}, "has values from -1.5"),
        ({"images": np.full((4, 6, 6), np.nan), "labels": np.arange(4)}, "has values that are not numbers"),
        ({"images": images(4), "labels": np.eye(4)}, "one integer or string an image"),
        ({"images": np.full((4, 6, 6), "a"), "labels": np.arange(4)}, "numbers are needed"),
        ({"images": images(12), "labels": np.zeros(12, int)}, r"has one class \(0\)"),
        (
            {"x_train": images(8), "y_train": np.arange(8) % 2, "x_test": images(1), "y_test": np.array([5])},
            "test labels .* hold '5', a class that the train split does not have",
        ),
    ],
)
def test_unfit_arrays_are_one_line(tmp_path, arrays, message):
    with pytest.raises(SearchError, match=message) as caught:
        load(save(tmp_path, **arrays))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_archive(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(SearchError, match=r"data\.npz"):
        load(f"npz:{path}")


def test_damaged_archives_are_named(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, images=images(12), labels=np.arange(12) % 2)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(SearchError):
            load(f"npz:{path}")


def test_a_bare_array_is_refused(tmp_path):
    np.save(tmp_path / "data.npy", images(4))
    with pytest.raises(SearchError, match="one bare array"):
        load(f"npz:{tmp_path / 'data.npy'}")
