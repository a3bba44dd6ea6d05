"""Takes published networks at 224 pixels and 1,000 classes all the way, and checks every step.

    python bench/published_nets.py [--net mnasnet-a1] [--folder bench/results/published_nets]

First, every published network is built and converted, and its float32 file is compared with Keras. Then MnasNet-A1, B1,
small and MobileNetV2 go through `mnas train` on generated JPEG files: a few steps of training, of pruning and of
quantization-aware training, export and timing. Exit code 1 where one of these does not hold:

- the outputs of a float32 file are those of Keras to 1e-4 of the highest probability;
- half of the weights of each pruned kernel are zero in the network that ships;
- all of an int8 file computes in int8, its ends are uint8, and its images stand for [0, 1] in steps of 1/255;
- every file is timed, and has the metadata that apps ask for.

What is finished is kept in the folder and not done again. All of it takes about 12 minutes on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import tf_keras
from PIL import Image
from rich.console import Console
from rich.table import Table

from device_bench.conversion.convert import to_tflite
from device_bench.tflite.apps import RAW_PIXELS, check_for_apps
from device_bench.tflite.graph import Graph as File
from mnas.data import open_dataset
from mnas.shipping.card import Card
from mnas.training.outputs import tflite_predict
from mnas.training.train import float_predict
from mnas.training.weight_files import load_weights
from search_spaces import as_if_trained, build_model, from_json, published, published_names

RESULTS = Path(__file__).parent / "results" / "published_nets"
SIDE, CLASSES, SHIPPED = 224, 1000, ("mnasnet-a1", "mnasnet-b1", "mnasnet-small", "mobilenet-v2")
TOLERANCE, SPARSITY = 1e-4, 0.5
OPTIONS = "--epochs 1 --recipe batch_size=16 --prune 0.5 --quantize qat --calibration 32 --device host".split()
PICTURES = {"train": CLASSES, "validation": 16, "test": 32}
"""Files of each split, no more than one per class."""
PRUNED = (tf_keras.layers.Conv2D, tf_keras.layers.Dense)


@dataclass(frozen=True)
class Row:
    """What was found of a network; `faults` are sentences."""

    cells: tuple[str, ...]
    faults: tuple[str, ...] = ()


def make_photos(root: Path) -> None:
    """JPEG files, each of one colour per class under noise."""
    rng = np.random.default_rng(0)
    for split, count in PICTURES.items():
        for number in range(count):
            folder = root / split / f"class-{number:03}"
            folder.mkdir(parents=True, exist_ok=True)
            colour = np.array([number % 10, number // 10 % 10, number // 100]) * 20
            grain = Image.fromarray((colour + rng.integers(0, 64, (32, 32, 3))).astype(np.uint8))
            grain.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{split}.jpg", quality=80)


def compared(name: str) -> Row:
    """A network that was not trained, its classifier scaled so that its scores differ: Keras against float32."""
    rng = np.random.default_rng(0)
    model = build_model(published(name), (SIDE, SIDE, 3), CLASSES)
    as_if_trained(model)
    images = rng.random((4, SIDE, SIDE, 3), np.float32)
    classifier = model.get_layer("classifier")
    kernel, bias = classifier.get_weights()
    logits = float_predict(tf_keras.Model(model.input, classifier.output))(images)
    classifier.set_weights([kernel * (3 / logits.std()), bias])
    found = difference(model, to_tflite(model, "float32"), images)
    faults = [f"{name}: its float32 file differs from Keras by {found:.1e}"] if found > TOLERANCE else []
    return Row((name, f"{found:.1e}"), tuple(faults))


def difference(model: tf_keras.Model, content: bytes, images: np.ndarray) -> float:
    """The largest difference of a file's outputs from its model's, as a share of the highest output."""
    expected = float_predict(model)(images)
    return float(np.abs(tflite_predict(content)(images) - expected).max() / expected.max())


def shipped(name: str, photos: Path, folder: Path) -> Row:
    """What `mnas train` makes of a network."""
    mnas = Path(sys.executable).with_name("mnas")
    subprocess.run([mnas, "train", name, "--data", f"folder:{photos}", *OPTIONS, "-o", folder], check=True)
    card, images = Card.open(folder), open_dataset(folder / "data").test.inputs[:8]
    model = build_model(from_json(json.dumps(card.architecture.arch)), (SIDE, SIDE, 3), CLASSES)
    load_weights(model, folder / "weights.npz")
    contents = {one.precision: (folder / one.name).read_bytes() for one in card.files}
    found = difference(model, contents["float32"], images)
    zeros = min(np.mean(one.get_weights()[0] == 0) for one in model.layers if type(one) in PRUNED)
    kinds = {tensor.kind for tensor in File(contents["int8"]).tensors}
    entry = File(contents["int8"]).tensors[File(contents["int8"]).inputs[0]]
    times = [one.latency.median_ms if one.latency else None for one in card.files]
    checks = {
        f"its float32 file differs from Keras by {found:.1e}": found <= TOLERANCE,
        f"only {zeros:.1%} of a kernel are zero": zeros >= SPARSITY - 0.01,
        f"its int8 file holds tensors of {', '.join(sorted(kinds))}": kinds <= {"int8", "uint8", "int32"},
        f"its uint8 input has the scale and zero point {entry.scaling}": entry.scaling == RAW_PIXELS,
        "a file was not timed": None not in times,
        **{f"apps: {line}": False for content in contents.values() for line in check_for_apps(content)},
    }
    sizes = [f"{one.size_bytes / 1e6:.2f} ({one.gz_bytes / 1e6:.2f})" for one in card.files]
    cells = (f"{found:.1e}", f"{zeros:.1%}", *sizes, *(f"{one:.2f}" if one else "none" for one in times))
    return Row((name, *cells), tuple(f"{name}: {line}" for line, holds in checks.items() if not holds))


@click.command()
@click.option("--net", "nets", multiple=True, type=click.Choice(SHIPPED), help="Which to ship; all by default.")
@click.option("--folder", default=RESULTS, type=click.Path(path_type=Path), help="Where what is finished is kept.")
def main(nets: tuple[str, ...], folder: Path) -> None:
    """Prints what each network came to, and exits with 1 if something is not as it should be."""
    photos = folder / "photos"
    if not photos.exists():
        make_photos(folder / "unfinished")
        (folder / "unfinished").rename(photos)
    rows = [shipped(name, photos, folder / name) for name in nets or SHIPPED]
    heads = ("to Keras", "zeros", "float32 MB (gzip)", "int8 MB (gzip)", "float32 ms", "int8 ms")
    table = Table("network", *heads, title="Trained, pruned, trained on for int8")
    for row in rows:
        table.add_row(*row.cells)
    others = [compared(name) for name in published_names()]
    untrained = Table("network", "to Keras", title="Every published network")
    for row in others:
        untrained.add_row(*row.cells)
    console = Console(width=110)
    console.print(table, untrained)
    faults = [fault for row in (*rows, *others) for fault in row.faults]
    for fault in faults:
        console.print(f"FAILS: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
