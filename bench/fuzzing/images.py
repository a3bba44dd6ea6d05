"""Damaged image files in a folder of classes, read as `folder:DIR` is."""

import os
import re
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fuzzing.cases import TOKEN, Case, Kind, Wrong
from fuzzing.damage import damaged_bytes
from fuzzing.image_structure import STRUCTURED
from fuzzing.pictures import common, named, plain, rare
from mnas.data import Dataset, load_data

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
        path.write_bytes(plain(number))
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


def sound() -> list[Case]:
    """Every seed as it is."""
    files = [(kind, content) for kind, contents in (common() | rare()).items() for content in contents]
    return [Case("images", named(kind), content, ("", "3")) for kind, content in files]


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    files = draw(st.sampled_from([common(), common(), common(), rare()]))
    kind = draw(st.sampled_from(sorted(files)))
    content = draw(st.sampled_from(files[kind]))
    others = tuple(one for contents in files.values() for one in contents)
    if kind in STRUCTURED and draw(st.booleans()):
        content = draw(STRUCTURED[kind](content))
    else:
        content = draw(damaged_bytes(content, others))
    name = named(kind)
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from([*(f"{TOKEN}{end}" for end in _SUFFIXES), *_ODD_NAMES]))
    way = draw(st.sampled_from([""] * 40 + list(_WAYS)))
    return Case("images", name, content, (way, draw(st.sampled_from("13"))))


IMAGES = Kind(_cases(), sound, use)
