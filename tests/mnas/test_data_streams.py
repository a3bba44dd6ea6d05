"""Images that stay in their files: what a run keeps of them, and what is said when they are gone or changed."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnas.data import examine, load_data, open_dataset, save_dataset, stored
from mnas.data.array_images import ArrayImages
from mnas.data.encoded import EncodedImages
from mnas.errors import RunFailed
from mnas.executors.base import failure

SPLITS = ("train", "validation", "test")


@pytest.fixture
def indexed(monkeypatch):
    """Every set counts as a large one."""
    for module in (examine, stored):
        monkeypatch.setattr(module, "COPY_BYTES", 0)


def smooth(seed, size=(60, 44)):
    grain = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Image.fromarray(grain).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path):
    """JPEG files, among them one that lies on its side and one in grey, and files of other formats."""
    root = tmp_path / "photos"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for index in range(6):
            smooth(index + 10 * (name == "dog")).save(root / name / f"{index}.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth(30).save(root / "cat" / "side.jpg", exif=exif)
    smooth(31).convert("L").save(root / "cat" / "grey.jpg")
    smooth(32).convert("CMYK").save(root / "dog" / "print.jpg")
    smooth(33).save(root / "dog" / "deep.png")
    return root


def load(root, **settings):
    return load_data(f"folder:{root}", **({"image_size": 16} | settings))


def assert_same(one, other):
    assert one.class_names == other.class_names
    assert one.summary == other.summary
    for name in SPLITS:
        assert np.array_equal(getattr(one, name).inputs[:], getattr(other, name).inputs[:])
        assert np.array_equal(getattr(one, name).labels, getattr(other, name).labels)


def test_a_copy_and_an_index_read_alike(photos, tmp_path, monkeypatch):
    small = load(photos)
    save_dataset(small, tmp_path / "copy")
    copied = open_dataset(tmp_path / "copy")
    for module in (examine, stored):
        monkeypatch.setattr(module, "COPY_BYTES", 0)
    save_dataset(load(photos), tmp_path / "index")
    index = open_dataset(tmp_path / "index")
    assert isinstance(copied.train.inputs, ArrayImages)
    assert isinstance(index.train.inputs, EncodedImages)
    assert_same(copied, small)
    assert_same(index, small)
    assert not [*(tmp_path / "index").glob("*images*")]


def test_a_copy_takes_a_byte_for_each_value_where_nothing_is_lost(photos, tmp_path):
    save_dataset(load(photos), tmp_path / "eight")
    assert np.load(tmp_path / "eight" / "train-images.npy").dtype == np.uint8
    digits = load_data("digits", image_size=9, channels=1, limit=100)
    save_dataset(digits, tmp_path / "float")
    assert np.load(tmp_path / "float" / "train-images.npy").dtype == np.float32
    assert_same(open_dataset(tmp_path / "float"), digits)


def test_large_arrays_are_copied_as_they_came(indexed, tmp_path):
    digits = load_data("digits", image_size=20, channels=3, limit=100)
    save_dataset(digits, tmp_path)
    assert np.load(tmp_path / "train-images.npy").shape[1:] == (8, 8, 1)
    assert_same(open_dataset(tmp_path), digits)


def test_images_of_several_scales_keep_them_in_an_index(indexed, tmp_path):
    for index in range(8):
        (tmp_path / "set" / "ab"[index % 2]).mkdir(parents=True, exist_ok=True)
        grey = np.asarray(smooth(index).convert("L"))
        wide = grey if index % 3 else grey.astype(np.uint16) * 257
        Image.fromarray(wide).save(tmp_path / "set" / "ab"[index % 2] / f"{index}.png")
    loaded = load(tmp_path / "set")
    save_dataset(loaded, tmp_path / "data")
    assert_same(open_dataset(tmp_path / "data"), loaded)
    assert 0.8 < loaded.train.inputs[:].max() <= 1


def test_any_choice_reads_what_the_whole_holds(indexed, photos):
    inputs = load(photos).train.inputs
    whole = inputs[:]
    assert whole.shape == inputs.shape
    assert np.array_equal(inputs[np.array([5, 0, 5, -1])], whole[[5, 0, 5, -1]])
    assert np.array_equal(inputs[2:9:3], whole[2:9:3])
    assert inputs[np.array([], int)].shape == (0, 16, 16, 3)
    with pytest.raises(IndexError):
        inputs[np.array([len(inputs)])]


@pytest.mark.parametrize("harm", ["gone", "longer", "touched", "no folder"])
def test_a_file_that_is_gone_or_has_changed_is_named(indexed, photos, tmp_path, harm):
    save_dataset(load(photos), tmp_path / "data")
    split = open_dataset(tmp_path / "data").train
    path = Path(split.inputs.places.path(3))
    if harm == "gone":
        path.unlink()
    elif harm == "longer":
        path.write_bytes(path.read_bytes() + b"\0")
    elif harm == "touched":
        os.utime(path, (1, 1))
    else:
        photos.rename(tmp_path / "elsewhere")
    said = f"{path} {'is missing' if harm in ('gone', 'no folder') else 'has changed since it was first read'}"
    chosen = np.array([3])
    for read in (lambda: split.inputs[chosen], lambda: split.inputs.parts(chosen, np.eye(4)[2:3], chosen < 0)):
        with pytest.raises(RunFailed, match=said) as caught:
            read()
        assert "\n" not in str(caught.value)
        assert failure(caught.value).fatal  # a search stops, and records no candidate as failed


def test_a_copy_needs_no_files(photos, tmp_path):
    small = load(photos)
    save_dataset(small, tmp_path / "data")
    photos.rename(tmp_path / "elsewhere")
    assert_same(open_dataset(tmp_path / "data"), small)


def test_a_run_of_before_opens(photos, tmp_path):
    """Until there was an index, a run kept floats and said nothing of how."""
    small = load(photos)
    for name in SPLITS:
        np.save(tmp_path / f"{name}-images.npy", getattr(small, name).inputs[:])
        np.save(tmp_path / f"{name}-labels.npy", getattr(small, name).labels)
    (tmp_path / "dataset.json").write_text('{"name": "old", "class_names": ["cat", "dog"]}')
    again = open_dataset(tmp_path)
    for name in SPLITS:
        assert np.array_equal(getattr(again, name).inputs[:], getattr(small, name).inputs[:])


def test_a_copy_that_is_cut_while_it_is_open_is_an_error(photos, tmp_path):
    save_dataset(load(photos), tmp_path / "data")
    split = open_dataset(tmp_path / "data").train
    with (tmp_path / "data" / "train-images.npy").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(RunFailed, match=r"train-images\.npy was cut short while it was in use"):
        split.inputs[:]


def test_parts_of_photos_are_the_same_from_any_decoder(indexed, photos):
    """The fast way for JPEG files and the patient way for all others cut the same part."""
    images = load(photos, image_size=32).train.inputs
    chosen = np.arange(len(images))
    boxes = np.tile([0.25, 0.1, 0.5, 0.8], (len(images), 1))
    fast = images.parts(chosen, boxes, chosen % 2 == 0)
    images.facts.plain[:] = False
    slow = images.parts(chosen, boxes, chosen % 2 == 0)
    assert np.abs(fast - slow).mean() < 0.01
    assert np.abs(fast - slow).max() < 0.1
    straight = images.parts(chosen, boxes, chosen < 0)
    assert np.array_equal(slow[::2], straight[::2, :, ::-1])
    assert np.array_equal(slow[1::2], straight[1::2])


@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_large_photos_are_reduced_while_they_are_decoded(indexed, tmp_path, reduction):
    height, width = 20 * reduction + 5, 24 * reduction + 3
    down, across = np.meshgrid(np.linspace(0, 255, height), np.linspace(0, 255, width), indexing="ij")
    for index in range(8):
        (tmp_path / "ab"[index % 2]).mkdir(exist_ok=True)
        slope = np.stack([down, across, np.full_like(down, 20 * index)], axis=2).astype(np.uint8)
        Image.fromarray(slope).save(tmp_path / "ab"[index % 2] / f"{index}.jpg", quality=95)
    images = load(tmp_path, image_size=10).train.inputs
    boxes = np.tile([0.3, 0.2, 0.6, 0.7], (len(images), 1))
    mirrored = np.arange(len(images)) < 3
    fast = images.parts(np.arange(len(images)), boxes, mirrored)
    images.facts.plain[:] = False
    half_a_pixel = 0.5 / 20
    assert np.abs(fast - images.parts(np.arange(len(images)), boxes, mirrored)).max() < half_a_pixel + 0.02


def test_a_photo_that_tensorflow_refuses_is_read_all_the_same(indexed, photos):
    images = load(photos).train.inputs
    place = int(np.flatnonzero(images.facts.plain)[0])
    images.facts.height[:] *= 3  # as in a file whose header does not tell its true size
    parts = images.parts(np.array([place]), np.array([[0.4, 0.0, 0.6, 1.0]]), np.array([True]))
    assert parts.shape == (1, 16, 16, 3)
    assert 0 <= parts.min() < parts.max() <= 1
