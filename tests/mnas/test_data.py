"""Real sources, real splits."""

import subprocess
import sys

import numpy as np
import pytest

from mnas.data import load_data, open_dataset, save_dataset
from mnas.errors import SearchError


def fingerprint(split):
    return {image.tobytes() for image in split.images}


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", image_size=8, channels=1, validation_share=0.2, test_share=0.1, seed=3)


def test_digits_are_divided_class_by_class(digits):
    assert digits.classes == 10
    assert digits.input_shape == (8, 8, 1)
    counts = [len(digits.train), len(digits.validation), len(digits.test)]
    assert sum(counts) == 1797
    for split, share in ((digits.validation, 0.2), (digits.test, 0.1)):
        per_class = np.bincount(split.labels) / np.bincount(
            np.concatenate([digits.train.labels, digits.validation.labels, digits.test.labels])
        )
        assert np.abs(per_class - share).max() < 0.004
    assert digits.train.images.dtype == np.float32
    assert digits.train.labels.dtype == np.int64
    assert digits.train.images.min() == 0
    assert digits.train.images.max() == 1


def test_the_splits_share_no_image(digits):
    # A few of the scans are equal by nature: far fewer than an index in two splits would make.
    assert len(fingerprint(digits.train) & fingerprint(digits.test)) < 3
    assert len(fingerprint(digits.train) & fingerprint(digits.validation)) < 3


def test_the_seed_alone_decides(digits):
    settings = {"image_size": 8, "channels": 1, "validation_share": 0.2, "test_share": 0.1}
    again, other = load_data("digits", seed=3, **settings), load_data("digits", seed=4, **settings)
    assert np.array_equal(again.train.images, digits.train.images)
    assert np.array_equal(again.test.labels, digits.test.labels)
    assert fingerprint(other.test) != fingerprint(digits.test)


def test_digits_grow_and_get_colours():
    grown = load_data("digits", image_size=20, channels=3, limit=200)
    assert grown.input_shape == (20, 20, 3)
    assert np.array_equal(grown.train.images[..., 0], grown.train.images[..., 2])
    assert 0 <= grown.train.images.min() <= grown.train.images.max() <= 1


def test_a_limit_keeps_every_class_in_proportion():
    small = load_data("digits", image_size=8, channels=1, limit=100)
    assert len(small.train) + len(small.validation) + len(small.test) == 100
    assert np.bincount(small.train.labels).min() >= 6
    assert np.bincount(small.test.labels, minlength=10).min() >= 1


def test_a_stored_set_comes_back(digits, tmp_path):
    save_dataset(digits, tmp_path / "data")
    again = open_dataset(tmp_path / "data")
    assert again.class_names == digits.class_names
    assert again.name == "digits"
    assert again.summary == digits.summary
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(again, name).images, getattr(digits, name).images)
        assert np.array_equal(getattr(again, name).labels, getattr(digits, name).labels)


def test_what_a_killed_process_left_is_removed(digits, tmp_path):
    left = tmp_path / ".train-images.npy.0123456789ab.aside"
    left.write_bytes(bytes(9))
    save_dataset(digits, tmp_path)
    assert not left.exists()
    assert len(open_dataset(tmp_path).train) == len(digits.train)


def test_a_full_disk_leaves_nothing(tmp_path):
    """A limit on the size of files stands for it: the system's error differs in its text alone."""
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from mnas.data import load_data, save_dataset; from mnas.errors import RunFailed\n"
        "digits = load_data('digits', image_size=16)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: save_dataset(digits, Path(sys.argv[1]))\n"
        "except RunFailed as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == f"cannot write {tmp_path / 'train-images.npy'}: File too large\n"
    assert not [*tmp_path.iterdir()]


def test_a_set_stored_before_there_were_summaries_opens(digits, tmp_path):
    save_dataset(digits, tmp_path)
    (tmp_path / "dataset.json").write_text('{"name": "digits", "class_names": ["0"]}')
    assert open_dataset(tmp_path).summary == ()


@pytest.mark.parametrize("damage", ["missing", "short", "not json", "no key"])
def test_a_damaged_store_is_one_line(digits, tmp_path, damage):
    save_dataset(digits, tmp_path)
    if damage == "missing":
        (tmp_path / "test-labels.npy").unlink()
    elif damage == "short":
        (tmp_path / "train-images.npy").write_bytes(b"\x93NUMPY\x01\x00")
    else:
        (tmp_path / "dataset.json").write_text("{}" if damage == "no key" else "{")
    with pytest.raises(SearchError, match=str(tmp_path)):
        open_dataset(tmp_path)


KINDS = ("folder", "npz", "idx", "tfrecord", "tfds")


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        ("imagenet", {}, "no data source 'imagenet'"),
        ("folder:", {}, "no data source 'folder:'"),
        ("digits:8", {}, "no data source 'digits:8'"),
        ("folder:/no/such", {}, "no folder /no/such"),
        *((f"{kind}:/{'x' * 5000}", {}, f"cannot read '{kind}:/x+.*: File name too long") for kind in KINDS),
        ("npz:/no/such.npz", {}, "no file /no/such.npz"),
        ("keras:imagenet", {}, "no data set keras:imagenet"),
        ("digits", {"channels": 2}, "channels are 1 or 3"),
        ("digits", {"limit": 0}, "leaves none"),
        ("digits", {"limit": 25}, "3 are needed"),
        ("digits", {"test_share": 0.6, "validation_share": 0.4}, "leave no image to train on"),
        ("digits", {"test_share": 0.0}, "the test share is 0"),
    ],
)
def test_bad_requests_are_one_line(source, settings, message):
    with pytest.raises(SearchError, match=message) as caught:
        load_data(source, **({"image_size": 8, "channels": 1} | settings))
    assert "\n" not in str(caught.value)


def test_a_set_that_cannot_be_downloaded_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("tf_keras")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SearchError, match=r"keras:mnist is not in .* its download failed") as caught:
        load_data("keras:mnist", image_size=28, channels=1)
    assert "\n" not in str(caught.value)


def test_images_that_no_memory_holds_are_refused_before_any_is_read():
    with pytest.raises(SearchError, match=r"images of 1000000x1000000 pixels take .* GiB, and this machine has"):
        load_data("digits", image_size=1_000_000)
