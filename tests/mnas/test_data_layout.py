"""How folders of images are laid out, with what else people and machines leave in them."""

import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnas.data import load_data
from mnas.data.folder import folder
from mnas.data.layout import split_of
from mnas.data.tree import read_tree
from mnas.errors import SearchError

RNG = np.random.default_rng(0)


def fill(where, classes=("cat", "dog"), count=4):
    for name in classes:
        (where / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            noise = RNG.integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(noise).save(where / name / f"{index}.png")
    return where


def load(where, **settings):
    return load_data(f"folder:{where}", **({"image_size": 6} | settings))


def sizes(dataset):
    return [len(dataset.train), len(dataset.validation), len(dataset.test)]


def said(dataset, word):
    return " | ".join(line for line in dataset.summary if word in line)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        *(
            (name, "train")
            for name in ("train", "Training", "TRAIN", "train_set", "trainset", "trn", "train2017", "Train-Data")
        ),
        *((name, "validation") for name in ("val", "valid", "Validation", "dev", "eval", "val_images", "devset")),
        *((name, "test") for name in ("test", "testing", "Test_Set", "test1", "tst")),
        *((name, None) for name in ("cat", "trains", "train_masks", "set", "data", "猫test", "contest", "2017")),
    ],
)
def test_the_spellings_of_splits(name, split):
    assert split_of(name) == split


def test_folders_beside_the_splits_are_passed_over_and_named(tmp_path):
    for split in ("Train", "valid", "testing"):
        fill(tmp_path / split)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.xml").write_text("<a/>")
    fill(tmp_path, ("unlabelled",), 3)
    Image.new("L", (6, 6)).save(tmp_path / "cover.png")
    dataset = load(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert sizes(dataset) == [8, 8, 8]
    passed = said(dataset, "passed over")
    assert "(images in it: 0): annotations" in passed
    assert "(images in it: 3): unlabelled" in passed
    assert "1 outside the class folders: cover.png" in passed


@pytest.mark.parametrize("beside", [(), ("annotations",)])
def test_train_alone_is_a_split_with_others_cut_from_it(tmp_path, beside):
    fill(tmp_path / "train", count=10)
    for name in beside:
        (tmp_path / name).mkdir()
    assert load(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (["val/cat", "val/dog", "test/cat", "test/dog"], "no folder train beside them"),
        (["train/cat", "train/dog", "val/cat", "val/dog", "valid/cat"], "val and .*valid could each be the validation"),
        (["train/cat", "train/dog", "Train/cat", "test/cat"], "could each be the train split"),
        (["train", "test"], "has images, but not in class folders"),
        (["train/cat", "train/dog", "test"], "test is called like a split and has images, but not in class folders"),
        (["train/steam", "train/diesel", "ship"], "rename it if it is a class"),
        (["cat/train", "cat/test", "dog/train", "dog/test"], r"cat holds splits \(test, train\)"),
        (["archive/cat", "archive/dog", "__MACOSX/cat"], r"has one class \(archive\): .* give folder:.*archive"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path, made, message):
    for name in made:
        fill(tmp_path, (name,), 3)
    with pytest.raises(SearchError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_empty_split_folder_is_refused(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test")
    (tmp_path / "val").mkdir()
    with pytest.raises(SearchError, match="val is called like a split and has no images"):
        load(tmp_path)


def test_hidden_copies_are_not_counted(tmp_path):
    fill(tmp_path)
    for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX"):
        shutil.copytree(tmp_path / "dog", tmp_path / "cat" / name)
    (tmp_path / "cat" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (tmp_path / "cat" / "._0.png").write_bytes(b"\0\5\x16\7")
    dataset = load(tmp_path)
    assert sum(sizes(dataset)) == 8
    assert "5 hidden: cat/.DS_Store, cat/._0.png, ..." in said(dataset, "passed over")
    assert not said(dataset, "same pixels")


def test_names_that_cannot_be_printed_are_escaped(tmp_path):
    fill(tmp_path, (os.fsdecode(b"caf\xe9"), "two\nlines\x1b[31m", "crème 猫"))
    (tmp_path / "crème 猫" / os.fsdecode(b".hid\xe9\n")).write_bytes(b"")
    dataset = load(tmp_path)
    assert dataset.class_names == (r"caf\udce9", "crème 猫", r"two\nlines\x1b[31m")
    assert all(line.isprintable() for line in dataset.summary)
    assert r".hid\udce9\n" in said(dataset, "passed over")


def test_linked_folders_and_files_are_used_but_not_in_circles(tmp_path):
    data, elsewhere = fill(tmp_path / "data"), fill(tmp_path / "elsewhere")
    for name in ("cat", "dog"):
        (data / name / "more").symlink_to(elsewhere / name)
    (elsewhere / "bird").symlink_to(elsewhere / "cat")
    (data / "cow").symlink_to(fill(tmp_path / "third", ("cow",)) / "cow")
    (data / "cat" / "up").symlink_to("..")
    (data / "cat" / "again").symlink_to("more")
    (data / "cat" / "linked.png").symlink_to(tmp_path / "third" / "cow" / "0.png")
    dataset = load(data)
    assert sum(sizes(dataset)) == 8 + 8 + 4 + 1
    passed = said(dataset, "passed over")
    assert "1 linked back to a folder above: cat/up" in passed
    assert "4 linked twice into one class" in passed
    assert "same pixels in two classes, 1 time" in said(dataset, "warning")


@pytest.mark.parametrize("name", ["cat/9.png", "cat/9.JPG", "cat/9.heic", "cat/more", "bird"])
@pytest.mark.parametrize("target", ["../../.annex/9", "circle"])
def test_a_broken_link_is_named(tmp_path, name, target):
    fill(tmp_path)
    (tmp_path / name).symlink_to(Path(name).name if target == "circle" else target)
    with pytest.raises(SearchError, match=rf"1 linked to nothing .*{name}"):
        load(tmp_path)


def test_a_broken_link_that_was_no_image_is_passed_over(tmp_path):
    fill(tmp_path)
    (tmp_path / "cat" / "notes.txt").symlink_to("nowhere")
    assert "1 linked to nothing" in said(load(tmp_path), "passed over")


def test_images_and_classes_are_counted(tmp_path):
    fill(tmp_path / "train", count=12)
    fill(tmp_path / "train", ("cow",), 5)
    fill(tmp_path / "val", count=3)
    fill(tmp_path / "test")
    shutil.copy(tmp_path / "train" / "cat" / "0.png", tmp_path / "test" / "cat" / "same.png")
    (tmp_path / "train" / "empty").mkdir()
    assert load(tmp_path).summary == (
        f"folder:{tmp_path}: 44 images of 3 classes: 29 train, 6 validation, 9 test",
        "per class (train + validation + test): cat: 12 + 3 + 5, cow: 5 + 0 + 0, dog: 12 + 3 + 4",
        "scale: 0 to 255 of 8-bit images becomes 0 to 1 (the highest found is 255)",
        "passed over: 1 without images: train/empty",
        "warning: 1 class has fewer than 10 images in train: cow (5)",
        "warning: 1 class has no images in validation: cow (0)",
        "warning: 1 class has no images in test: cow (0)",
        "warning: same pixels in two splits, 1 time:"
        f" {tmp_path}/test/cat/same.png (test) = {tmp_path}/train/cat/0.png (train)",
    )


@pytest.mark.parametrize(
    "names",
    [
        ("seg_train", "seg_test", "seg_pred"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("trainval", "test"),
        ("train_val", "test"),
        ("x-train", "x-val"),
    ],
)
def test_folders_that_seem_to_be_splits_do_not_become_classes(tmp_path, names):
    for name in names:
        fill(tmp_path / name)
    with pytest.raises(SearchError, match=r"seem to be splits.*call them train, validation and test"):
        load(tmp_path)


def test_classes_may_have_split_words_in_their_names_and_folders_in_them(tmp_path):
    fill(tmp_path, ("bullet_train", "test_tube"))
    assert load(tmp_path).class_names == ("bullet_train", "test_tube")
    for name in ("indoor", "outdoor"):
        fill(tmp_path / "views" / name, ("front", "back"))
    views = load_data(f"folder:{tmp_path / 'views'}", image_size=6)
    assert views.class_names == ("indoor", "outdoor")
    told = "warning: the classes indoor, outdoor hold the same folders (back, front): if they are splits"
    assert any(line.startswith(told) for line in views.summary)


def test_folders_that_are_all_linked_to_each_other_are_each_read_once(tmp_path):
    for name in ("cat", "dog"):
        for inner in "abcdefgh":
            image = tmp_path / name / inner / f"{inner}.png"
            image.parent.mkdir(parents=True)
            Image.fromarray(np.full((4, 4, 3), ord(inner), np.uint8)).save(image)
        for one, other in itertools.permutations("abcdefgh", 2):
            (tmp_path / name / one / other).symlink_to(tmp_path / name / other)
    tree = read_tree(tmp_path)
    assert sum(1 for entry in tree.everything() if entry.use == "image") < 200
    source = folder(tmp_path, 8, 3)
    assert len(source.pools["train"].labels) == 16
