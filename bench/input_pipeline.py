"""What reading images costs: speed beside Keras' own loader, and memory as sets grow.

Generates JPEG files of 256 x 256 pixels and checks, with exit code 1 where one does not hold:

- speed: batches of 32 randomly cropped images of 224 pixels from 5,000 files, not slower than
  `image_dataset_from_directory`, which resizes whole images; interleaved in one process, after a pass to warm up;
- memory: loading, keeping and one epoch of 5,000 and of 50,000 files, a process each, within 10 %;
- search: a search on 20,000 images at 96 pixels, no process above 2 GB.

    python bench/input_pipeline.py [--rounds 5] [--files 5000] [--only speed]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import resource
import statistics
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
from mnas.data.types import Split
from mnas.tasks import task
from mnas.training.batches import epoch_batches
from mnas.training.recipe import Recipe

_SIDE, _SIZE, _BATCH = 256, 224, 32
_CLASSES = 10
_RECIPE = Recipe(batch_size=_BATCH, crop=0.25, flip=True)
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
    """Images per second and per CPU second: the median of interleaved passes."""
    import tf_keras

    def stock() -> Iterable[tuple[np.ndarray, np.ndarray]]:
        return tf_keras.utils.image_dataset_from_directory(
            photos, image_size=(_SIZE, _SIZE), batch_size=_BATCH
        ).as_numpy_iterator()

    def ours(split: Split) -> Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]:
        return lambda: epoch_batches(task("classification"), split, _RECIPE, seed=0, epoch=0)

    with tempfile.TemporaryDirectory() as folder:
        loaded = load_data(f"folder:{photos}", image_size=_SIZE)
        save_dataset(loaded, Path(folder) / "copy")
        # As a set that is too large to be copied.
        examine.COPY_BYTES = stored.COPY_BYTES = 0
        save_dataset(load_data(f"folder:{photos}", image_size=_SIZE), Path(folder) / "index")
        ways = {
            "image_dataset_from_directory": stock,
            "index, random crop and flip": ours(open_dataset(Path(folder) / "index").train),
            "8-bit copy, random crop and flip": ours(open_dataset(Path(folder) / "copy").train),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, way in ways.items():
                result = _pass(way())
                if number:
                    found[name].append(result)
    table = Table(
        "way", "images/s", "a CPU second", title=f"{_SIZE} pixels, batches of {_BATCH}, {os.cpu_count()} cores"
    )
    for name, results in found.items():
        table.add_row(name, *(f"{statistics.median(column):,.0f}" for column in zip(*results, strict=True)))
    keras, index = (found[name] for name in list(ways)[:2])
    ratio = statistics.median(mine[1] / theirs[1] for mine, theirs in zip(index, keras, strict=True))
    table.caption = f"images a CPU second, index / Keras: {ratio:.2f} (median of {rounds} ratios)"
    return table, ratio >= _WANTED_RATIO


def _pass(batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Images per second and per CPU second of this process."""
    began, worked = time.perf_counter(), time.process_time()
    images = sum(len(inputs) for inputs, _ in batches)
    return images / (time.perf_counter() - began), images / (time.process_time() - worked)


def memory(folders: dict[str, Path]) -> tuple[Table, bool]:
    """The peak of resident memory of a process that loads a folder, keeps it and makes one epoch of batches."""
    table = Table("files", "kept as", "peak MB", title=f"load, keep and one epoch at {_SIZE} pixels, a process each")
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
        for _ in epoch_batches(task("classification"), split, _RECIPE, seed=0, epoch=0):
            pass
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"peak_mb": peak_mb, "kept": type(split.inputs).__name__}))


def search(photos: Path, folder: Path) -> tuple[Table, bool]:
    """The peak of resident memory of each process of a search."""
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
    table = Table("process", "peak MB", title="a search on 20,000 images at 96 pixels")
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
@click.option("--rounds", default=5, show_default=True, help="Passes of each way.")
@click.option("--files", default=5000, show_default=True, help="JPEG files to generate.")
@click.option("--only", type=click.Choice(["speed", "memory", "search"]), help="One of the three.")
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
            passed.append(search(some, folder))
            console.print(passed[-1][0])
        if only in (None, "speed"):
            passed.append(speed(photos, rounds))
            console.print(passed[-1][0])
    sys.exit(not all(good for _, good in passed))


if __name__ == "__main__":
    main()
