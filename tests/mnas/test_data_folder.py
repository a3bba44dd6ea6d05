"""Folders of image files, as people have them."""

import numpy as np
import pytest
from PIL import Image

from mnas.data import load_data
from mnas.errors import SearchError

RED, BLUE = (220, 30, 40), (20, 60, 230)


def paint(path, colour, size=(20, 14), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path, **options)


@pytest.fixture
def zoo(tmp_path):
    for index in range(5):
        paint(tmp_path / "blue" / f"{index}.png", BLUE, size=(9 + index, 30))
        paint(tmp_path / "red" / f"{index}.jpg", RED, size=(40, 11 + index), quality=95)
    return tmp_path


def load(where, **settings):
    return load_data(f"folder:{where}", **({"image_size": 8, "channels": 3} | settings))


def every(dataset):
    images = np.concatenate([dataset.train.images, dataset.validation.images, dataset.test.images])
    labels = np.concatenate([dataset.train.labels, dataset.validation.labels, dataset.test.labels])
    return images, labels


def test_classes_are_sub_folders_in_order(zoo):
    dataset = load(zoo)
    assert dataset.class_names == ("blue", "red")
    images, labels = every(dataset)
    assert images.shape == (10, 8, 8, 3)
    for image, label in zip(images, labels, strict=True):
        assert np.abs(image - np.array([BLUE, RED][label]) / 255).max() < 0.03


@pytest.mark.parametrize("name", ["a.bmp", "a.gif", "a.webp", "a.tiff", "a.ppm", "no_ending", "UPPER.PNG"])
def test_formats(zoo, name):
    path = zoo / "red" / name
    if path.suffix:
        paint(path, RED)
    else:
        paint(zoo / "red" / "x.png", RED)
        (zoo / "red" / "x.png").rename(path)
    images, labels = every(load(zoo))
    assert (labels == 1).sum() == 6
    assert np.abs(images[labels == 1] - np.array(RED) / 255).max() < 0.04


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_modes(tmp_path, mode):
    for index in range(3):
        for name, grey in (("dark", 0), ("light", 255)):
            path = tmp_path / name / f"{index}.{'tiff' if mode == 'CMYK' else 'png'}"
            path.parent.mkdir(exist_ok=True)
            if mode == "I;16":
                Image.fromarray(np.full((6, 6), grey * 257, np.uint16)).save(path)
            else:
                paint(path, (grey,) * 3, mode=mode)
    for channels in (1, 3):
        images, labels = every(load(tmp_path, channels=channels))
        assert images.shape[1:] == (8, 8, channels)
        assert np.abs(images - labels[:, None, None, None]).max() < 0.02


def test_what_is_transparent_is_white(zoo):
    Image.new("RGBA", (5, 5), (0, 0, 0, 0)).save(zoo / "red" / "clear.png")
    palette = Image.new("P", (5, 5), 0)
    palette.putpalette([0, 0, 0] * 256)
    palette.save(zoo / "red" / "clear.gif", transparency=0)
    images, _ = every(load(zoo))
    assert (images.min(axis=(1, 2, 3)) > 0.99).sum() == 2


def test_a_photo_is_turned_upright(tmp_path):
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8] = 255
    for index in range(3):
        for name in ("a", "b"):
            path = tmp_path / name / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            exif = Image.Exif()
            exif[0x0112] = 8  # the camera lay on its side: turn by 90 degrees to the left to see it upright
            Image.fromarray(np.rot90(upright, -1)).save(path, exif=exif)
    images, _ = every(load(tmp_path))
    assert images[:, :3].min() > 0.9
    assert images[:, 5:].max() < 0.1


def test_the_middle_is_kept(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    for index in range(3):
        for name in ("a", "b"):
            path = tmp_path / name / f"{index}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(wide).save(path)
    images, _ = every(load(tmp_path, image_size=10))
    assert images.min() > 0.9


def test_other_files_are_passed_over(zoo):
    (zoo / "red" / "notes.txt").write_text("a red one")
    (zoo / "red" / ".hidden.png").write_bytes(b"not an image")
    (zoo / ".git").mkdir()
    (zoo / "README").write_text("colours")
    (zoo / "empty").mkdir()
    assert load(zoo).class_names == ("blue", "red")
    assert len(every(load(zoo))[1]) == 10


def test_images_may_lie_deeper(zoo):
    paint(zoo / "red" / "more" / "deep.png", RED)
    assert (every(load(zoo))[1] == 1).sum() == 6


@pytest.mark.parametrize("content", [b"", b"not an image at all", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"])
def test_a_broken_image_is_named(zoo, content):
    (zoo / "red" / "7.png").write_bytes(content)
    with pytest.raises(SearchError, match=r"red/7\.png is not an image that can be read") as caught:
        load(zoo)
    assert "\n" not in str(caught.value)


def test_a_truncated_image_is_named(zoo):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = zoo / "blue" / "cut.jpg"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SearchError, match=r"blue/cut\.jpg"):
        load(zoo)


def test_own_splits_are_respected(tmp_path):
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for index in range(count):
            paint(tmp_path / split / "blue" / f"{index}.png", BLUE)
            paint(tmp_path / split / "red" / f"{index}.png", RED)
    dataset = load(tmp_path)
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [12, 4, 6]


def test_a_missing_split_is_cut_from_train(tmp_path):
    for split, count in (("train", 10), ("test", 3)):
        for index in range(count):
            paint(tmp_path / split / "blue" / f"{index}.png", BLUE)
            paint(tmp_path / split / "red" / f"{index}.png", RED)
    dataset = load(tmp_path, validation_share=0.3)
    assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [14, 6, 6]


def test_a_class_may_be_called_train(tmp_path):
    for index in range(4):
        paint(tmp_path / "train" / f"{index}.png", BLUE)
        paint(tmp_path / "ship" / f"{index}.png", RED)
    assert load(tmp_path).class_names == ("ship", "train")


def test_a_class_that_train_lacks_is_named(tmp_path):
    for index in range(4):
        paint(tmp_path / "train" / "blue" / f"{index}.png", BLUE)
        paint(tmp_path / "train" / "red" / f"{index}.png", RED)
    paint(tmp_path / "test" / "green" / "0.png", (0, 255, 0))
    with pytest.raises(SearchError, match=r"test/green is a class that .*train does not have"):
        load(tmp_path)


def test_one_class_is_refused(tmp_path):
    paint(tmp_path / "red" / "0.png", RED)
    with pytest.raises(SearchError, match=r"has one class \(red\)"):
        load(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SearchError, match="no images in the sub-folders of"):
        load(tmp_path)
    (tmp_path / "red").mkdir()
    with pytest.raises(SearchError, match="no images in the sub-folders of"):
        load(tmp_path)


def test_too_few_images_name_the_class(zoo):
    paint(zoo / "green" / "0.png", (0, 255, 0))
    with pytest.raises(SearchError, match=r"class 'green' has 1 image\(s\): 3 are needed"):
        load(zoo)


def test_a_limit_decodes_no_other_image(zoo):
    for index in range(5, 60):
        paint(zoo / "red" / f"{index}.png", RED)
        paint(zoo / "blue" / f"{index}.png", BLUE)
    dataset = load(zoo, limit=20)
    assert len(every(dataset)[1]) == 20
