"""Damaged image files in a folder of classes, read as `folder:DIR` is."""

import os
import re
import struct
import warnings
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fuzzing.cases import TOKEN, Case, Kind, Wrong
from fuzzing.damage import damaged_bytes
from mnas.data import Dataset, load_data

_SIDE = 16
_EACH = 4
_ODD_NAMES = (
    f"{TOKEN}\n.png",
    f"{TOKEN}\x1b[31m.png",
    f"{TOKEN}\udce9.png",
    f"{TOKEN} '\";$.png",
    f"{TOKEN}\t%s{{}}.png",
)
_SUFFIXES = (
    ".png",
    ".PNG",
    ".jpg",
    ".jpeg",
    ".gif",
    ".bmp",
    ".tif",
    ".webp",
    ".heic",
    ".dat",
    ".txt",
    "",
    ".h5",
    ".mpg",
    ".dds",
)
_WAYS = ("link", "dangling", "pipe", "sub-folder", "split", "linked folder")


def passed_over(dataset: Dataset) -> int:
    """How many files the data set says it passed over; the one place here that reads its summary."""
    lines = [line for line in getattr(dataset, "summary", ()) if line.startswith("passed over: ")]
    return sum(int(count) for line in lines for count in re.findall(r"(?:passed over: |; )(\d+) ", line))


def use(case: Case, folder: Path) -> None:
    """Loads two classes of sound images with the damaged one among them, and counts."""
    root, (way, channels) = folder / "set", case.words
    sound = [
        root / split / name / f"{number}.png" for split in _splits(way) for name in "ab" for number in range(_EACH)
    ]
    for number, path in enumerate(sound):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_plain(number))
    _place(case, way, sound[-1].parent, folder)
    dataset = load_data(f"folder:{root}", image_size=8, channels=int(channels))
    splits = (dataset.train, dataset.validation, dataset.test)
    for split in splits:
        if split.images.shape != (len(split), 8, 8, int(channels)) or split.images.dtype != np.float32:
            raise Wrong(f"images of another shape: {split.images.shape}, {split.images.dtype}")
        if not (np.isfinite(split.images).all() and split.images.min() >= 0 and split.images.max() <= 1):
            raise Wrong(f"values outside [0, 1]: {split.images.min()} to {split.images.max()}")
    read, passed = sum(map(len, splits)), passed_over(dataset)
    if read + passed != len(sound) + 1:
        raise Wrong(f"silent loss ({_loss(case, way)}): {len(sound) + 1} files, {read} read, {passed} passed over")


def _loss(case: Case, way: str) -> str:
    return way or f"content of {_format(case.content)}, name {Path(case.name).suffix.lower() or 'without an ending'}"


def _format(content: bytes) -> str:
    """What Pillow opens the bytes as, for telling silent losses apart."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(content)) as image:
                return str(image.format)
        except Exception:
            return "no image"


def _splits(way: str) -> tuple[str, ...]:
    return ("train", "val") if way == "split" else (".",)


def _place(case: Case, way: str, where: Path, outside: Path) -> None:
    """Puts the file into a class's folder, in a plain way or another."""
    path = Path(os.fsdecode(os.fsencode(where / case.name)))
    match way:
        case "link":
            (outside / case.name).write_bytes(case.content)
            path.symlink_to(outside / case.name)
        case "dangling":
            path.symlink_to(outside / "gone")
        case "pipe":
            os.mkfifo(path)
        case "sub-folder":
            (where / "deeper").mkdir()
            (where / "deeper" / case.name).write_bytes(case.content)
        case "linked folder":
            (outside / "elsewhere").mkdir()
            (outside / "elsewhere" / case.name).write_bytes(case.content)
            (where / "linked").symlink_to(outside / "elsewhere")
        case _:
            path.write_bytes(case.content)


@cache
def _plain(number: int) -> bytes:
    return _written(_picture("RGB", number), "PNG")


def _picture(mode: str, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(1, 255, (_SIDE, _SIDE, 4)).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
    picture = Image.fromarray(pixels)
    if mode == "PA":
        return picture.convert("RGB").quantize(16).convert("PA")
    return picture.convert("RGB").quantize(16) if mode == "P" else picture.convert(mode)


def _written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
}
_RARE = {
    "PPM": "L",
    "TGA": "RGB",
    "PCX": "RGB",
    "SGI": "RGB",
    "JPEG2000": "RGB",
    "AVIF": "RGB",
    "QOI": "RGB",
    "ICO": "RGBA",
}
_RARE |= {"DDS": "RGBA", "XBM": "1", "MSP": "1", "ICNS": "RGBA", "SPIDER": "F", "DIB": "RGB", "BLP": "P"}
_ENDS = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "SPIDER": ".spider"}


@cache
def common() -> dict[str, tuple[bytes, ...]]:
    """Sound files of the formats that people have."""
    made = {kind: [_written(_picture(mode), kind) for mode in modes] for kind, modes in _MODES.items()}
    grey, colour, wide = _picture("L"), _picture("RGB"), _picture("RGBA")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        made[kind].append(_written(colour, kind, exif=exif))
    made["JPEG"] += [
        _written(colour, "JPEG", progressive=True),
        _written(colour, "MPO", save_all=True, append_images=[colour]),
    ]
    made["PNG"] += [
        _written(_picture("P"), "PNG", transparency=bytes(range(16))),
        _written(grey, "PNG", transparency=3),
    ]
    made["PNG"].append(_written(wide, "PNG", save_all=True, append_images=[wide.rotate(90)]))
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        made["TIFF"].append(_written(colour, "TIFF", compression=name))
    made["TIFF"].append(_written(_picture("RGB", 1), "TIFF", save_all=True, append_images=[_picture("L", 1)]))
    made["GIF"].append(_written(colour, "GIF", save_all=True, append_images=[colour.rotate(90)], loop=0))
    made["WEBP"] += [
        _written(wide, "WEBP", lossless=True),
        _written(wide, "WEBP", save_all=True, append_images=[colour]),
    ]
    return {kind: tuple(files) for kind, files in made.items()}


@cache
def rare() -> dict[str, tuple[bytes, ...]]:
    """Sound files of other formats that Pillow reads."""
    return {kind: (_written(_picture(mode), kind),) for kind, mode in _RARE.items()}


def _named(kind: str) -> str:
    return f"{TOKEN}{_ENDS.get(kind, f'.{kind.lower()}')}"


def sound() -> list[Case]:
    """Every seed as it is."""
    files = [(kind, content) for kind, contents in (common() | rare()).items() for content in contents]
    return [Case("images", _named(kind), content, ("", "3")) for kind, content in files]


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    files = draw(st.sampled_from([common(), common(), common(), rare()]))
    kind = draw(st.sampled_from(sorted(files)))
    content = draw(st.sampled_from(files[kind]))
    others = tuple(one for contents in files.values() for one in contents)
    structured = {"PNG": _chunks, "JPEG": _segments, "TIFF": _fields, "WEBP": _riff}.get(kind)
    if structured and draw(st.booleans()):
        content = draw(structured(content))
    else:
        content = draw(damaged_bytes(content, others))
    name = _named(kind)
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from([*(f"{TOKEN}{end}" for end in _SUFFIXES), *_ODD_NAMES]))
    way = draw(st.sampled_from([""] * 40 + list(_WAYS)))
    return Case("images", name, content, (way, draw(st.sampled_from("13"))))


_NUMBERS = st.sampled_from(
    (0, 1, 2, 3, 4, 7, 8, 9, 16, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
)


@st.composite
def _chunks(draw: st.DrawFn, content: bytes) -> bytes:
    """A PNG after changes of its chunks, their checksums made right again."""
    chunks, place = [], 8
    while place + 8 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(chunks) - 1))
        name, data = chunks[index]
        match draw(st.sampled_from(["data", "size", "kind", "drop", "double", "swap", "new"])):
            case "data":
                chunks[index] = name, draw(damaged_bytes(data))
            case "size":
                size = struct.pack(">II", draw(_NUMBERS), draw(_NUMBERS))
                chunks[0] = (
                    b"IHDR",
                    size + draw(st.sampled_from([chunks[0][1][8:], b"\x10\x03\0\0\0", b"\x08\x07\0\0\1"])),
                )
            case "kind":
                chunks[index] = draw(st.sampled_from([b"IDAT", b"tRNS", b"PLTE", b"iCCP", b"abcd", b"IEND"])), data
            case "drop" if len(chunks) > 1:
                del chunks[index]
            case "double":
                chunks.insert(index, (name, data))
            case "swap":
                other = draw(st.integers(0, len(chunks) - 1))
                chunks[index], chunks[other] = chunks[other], chunks[index]
            case _:
                chunks.insert(
                    1, draw(st.sampled_from(_EXTRA_CHUNKS)) if draw(st.booleans()) else (b"eXIf", draw(_exif()))
                )
    return content[:8] + b"".join(_chunk(*one) for one in chunks)


_EXTRA_CHUNKS = (
    (b"zTXt", b"key\0\0" + zlib.compress(bytes(20_000_000))),
    (b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
    (b"iCCP", b"name\0\0" + zlib.compress(b"no profile")),
    (b"tEXt", b"no end"),
    (b"acTL", struct.pack(">II", 0xFFFFFFFF, 0)),
    (b"fcTL", struct.pack(">IIIIIHHBB", 0, 99, 99, 9, 9, 0, 0, 9, 9)),
    (b"pHYs", b"\1"),
    (b"gAMA", b""),
    (b"cHRM", b"\0" * 5),
    (b"sRGB", b""),
)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@st.composite
def _segments(draw: st.DrawFn, content: bytes) -> bytes:
    """A JPEG with odd EXIF data or another segment behind its first bytes, or of another size."""
    kind = draw(st.sampled_from(["exif", "exif", "segment", "size"]))
    if kind == "size":
        place = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
        sizes = draw(st.tuples(*[st.sampled_from((0, 1, 15, 17, 255, 0x7FFF, 0xFFFF))] * 2))
        return content[: place + 5] + struct.pack(">HH", *sizes) + content[place + 9 :]
    data = b"Exif\0\0" + draw(_exif()) if kind == "exif" else draw(st.binary(max_size=40))
    marker = 0xE1 if kind == "exif" else draw(st.integers(0xC0, 0xFF))
    length = draw(st.sampled_from([len(data) + 2] * 4 + [0, 1, 2, 0xFFFF]))
    return content[:2] + struct.pack(">BBH", 0xFF, marker, length) + data + content[2:]


@st.composite
def _riff(draw: st.DrawFn, content: bytes) -> bytes:
    """A WebP with odd EXIF data behind its other chunks."""
    data = draw(_exif())
    grown = content[:20] + bytes([content[20] | 8]) + content[21:] if content[12:16] == b"VP8X" else content
    whole = grown[8:] + b"EXIF" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


_TAGS = (0x0112, 0x0112, 0x010F, 0x011A, 0x011B, 0x8769, 0x8825, 0xA005, 0x02BC, 0x9286, 0x927C, 0x0201, 0x0202)


@st.composite
def _exif(draw: st.DrawFn) -> bytes:
    """A TIFF header with one directory of odd entries."""
    order = draw(st.sampled_from("<>"))
    entries = draw(st.lists(st.tuples(st.sampled_from(_TAGS), st.integers(0, 14), _NUMBERS, _NUMBERS), max_size=6))
    listed = b"".join(struct.pack(f"{order}HHII", *one) for one in entries)
    tail = draw(st.sampled_from([bytes(4), b"\0\0\0\x08", b"\x08\0\0\0", b"\xff" * 4, b""]))
    rational = struct.pack(f"{order}ii", draw(st.sampled_from((-1, 0, 1))), draw(st.sampled_from((0, 0, -1))))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + listed + tail + rational * 4


@st.composite
def _fields(draw: st.DrawFn, content: bytes) -> bytes:
    """A TIFF after changes of the entries of its first directory."""
    order = "<" if content[:2] == b"II" else ">"
    first = struct.unpack_from(f"{order}I", content, 4)[0]
    count = struct.unpack_from(f"{order}H", content, first)[0]
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = first + 2 + 12 * draw(st.integers(0, count - 1))
        tag, kind, number, value = struct.unpack_from(f"{order}HHII", changed, place)
        match draw(st.sampled_from(["tag", "kind", "number", "value", "value"])):
            case "tag":
                tag = draw(
                    st.sampled_from((*_TAGS, 256, 257, 258, 259, 262, 273, 277, 278, 279, 317, 320, 338, 339, 530))
                )
            case "kind":
                kind = draw(st.integers(0, 18))
            case "number":
                number = draw(_NUMBERS)
            case _:
                value = draw(_NUMBERS | st.integers(0, 64) | st.integers(32766, 34713))
        struct.pack_into(f"{order}HHII", changed, place, tag, kind, number, value)
    return bytes(changed)


IMAGES = Kind(_cases(), sound, use)
