"""What reading images costs: speed beside Keras' own loader, and memory as sets grow.

Generates JPEG files of 256 x 256 pixels and checks three things; the exit code is 1 if one does not hold:

- speed: batches of 32 images of 224 pixels out of 5,000 files, as tensors in [0, 1], are made no slower than by
  `image_dataset_from_directory`, which leaves them in [0, 255] (a second row scales them): the same whole images, and
  randomly cropped and mirrored ones, from the copy that a run keeps of so many files. An index, which it keeps of
  more, is measured as well and has no bar. The ways take turns in one process, after a pass of
  each to warm up. Other work on the machine changes seconds more than CPU seconds (user and system time of all
  threads), so images per CPU second decide, by the median of the ratios of neighbouring passes;
- memory: loading, keeping and reading one epoch of 5,000 and of 50,000 files, one process for each, peak within 10 % of
  each other;
- search: no process of a search on 20,000 images at 96 pixels exceeds 2 GB.

    python bench/input_pipeline.py [--rounds 5] [--files 5000] [--only speed]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from mnas.data import examine, load_data, open_dataset, save_dataset, stored
from mnas.data.encoded import EncodedImages
from mnas.data.inputs import cores
from mnas.data.types import Split
from mnas.tasks import task
from mnas.training.batches import Batch, epoch_batches
from mnas.training.recipe import Recipe

_SIDE, _SIZE, _BATCH = 256, 224, 32
_CLASSES = 10
_PLAIN = Recipe(batch_size=_BATCH)
_VARIED = Recipe(batch_size=_BATCH, crop=0.25, flip=True)
_WANTED_RATIO, _WANTED_GROWTH, _MOST_MB = 1.0, 1.1, 2000
_SPACE = {"width": 0.25, "depth": 0.5, "head_filters": 16}


def make_photos(root: Path, count: int) -> None:
    """JPEG files of about 23 KB in ten classes."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = root / f"class-{number % _CLASSES}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        grain = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
        grain.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(path, quality=80)


def link_photos(photos: Path, root: Path, classes: int) -> None:
    """Hard links to all of the files in each of so many classes."""
    for name in range(classes):
        folder = root / f"class-{name}"
        folder.mkdir(parents=True)
        for path in photos.glob("*/*.jpg"):
            (folder / path.name).hardlink_to(path)


def speed(photos: Path, rounds: int) -> tuple[Table, bool]:
    """Images per second and per CPU second: medians of interleaved passes."""
    import tensorflow as tf
    import tf_keras

    def keras() -> tf.data.Dataset:
        return tf_keras.utils.image_dataset_from_directory(photos, image_size=(_SIZE, _SIZE), batch_size=_BATCH)

    def keras_scaled() -> Iterable[Batch]:
        return keras().map(lambda images, labels: (images / 255, labels), num_parallel_calls=tf.data.AUTOTUNE)

    def ours(split: Split, recipe: Recipe) -> Callable[[], Iterable[Batch]]:
        return lambda: (
            (tf.constant(inputs), tf.constant(targets))
            for inputs, targets in epoch_batches(task("classification"), split, recipe, seed=0, epoch=0)
        )

    with tempfile.TemporaryDirectory() as folder:
        save_dataset(load_data(f"folder:{photos}", image_size=_SIZE), Path(folder) / "copy")
        examine.COPY_BYTES = stored.COPY_BYTES = 0  # as if the set were too large to be copied
        save_dataset(load_data(f"folder:{photos}", image_size=_SIZE), Path(folder) / "index")
        index, copy = (open_dataset(Path(folder) / name).train for name in ("index", "copy"))
        ways = {
            "Keras, whole images": keras,
            "Keras, whole images, scaled": keras_scaled,
            "index, whole images": ours(index, _PLAIN),
            "index, random crop and flip": ours(index, _VARIED),
            "8-bit copy, whole images": ours(copy, _PLAIN),
            "8-bit copy, random crop and flip": ours(copy, _VARIED),
        }
        passes = [[_pass(way()) for way in ways.values()] for _ in range(rounds + 1)][1:]
    found = np.array(passes)  # [rounds, ways, 2]
    ratios = np.median(found[:, :, 1] / found[:, :1, 1], axis=0)
    table = Table(
        "way",
        "images per second",
        "images per CPU second",
        "ratio",
        title=f"{_SIZE} pixels, batches of {_BATCH}, {cores()} cores",
    )
    for name, row, ratio in zip(ways, np.median(found, axis=0), ratios, strict=True):
        table.add_row(name, *(f"{speed:,.0f}" for speed in row), f"{ratio:.2f}")
    table.caption = f"ratio: of images per CPU second to those of the first way, median of {rounds} rounds"
    kept = [ratio for name, ratio in zip(ways, ratios, strict=True) if "copy" in name]
    return table, min(kept) >= _WANTED_RATIO


def _pass(batches: Iterable[Batch]) -> tuple[float, float]:
    """Images per second and per CPU second of all threads of this process."""
    began, worked = time.perf_counter(), time.process_time()
    images = sum(len(inputs) for inputs, _ in batches)
    return images / (time.perf_counter() - began), images / (time.process_time() - worked)


def memory(folders: dict[str, Path]) -> tuple[Table, bool]:
    """Peaks of resident memory of processes that load a folder, keep it and make one epoch of batches."""
    table = Table("files", "kept as", "peak MB", title=f"load, keep and read one epoch at {_SIZE} pixels")
    peaks = []
    for name, folder in folders.items():
        command = [sys.executable, __file__, "--child", str(folder)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        peaks.append(said["peak_mb"])
        table.add_row(name, said["kept"], f"{said['peak_mb']:,.0f}")
    table.caption = f"largest / smallest: {max(peaks) / min(peaks):.3f}"
    return table, max(peaks) <= _WANTED_GROWTH * min(peaks)


def _child(photos: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_dataset(load_data(f"folder:{photos}", image_size=_SIZE), Path(folder))
        split = open_dataset(Path(folder)).train
        for _ in epoch_batches(task("classification"), split, _VARIED, seed=0, epoch=0):
            pass
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"peak_mb": peak_mb, "kept": "index" if isinstance(split.inputs, EncodedImages) else "copy"}))


def search(photos: Path, folder: Path, images: int) -> tuple[Table, bool]:
    """The peak of resident memory of each process of a search; the four largest are shown."""
    sections = {
        "search": {"run": str(folder / "run"), "trials": 2, "batch": 2},
        "space": _SPACE,
        "data": {"source": f"folder:{photos}", "image_size": 96},
        "train": {"epochs": 1},
        "latency": {"target_ms": 1.0, "canary_limit": 10},
        "confirm": {"top": 0},
        "references": {"names": []},
    }
    lines = [
        f"[{name}]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in section.items())
        for name, section in sections.items()
    ]
    (folder / "search.toml").write_text("\n".join(lines))
    process = subprocess.Popen([Path(sys.executable).with_name("mnas"), "search", folder / "search.toml"])
    peaks: dict[int, float] = {}
    while process.poll() is None:
        for child in _family(process.pid):
            peaks[child] = max(peaks.get(child, 0.0), _peak_mb(child))
        time.sleep(0.2)
    table = Table("process", "peak MB", title=f"a search on {images:,} images at 96 pixels")
    for number, peak in enumerate(sorted(peaks.values(), reverse=True)[:4]):
        table.add_row(str(number + 1), f"{peak:,.0f}")
    return table, process.returncode == 0 and max(peaks.values()) < _MOST_MB


def _family(parent: int) -> list[int]:
    found = [parent]
    for one in found:
        for thread in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in thread.read_text().split()]
            except OSError:  # it has just ended
                continue
    return found


def _peak_mb(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True, help="Passes of each way that count.")
@click.option("--files", default=5000, show_default=True, help="JPEG files to generate.")
@click.option("--only", type=click.Choice(["speed", "memory", "search"]), help="Only one of the three.")
@click.option("--child", hidden=True)
def main(rounds: int, files: int, only: str | None, child: str | None) -> None:
    if child:
        return _child(child)
    passed = []
    with tempfile.TemporaryDirectory() as name:
        folder, console = Path(name), Console()
        photos, many, some = folder / "photos", folder / "many", folder / "some"
        make_photos(photos, files)
        if only in (None, "memory"):
            link_photos(photos, many, 10)
            passed.append(memory({f"{files:,}": photos, f"{10 * files:,}": many}))
            console.print(passed[-1][0])
        if only in (None, "search"):
            link_photos(photos, some, 4)
            passed.append(search(some, folder, 4 * files))
            console.print(passed[-1][0])
        if only in (None, "speed"):
            passed.append(speed(photos, rounds))
            console.print(passed[-1][0])
    sys.exit(not all(good for _, good in passed))


if __name__ == "__main__":
    main()
