"""What quantization and pruning cost on Fashion-MNIST: two networks, three seeds, by `mnas train` itself.

    apt-get install dataset-fashion-mnist
    python bench/quantization.py [--epochs 4] [--seeds 3] [--folder bench/results/quantization]

Each network is trained in full on 51,000 of the 60,000 images, quantized by calibration (PTQ), trained on for int8
(QAT), and pruned to half of its weights from the same float weights. Values are of the 10,000 test images, from the
files' own predictions. Differences are against the float network of the same seed, image by image; their 95 % intervals
cover the choice of the test images, not that of the seeds. Exit code 1 if QAT loses more than 0.2 points in the mean.

What is finished is kept in the folder and not done again. A seed of both networks takes about 15 minutes on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from mnas.shipping.card import Card
from mnas.shipping.results import predictions_path, read_predictions

RESULTS = Path(__file__).parent / "results" / "quantization"
SOURCE = "idx:/usr/share/datasets/fashion-mnist"
NETS = {
    "searched": (
        "stem8_s11 r1_k5_s11_e1_i8_o8_se0.25 r1_k3_s11_e1_i8_o8_se0.25_noskip r1_k5_s22_e6_i8_o8_noskip "
        "r1_k3_s22_e1_i8_o16_noskip_conv r1_k3_s11_e1_i16_o24_se0.25_noskip_conv r1_k5_s22_e6_i24_o40_se0.25_noskip "
        "r1_k3_s11_e1_i40_o64_noskip head64"
    ),
    "MnasNet-A1": "mnasnet-a1@0.25x0.5",
}
"""The best of 18 candidates of `mnas search` on 6,000 of these images, and a published network, narrowed."""

ROWS = ("float32", "int8 by calibration", "int8 by training", "pruned 50 %, float32", "pruned 50 %, int8")
MOST_LOST = 0.002


@dataclass(frozen=True)
class Judged:
    """A file on the test split: which images it gets right, and what it takes."""

    right: np.ndarray
    size_bytes: int
    gz_bytes: int


def trained(name: str, seed: int, epochs: int, folder: Path) -> list[Judged]:
    """All files of one network and seed, in the order of `ROWS`."""
    first, pruned = folder / "trained", folder / "pruned"
    whole = ["--epochs", str(epochs), "-o", first]
    mnas_train(name, seed, *whole, "--quantize", "ptq")
    kept = folder / "calibrated"
    if not kept.exists():  # the same file is made again below
        shutil.copytree(
            first, folder / "copying", ignore=shutil.ignore_patterns("data", "training"), dirs_exist_ok=True
        )
        (folder / "copying").rename(kept)
    mnas_train(name, seed, *whole, "--quantize", "qat")
    mnas_train(name, seed, "--weights", first, "--epochs", "0", "--prune", "0.5", "--quantize", "ptq", "-o", pruned)
    return [
        judged(kept, "float32"),
        judged(kept, "int8"),
        judged(first, "int8"),
        judged(pruned, "float32"),
        judged(pruned, "int8"),
    ]


def mnas_train(name: str, seed: int, *words: str | Path) -> None:
    """One command line, as people type it."""
    mnas = Path(sys.executable).with_name("mnas")
    data = ["--data", SOURCE, "--image-size", "28", "--channels", "1", "--seed", str(seed), "--device", "none"]
    subprocess.run([mnas, "train", NETS[name], *data, *words], check=True)


def judged(folder: Path, precision: str) -> Judged:
    """One file of a folder that `mnas train` made."""
    file = next(one for one in Card.open(folder).files if one.precision == precision)
    found = read_predictions(predictions_path(folder / file.name))
    return Judged(found.outputs.argmax(axis=1) == found.targets, file.size_bytes, file.gz_bytes)


def compared(seeds: list[list[Judged]], row: int) -> tuple[float, float]:
    """The mean difference to float32 over all seeds, and half of its 95 % interval."""
    each = np.mean([files[row].right.astype(float) - files[0].right for files in seeds], axis=0)
    return float(each.mean()), float(1.96 * each.std(ddof=1) / np.sqrt(len(each)))


@click.command(help=__doc__)
@click.option("--net", "nets", multiple=True, type=click.Choice(list(NETS)), help="Which networks; both by default.")
@click.option("--epochs", default=4, show_default=True, help="Of the full training.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--folder", default=RESULTS, type=click.Path(path_type=Path), help="Where what is finished is kept.")
def main(nets: tuple[str, ...], epochs: int, seeds: int, folder: Path) -> None:
    cells = {
        name: [trained(name, seed, epochs, folder / f"{name}-{epochs}-{seed}") for seed in range(seeds)]
        for name in nets or NETS
    }
    table = Table("network", "file", "accuracy by seed, %", "mean", "against float32, points", "KB", "KB, gzip -9")
    for name, found in cells.items():
        for row, kind in enumerate(ROWS):
            values = [100 * files[row].right.mean() for files in found]
            mean, half = compared(found, row)
            told = f"{100 * mean:+.2f} ± {100 * half:.2f}" if row else ""
            sizes = [
                np.mean([getattr(files[row], key) for files in found]) / 1000 for key in ("size_bytes", "gz_bytes")
            ]
            shown = [", ".join(f"{value:.2f}" for value in values), f"{np.mean(values):.2f}", told]
            table.add_row("" if row else name, kind, *shown, *(f"{size:.0f}" for size in sizes))
    Console(width=120).print(table)
    trained_row = ROWS.index("int8 by training")
    sys.exit(any(compared(found, trained_row)[0] < -MOST_LOST for found in cells.values()))


if __name__ == "__main__":
    main()
