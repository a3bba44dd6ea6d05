"""The files of MNIST, TFRecord files, and data sets that tensorflow_datasets prepared."""

import gzip
import io
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnas.data import examine, load_data, open_dataset, save_dataset, stored
from mnas.data.encoded import EncodedImages
from mnas.errors import SearchError

RNG = np.random.default_rng(0)
PIXELS, LABELS = RNG.integers(0, 256, (30, 9, 7), np.uint8), np.arange(30, dtype=np.uint8) % 3
FASHION = Path("/usr/share/datasets/fashion-mnist")


def load(source, **settings):
    return load_data(source, **({"image_size": 8, "channels": 1} | settings))


def as_idx(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(as_idx(PIXELS)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(as_idx(LABELS))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(as_idx(PIXELS[:6]))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(as_idx(LABELS[:6])))
    return tmp_path


def test_the_files_of_mnist(mnist):
    dataset = load(f"idx:{mnist}", image_size=9)
    assert dataset.class_names == ("0", "1", "2")
    assert (len(dataset.train) + len(dataset.validation), len(dataset.test)) == (30, 6)
    assert np.array_equal(dataset.test.labels, LABELS[:6])


def test_a_test_split_may_be_absent(mnist):
    for path in mnist.glob("t10k*"):
        path.unlink()
    assert len(load(f"idx:{mnist}").test) > 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte", None, "has neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz"),
        ("train-labels-idx1-ubyte", b"", "is not an IDX file: it begins with nothing"),
        ("train-labels-idx1-ubyte", b"\x89PNG", "is not an IDX file: it begins with 89 50 4e 47"),
        ("train-labels-idx1-ubyte", as_idx(PIXELS), r"begins with 00 00 08 03: 00 00 08 01 is needed"),
        ("train-labels-idx1-ubyte", b"\0\0\x0d\x01\0\0\0\1\0\0\0\0", "begins with 00 00 0d 01: 00 00 08 01"),
        ("train-labels-idx1-ubyte", as_idx(LABELS)[:-1], "is cut short"),
        ("train-labels-idx1-ubyte", as_idx(LABELS)[:6], "is cut short"),
        ("train-labels-idx1-ubyte", as_idx(LABELS) + b"\0", "goes on after the 30 bytes that its header tells of"),
        ("train-labels-idx1-ubyte", as_idx(LABELS[:29]), "holds 30 images, and train-labels-idx1-ubyte 29 labels"),
        ("train-images-idx3-ubyte.gz", gzip.compress(as_idx(PIXELS))[:-20], "is not a whole gzip file"),
        ("train-images-idx3-ubyte.gz", as_idx(PIXELS), "is not a whole gzip file"),
        ("train-images-idx3-ubyte.gz", b"\0\0\x08\x03" + b"\xff" * 12, "is not a whole gzip file"),
        ("t10k-labels-idx1-ubyte.gz", None, "has neither t10k-labels-idx1-ubyte nor"),
    ],
)
def test_files_of_mnist_that_cannot_be_used_are_one_line(mnist, name, content, message):
    if content is None:
        (mnist / name).unlink()
    else:
        (mnist / name).write_bytes(content)
    with pytest.raises(SearchError, match=message) as caught:
        load(f"idx:{mnist}")
    assert "\n" not in str(caught.value)


def test_a_header_that_promises_more_than_memory_holds_is_cut_short(mnist):
    (mnist / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12))
    with pytest.raises(SearchError, match="is cut short"):
        load(f"idx:{mnist}")


def test_fashion_mnist():
    if not FASHION.is_dir():
        if os.environ.get("MNAS_NO_SKIP") == "1":
            raise RuntimeError(f"no {FASHION}, and MNAS_NO_SKIP forbids to skip")
        pytest.skip(f"needs {FASHION} (the Debian package dataset-fashion-mnist)")
    dataset = load(f"idx:{FASHION}", image_size=28, limit=2000)
    assert dataset.classes == 10
    assert dataset.input_shape == (28, 28, 1)
    assert sum(len(split) for split in (dataset.train, dataset.validation, dataset.test)) == 2000


def encoded(number, kind="JPEG"):
    grain = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(grain).resize((30, 20), Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def example(image, label, text=None, keys=("image/encoded", "image/class/label", "image/class/text")):
    import tensorflow as tf

    features = {keys[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))}
    features[keys[1]] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    if text is not None:
        features[keys[2]] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_records(path, records):
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for record in records:
            file.write(record)


@pytest.fixture
def flowers(tmp_path):
    """Two shards to train on and one for validation; labels from 1, as many such files have them."""
    root, names = tmp_path / "flowers", {1: "daisy", 2: "rose"}
    for shard in (0, 1):
        records = [example(encoded(n, "PNG" if n == 3 else "JPEG"), 1 + n % 2, names[1 + n % 2]) for n in range(8)]
        write_records(root / f"train-{shard:05}-of-00002", records if shard else records[:0:-1])
    write_records(root / "validation-00000-of-00001", [example(encoded(90 + n), 1 + n % 2) for n in range(4)])
    return root


def test_tfrecord_files(flowers):
    dataset = load(f"tfrecord:{flowers}", channels=3)
    assert dataset.class_names == ("daisy", "rose")
    assert (len(dataset.train) + len(dataset.test), len(dataset.validation)) == (15, 4)
    assert dataset.validation.labels.tolist() == [0, 1, 0, 1]
    whole = Image.open(io.BytesIO(encoded(91))).crop((5, 0, 25, 20)).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.abs(dataset.validation.inputs[1:2] - np.asarray(whole) / 255).max() < 0.04


def test_a_pattern_chooses_files(flowers):
    dataset = load(f"tfrecord:{flowers}/train-*")
    assert len(dataset.train) + len(dataset.validation) + len(dataset.test) == 15


def test_an_index_finds_images_in_tfrecord_files(flowers, tmp_path, monkeypatch):
    copied = load(f"tfrecord:{flowers}", channels=3)
    for module in (examine, stored):
        monkeypatch.setattr(module, "COPY_BYTES", 0)
    save_dataset(load(f"tfrecord:{flowers}", channels=3), tmp_path / "data")
    index = open_dataset(tmp_path / "data")
    assert isinstance(index.train.inputs, EncodedImages)
    assert np.array_equal(index.train.inputs[:], copied.train.inputs[:])
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (4, 1))
    assert index.validation.inputs.parts(np.arange(4), boxes, np.arange(4) > 1).shape == (4, 8, 8, 3)
    os.utime(flowers / "validation-00000-of-00001", (1, 1))
    with pytest.raises(SearchError, match="validation-00000-of-00001 has changed since"):
        index.validation.inputs[:1]


@pytest.mark.parametrize("harm", ["cut", "flipped", "missing shard", "no split", "no features", "no image", "not one"])
def test_tfrecord_files_that_cannot_be_used_are_one_line(flowers, harm):
    first = flowers / "train-00000-of-00002"
    content = first.read_bytes()
    message = r"train-00000-of-00002 is damaged, cut short or compressed at byte \d+"
    if harm == "cut":
        first.write_bytes(content[:-30])
    elif harm == "flipped":
        first.write_bytes(content[:700] + bytes([content[700] ^ 1]) + content[701:])
    elif harm == "missing shard":
        first.unlink()
        message = "train-00001-of-00002 is one of 2 files, and train-00000-of-00002 is missing"
    elif harm == "no split":
        write_records(flowers / "more.tfrecord", [example(encoded(0), 1)])
        message = r"which split is .*more\.tfrecord"
    elif harm == "no features":
        write_records(first, [example(encoded(0), 1, keys=("image", "label", ""))])
        message = "train-00000-of-00002, record 0 has no feature image/encoded: it has image, label"
    elif harm == "no image":
        write_records(first, [example(encoded(0), 1), example(b"junk", 2)])
        message = r"train-00000-of-00002 \(image at byte \d+\) is not an image that can be read"
    else:
        write_records(first, [b"\xff\xff\xff"])
        message = r"record 0 is not a tf\.train\.Example"
    with pytest.raises(SearchError, match=message) as caught:
        load(f"tfrecord:{flowers}")
    assert "\n" not in str(caught.value)


@pytest.fixture
def prepared(tmp_path):
    """A data set as tensorflow_datasets leaves it, one folder deep."""
    root = tmp_path / "pets" / "1.0.0"
    for split, shards in (("train", 2), ("test", 1)):
        for shard in range(shards):
            records = [example(encoded(10 * shard + n), n % 2, keys=("image", "label", "")) for n in range(6)]
            write_records(root / f"pets-{split}.tfrecord-{shard:05}-of-{shards:05}", records)
    splits = [{"name": "train", "shardLengths": ["6", "6"]}, {"name": "test", "shardLengths": ["6"]}]
    splits.append({"name": "unlabelled", "shardLengths": ["1"]})
    (root / "dataset_info.json").write_text(json.dumps({"name": "pets", "fileFormat": "tfrecord", "splits": splits}))
    module = "tensorflow_datasets.core.features"
    features = {
        "file_name": {"pythonClassName": f"{module}.text_feature.Text"},
        "image": {"pythonClassName": f"{module}.image_feature.Image"},
        "label": {"pythonClassName": f"{module}.class_label_feature.ClassLabel", "classLabel": {"numClasses": "2"}},
    }
    (root / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    (root / "label.labels.txt").write_text("cat\ndog\n")
    return root


def test_a_prepared_data_set(prepared):
    dataset = load(f"tfds:{prepared}")
    assert dataset.class_names == ("cat", "dog")
    assert (len(dataset.train) + len(dataset.validation), len(dataset.test)) == (12, 6)
    assert "passed over: the splits unlabelled" in dataset.summary
    assert load(f"tfds:{prepared.parent.parent}").class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda root: (root / "dataset_info.json").unlink(), "there is no dataset_info.json in it or below"),
        (lambda root: (root / "dataset_info.json").write_text("[]"), "is not as tensorflow_datasets writes it"),
        (lambda root: (root / "features.json").write_text("{}"), "is not as tensorflow_datasets writes it"),
        (lambda root: (root / "pets-train.tfrecord-00001-of-00002").unlink(), "1 of the files of .* missing: .*00001"),
        (
            lambda root: (root / "dataset_info.json").write_text('{"fileFormat": "array_record"}'),
            "is in the format array_record: prepare it as tfrecord",
        ),
    ],
)
def test_a_prepared_data_set_that_cannot_be_used_is_one_line(prepared, harm, message):
    harm(prepared)
    with pytest.raises(SearchError, match=message) as caught:
        load(f"tfds:{prepared}")
    assert "\n" not in str(caught.value)
