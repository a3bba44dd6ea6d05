"""Files that are odd, broken, hostile or of another kind: used, passed over and counted, or named."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnas.data import load_data
from mnas.errors import SearchError

RNG = np.random.default_rng(0)


def noise(size=(8, 8)):
    return Image.fromarray(RNG.integers(0, 256, (*size, 3), np.uint8))


@pytest.fixture
def pets(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(4):
            noise().save(tmp_path / name / f"{index}.png")
    return tmp_path


def load(where, **settings):
    return load_data(f"folder:{where}", **({"image_size": 8} | settings))


def count(dataset):
    return len(dataset.train) + len(dataset.validation) + len(dataset.test)


def complaint(where):
    try:
        load(where)
    except SearchError as error:
        return str(error)
    return ""


def passed_over(dataset):
    return next(line for line in dataset.summary if line.startswith("passed over"))


def dds(pixel_format):
    header = (
        struct.pack("<5I", 124, 0x1007, 16, 16, 0) + bytes(52) + struct.pack("<II4s5I", 32, 4, pixel_format, *[0] * 5)
    )
    return b"DDS " + header + struct.pack("<5I", 0x1000, 0, 0, 0, 0) + bytes(256)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, *extra, pixels=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("features.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), r"not meant as images \(\.h5 1\)"),
        ("clip.mpg", b"\0\0\1\xba" + bytes(100), r"not meant as images \(\.mpg 1\)"),
        ("tex.dds", dds(b"ATI9"), r"not readable \(\.dds\)"),
        ("weather.grib", b"GRIB" + bytes(100), r"\.grib 1"),
        ("figure.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", r"\.eps 1"),
        ("photo.psd", b"8BPS" + bytes(40), r"not readable \(\.psd\)"),
        ("star.fits", b"SIMPLE  =", r"not readable \(\.fits\)"),
        ("labels.csv", b"P5 is not a picture", r"\.csv 1"),
        ("notes.txt", b"BM", r"\.txt 1"),
        ("page.html", b"<!DOCTYPE html>", r"\.html 1"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"\.db 1"),
        ("model.bin", bytes(300), r"\.bin 1"),
        ("code.h", b"#define x_width 8\n#define x_height 8\n", r"\.h 1"),
        ("LICENSE", b"", "no ending 1"),
    ],
)
def test_files_of_other_kinds_are_passed_over_and_said(pets, name, content, said):
    (pets / "cat" / name).write_bytes(content)
    dataset = load(pets)
    assert count(dataset) == 8
    found = passed_over(dataset)
    assert name in found
    assert re.search(said, found)


def test_what_is_neither_file_nor_folder_is_passed_over(pets):
    os.mkfifo(pets / "cat" / "pipe.png")
    (pets / "cat" / "folder.png").mkdir()
    noise().save(pets / "cat" / "folder.png" / "deep.JFIF", format="JPEG")
    dataset = load(pets)
    assert count(dataset) == 9
    assert "1 neither file nor folder: cat/pipe.png" in passed_over(dataset)


def test_the_first_of_several_pictures_is_used(pets):
    shade = [Image.new("L", (8, 8), grey) for grey in (250, 3, 2)]
    for name in ("a.gif", "a.webp", "a.tif", "a.png"):
        shade[0].save(pets / "cat" / name, save_all=True, append_images=shade[1:])
    dataset = load(pets)
    assert count(dataset) == 12
    assert any("of which the first is used: 4" in line for line in dataset.summary)
    images = np.concatenate([dataset.train.images, dataset.validation.images, dataset.test.images])
    assert (images.min(axis=(1, 2, 3)) > 0.95).sum() == 4


def odd_exif(kind, orientation=6):
    """An orientation, and a resolution that Pillow cannot write again."""
    entries = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0) + struct.pack("<HHII", 0x11A, kind, 2, 38)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + struct.pack("<iiii", -1, 0, 1, 2)


@pytest.mark.parametrize("kind", [10, 5, 2, 7, 12, 99])
def test_odd_metadata_does_not_matter(tmp_path, kind):
    upright = np.zeros((16, 16, 3), np.uint8)
    upright[:8] = 255
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.fromarray(np.rot90(upright)).save(tmp_path / name / f"{index}.jpg", exif=odd_exif(kind))
    images = load(tmp_path, image_size=16).train.images
    assert images[:, :7].min() > 0.9
    assert images[:, 9:].max() < 0.1


def bomb_of_text():
    return png(4, 4, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2_000_000))), pixels=bytes(20))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("huge.png", png(60_000, 60_000), "is too large to be decoded safely .*: make it smaller or move it"),
        ("huge.webp", png(60_000, 60_000), "is too large to be decoded safely"),
        ("huge", png(60_000, 60_000), "is too large to be decoded safely"),
        ("text.png", bomb_of_text(), "is not an image that can be read"),
        ("zero.jpg", b"", r"is not an image that can be read \(it is empty\)"),
        ("page.jpg", b"<!DOCTYPE html>", "its format is not known, or this variant of it"),
        ("flat.png", png(0, 0), "is not an image that can be read"),
        ("cut.tif", b"II*\0\x08\0\0\0", "is not an image that can be read"),
        ("cut", b"\x89PNG\r\n\x1a\n\0", "is not an image that can be read"),
        ("cut.pgm", b"P5 8 8 255\n123", "is not an image that can be read"),
        ("lie.bmp", dds(b"ATI9"), "is not an image that can be read .*[Pp]ixel format"),
        ("line\nbreak\x1b[31m.png", b"", r"line\\nbreak\\x1b\[31m\.png is not an image"),
        (os.fsdecode(b"caf\xe9.png"), b"", r"caf\\udce9\.png is not an image"),
        ("raw.CR2", b"II*\0", r"1 of a kind that is not read \(\.cr2; convert to PNG or JPEG\): .*raw\.CR2"),
        ("scan.dcm", b"", r"\.dcm"),
        ("new.jxl", b"\xff\x0a", r"\.jxl"),
    ],
)
def test_what_was_meant_as_an_image_is_named(pets, name, content, message):
    (pets / "cat" / name).write_bytes(content)
    with pytest.raises(SearchError, match=message) as caught:
        load(pets)
    assert str(caught.value).isprintable()
    assert str(caught.value).isascii()


def test_damaged_files_are_named_whatever_the_decoder_raises(pets):
    """Small files of many formats, with three bytes of their first 200 changed."""
    for ending in ("png", "gif", "webp", "tif", "bmp", "ppm", "tga", "jp2", "avif", "jpg"):
        path = pets / "cat" / f"odd.{ending}"
        noise().save(path)
        whole = path.read_bytes()
        for _ in range(25):
            damaged = bytearray(whole)
            for place in RNG.integers(0, min(len(whole), 200), 3):
                damaged[place] = RNG.integers(0, 256)
            path.write_bytes(damaged)
            said = complaint(pets)
            assert not said or path.name in said
        path.unlink()


@pytest.mark.filterwarnings("error")
def test_warnings_turned_into_errors_lose_no_image(pets):
    noise().save(pets / "cat" / "odd.jpg", exif=odd_exif(10)[:-10])
    palette = noise().quantize(4)
    palette.save(pets / "cat" / "palette.png", transparency=bytes(4))
    assert count(load(pets)) == 10


def test_files_and_folders_without_permission_are_named():
    if os.geteuid():
        pytest.skip("needs root, to become a user whom the files do not belong to")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for child in ("cat", "dog"):
            (root / child).mkdir()
            for index in range(3):
                noise().save(root / child / f"{index}.png")
        root.chmod(0o755)
        for path, message in (
            (root / "cat" / "1.png", "1.png cannot be read"),
            (root / "dog", "1 not accessible .*dog"),
        ):
            mode = path.stat().st_mode
            path.chmod(0)
            os.seteuid(65534)
            try:
                with pytest.raises(SearchError, match=message):
                    load(root)
            finally:
                os.seteuid(0)
                path.chmod(mode)


HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(400)


def test_heic_without_its_package_is_refused(pets):
    names = ["IMG_1.HEIC", "IMG_2.heif", "IMG_3.hif", "IMG_4", "IMG_5.jpg"]
    for name in names:
        (pets / "cat" / name).write_bytes(HEIC)
    program = (
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from mnas.data import load_data; from mnas.errors import SearchError\n"
        "from pathlib import Path\n"
        "for _ in range(5):\n"
        "    try: load_data('folder:' + sys.argv[1], image_size=8)\n"
        "    except SearchError as error:\n"
        "        print(error)\n"
        "        [path.unlink() for path in Path(sys.argv[1]).rglob('IMG*') if path.name in str(error)]"
    )
    said = subprocess.run([sys.executable, "-c", program, pets], capture_output=True, text=True, check=True).stdout
    assert "4 HEIC, which the optional package pillow-heif reads" in said
    assert "IMG_5.jpg is HEIC, which the optional package" in said
    assert not [*pets.rglob("IMG*")]


def test_heic_with_its_package_is_used(pets):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    Image.new("RGB", (64, 64), (255, 255, 255)).save(pets / "cat" / "IMG_1.HEIC")
    (pets / "cat" / "IMG_1.HEIC").rename(pets / "cat" / "IMG_2.jpg")
    Image.new("RGB", (64, 64), (255, 255, 255)).save(pets / "dog" / "IMG_1.HEIC")
    assert count(load(pets)) == 10
    (pets / "dog" / "IMG_3.HEIC").write_bytes(HEIC)
    with pytest.raises(SearchError, match=r"IMG_3\.HEIC is not an image that can be read"):
        load(pets)
