"""One scale for all images of a data set, whatever their files hold."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mnas.data import load_data
from mnas.errors import SearchError

GREYS = [np.random.default_rng(seed).integers(0, 256, (6, 6)) for seed in range(8)]
GREYS[0][0, 0] = 255


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def png16(path, values):
    """16-bit RGB, which Pillow does not write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = b"".join(b"\0" + np.repeat(row.astype(">u2"), 3).tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )


def make(root, convert, writer=save, ending="png"):
    for index, grey in enumerate(GREYS):
        writer(root / "ab"[index % 2] / f"{index}.{ending}", convert(grey))
    return root


def load(root, channels=1):
    return load_data(f"folder:{root}", image_size=6, channels=channels)


def pixels(dataset):
    found = np.concatenate([dataset.train.images, dataset.validation.images, dataset.test.images])[..., 0]
    return found[np.argsort(found.sum(axis=(1, 2)))]


def expected(scale=255):
    found = np.stack(GREYS).astype(np.float32) / scale
    return found[np.argsort(found.sum(axis=(1, 2)))]


def scale_line(dataset):
    return next(line for line in dataset.summary if line.startswith("scale:"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("convert", "ending", "said"),
    [
        (lambda g: g.astype(np.uint8), "png", "0 to 255 of 8-bit images"),
        (lambda g: (g / 255).astype(np.float32), "tif", "0 to 1 of float images"),
        (lambda g: (g * 1.0).astype(np.float32), "tif", "0 to 255 of float images"),
        (lambda g: (g * 257.0).astype(np.float32), "tif", "0 to 65535 of float images"),
        (lambda g: (g * 257).astype(np.uint16), "png", "0 to 65535 of 16-bit images"),
        (lambda g: (g * 257).astype(np.uint16), "tif", "0 to 65535 of 16-bit images"),
        (lambda g: (g * 257).astype(">u2"), "tif", "0 to 65535 of 16-bit images"),
        (lambda g: (g * 257).astype(np.uint16), "pgm", "0 to 65535 of 16-bit images"),
        (lambda g: g.astype(np.uint16), "png", "0 to 255 of 16-bit images"),
        (lambda g: np.rint(g / 255 * 4095).astype(np.uint16), "png", "0 to 4095 of 16-bit images"),
        (lambda g: np.rint(g / 255 * 1023).astype(np.uint16), "tif", "0 to 1023 of 16-bit images"),
        (lambda g: (g * 257).astype(np.int32), "tif", "0 to 65535 of integer images"),
    ],
)
def test_equal_greys_stay_equal(tmp_path, convert, ending, said, channels):
    dataset = load(make(tmp_path, convert, ending=ending), channels)
    assert np.abs(pixels(dataset) - expected()).max() < 0.001
    assert said in scale_line(dataset)


def test_dark_files_stay_dark(tmp_path):
    make(tmp_path, lambda g: (g * 16).astype(np.uint16))
    save(tmp_path / "a" / "dark.png", np.full((6, 6), 200, np.uint16))
    save(tmp_path / "a" / "black.png", np.full((6, 6), 3, np.uint16))
    dataset = load(tmp_path)
    assert np.isclose(pixels(dataset)[1], 200 / 4095).all()
    assert any("warning: 1 of 10 are black" in line and "black.png" in line for line in dataset.summary)


@pytest.mark.parametrize(
    "writers",
    [
        [lambda g: (g > 99).astype(np.uint8)],
        [lambda g: g > 99],
        [lambda g: (g > 99).astype(np.uint8), lambda g: g > 99],
        [lambda g: np.repeat((g > 99).astype(np.uint8)[..., None], 3, axis=2)],
    ],
)
def test_masks_are_white_where_they_are_set(tmp_path, writers):
    for index, grey in enumerate(GREYS):
        save(tmp_path / "ab"[index % 2] / f"{index}.png", writers[index % len(writers)](grey))
    found = pixels(load(tmp_path))
    assert set(np.unique(found)) == {0, 1}
    assert found.sum() == sum((grey > 99).sum() for grey in GREYS)


def test_few_grey_levels_keep_their_steps_while_resized(tmp_path):
    make(tmp_path, lambda g: (g // 16).astype(np.uint8))
    dataset = load_data(f"folder:{tmp_path}", image_size=3, channels=1)
    assert "0 to 15 of 8-bit images" in scale_line(dataset)
    assert len(np.unique(pixels(dataset))) > 16


def test_one_set_of_8_and_of_full_16_bits(tmp_path):
    make(tmp_path, lambda g: g.astype(np.uint8))
    save(tmp_path / "a" / "0.png", (GREYS[0] * 257).astype(np.uint16))
    dataset = load(tmp_path)
    assert np.abs(pixels(dataset) - expected()).max() < 0.001
    assert "0 to 65535 of 16-bit images" in scale_line(dataset)
    assert "0 to 255 of 8-bit images" in scale_line(dataset)


@pytest.mark.parametrize(
    ("convert", "first", "message"),
    [
        (lambda g: g.astype(np.uint8), lambda g: (g * 16).astype(np.uint16), r"no scale in common: .*a/0\.tif"),
        (lambda g: g.astype(np.float32), lambda g: (g / 255).astype(np.float32), r"floats up to 1 in .*a/0\.tif"),
        (lambda g: (g / 255).astype(np.float32), lambda g: (g / 99).astype(np.float32), r"2\.57\d+ \(in .*a/0\.tif"),
        (lambda g: (g / 255).astype(np.float32), lambda g: (g * 1e6).astype(np.float32), r"a/0\.tif.* fits no scale"),
        (lambda g: g.astype(np.float32), lambda g: (g / 127 - 1).astype(np.float32), r"a/0\.tif has values from -1 to"),
        (
            lambda g: g.astype(np.float32),
            lambda g: np.full((6, 6), np.nan, np.float32),
            r"a/0\.tif has values that",
        ),
        (lambda g: g.astype(np.float32), lambda g: (g / 0.0).astype(np.float32), r"a/0\.tif has values"),
        (lambda g: g.astype(np.int32), lambda g: (g * 100000).astype(np.int32), r"a/0\.tif.* fits no scale"),
        (lambda g: g.astype(np.int32), lambda g: (g - 9).astype(np.int32), r"a/0\.tif has values from -9"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_has_no_honest_scale_is_refused(tmp_path, convert, first, message):
    make(tmp_path, convert, ending="tif")
    save(tmp_path / "a" / "0.tif", first(GREYS[0]))
    with pytest.raises(SearchError, match=message) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_16_bit_colours(tmp_path):
    dataset = load(make(tmp_path / "full", lambda g: g * 257, png16), 3)
    assert np.abs(pixels(dataset) - expected()).max() < 0.01
    for factor in (1, 16):
        make(tmp_path / f"times {factor}", lambda g, factor=factor: g * factor, png16)
        with pytest.raises(SearchError, match=r"16-bit colour .*\.png.*convert them to 8 bits"):
            load(tmp_path / f"times {factor}")


def test_white_may_be_0_at_8_bits_only(tmp_path):
    for folder, kind in (("8", np.uint8), ("16", np.uint16)):
        for index, grey in enumerate(GREYS):
            path = tmp_path / folder / "ab"[index % 2] / f"{index}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = (255 - grey).astype(np.uint8) if kind is np.uint8 else (65535 - grey * 257).astype(np.uint16)
            Image.fromarray(values).save(path)
            data = path.read_bytes()
            black_is_zero = struct.pack("<HHIH", 262, 3, 1, 1)
            assert data.count(black_is_zero) == 1
            path.write_bytes(data.replace(black_is_zero, struct.pack("<HHIH", 262, 3, 1, 0)))
    assert np.abs(pixels(load(tmp_path / "8")) - expected()).max() < 0.001
    with pytest.raises(SearchError, match=r"\.tif is a TIFF in which 0 is white"):
        load(tmp_path / "16")


def test_rounding_does_not_change_the_scale(tmp_path):
    make(tmp_path, lambda g: (g / 255 * 1.0005 - 1e-4).astype(np.float32), ending="tif")
    found = pixels(load(tmp_path))
    assert found.min() == 0
    assert found.max() == 1
