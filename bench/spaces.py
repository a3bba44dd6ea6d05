"""Searches every space on the same images and draws their fronts in one figure, docs/images/spaces.png.

    python bench/spaces.py [--trials 24] [--epochs 6] [--folder bench/results/spaces]

Digits at 16 pixels, quantized to int8 and timed on this machine: 24 candidates per space, stacks and widths that train
in seconds. At last, of the whole front of each space, how often the int8 file names the class that the float network
names, over all test and validation images; a file with an operator that is not int8 is an error. Searches that are
finished are kept in the folder; all of it takes about half an hour on two cores.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "spaces"
FIGURE = ROOT / "docs" / "images" / "spaces.png"
SPACES = {
    "mnasnet": {"width": 0.35, "depth": 0.5, "head_filters": 64},
    "nasnet": {"blocks": 3, "repeats": 1, "filters": 6},
    "pnas": {"blocks": 3, "repeats": 1, "filters": 8},
    "enas-micro": {"blocks": 3, "repeats": 1, "filters": 6},
    "darts": {"blocks": 3, "repeats": 1, "filters": 8},
    "nas-cnn": {"layers": 6, "width": 0.25, "pools": 1},
    "enas-macro": {"layers": 6, "filters": 12},
}
CONFIG = """[search]
run = "{run}"
trials = {trials}
algorithm = "{algorithm}"

[space]
name = "{space}"
{parameters}

[data]
source = "digits"
image_size = 16
channels = 1
validation_share = 0.25
test_share = 0.2

[train]
epochs = {epochs}

[latency]
device = "host"
target_ms = 0.2

[references]
names = []

[confirm]
top = 0
"""


def _searched(space: str, trials: int, epochs: int, folder: Path) -> Path:
    run = folder / space
    parameters = "\n".join(f"{name} = {value}" for name, value in SPACES[space].items())
    algorithm = "pnas" if space == "pnas" else "ppo"
    config = folder / f"{space}.toml"
    config.write_text(
        CONFIG.format(run=run, trials=trials, algorithm=algorithm, space=space, parameters=parameters, epochs=epochs),
        encoding="utf-8",
    )
    subprocess.run([sys.executable, "-m", "mnas", "search", str(config)], check=True)
    return run


def _agreement(path: Path) -> tuple[int, float, float]:
    """Of the front of a run: how many networks, the least and the mean share of images with the same top class."""
    from device_bench.latency_table.signature import signatures
    from mnas.data.stored import open_dataset
    from mnas.run import Run
    from mnas.training.outputs import tflite_predict
    from mnas.training.train import float_predict
    from mnas.training.weight_files import load_weights
    from reports import frame
    from reports.runs import read_run
    from search_spaces import build_model, from_json

    run, table = Run.open(path), frame(path)
    arches = {record.arch_hash: record.arch for record in read_run(path).records}
    data = open_dataset(path / "data")
    images = np.concatenate([np.asarray(part.inputs[:]) for part in (data.validation, data.test)])
    shares = []
    for name in table[table["on_front"]]["arch_hash"]:
        folder = run.candidate(name)
        model = build_model(from_json(json.dumps(arches[name])), data.input_shape, len(data.class_names))
        load_weights(model, folder / "weights.npz")
        content = (folder / "model.tflite").read_bytes()
        loose = [line for line in signatures(content) if "int8" not in line.split()[-1]]
        assert not loose, f"not quantized: {loose}"
        tops = [predict(images).argmax(axis=1) for predict in (float_predict(model), tflite_predict(content))]
        shares.append(float(np.mean(tops[0] == tops[1])))
    return len(shares), min(shares), float(np.mean(shares))


@click.command()
@click.option("--trials", default=24, show_default=True, type=click.IntRange(1), help="Candidates per space.")
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1), help="Epochs per candidate.")
@click.option("--folder", default=RESULTS, type=click.Path(path_type=Path), help="Where the searches are kept.")
def main(trials: int, epochs: int, folder: Path) -> None:
    """Search every space and draw their fronts."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [str(_searched(space, trials, epochs, folder)) for space in SPACES]
    subprocess.run([sys.executable, "-m", "mnas", "report", *runs, "--figure", str(FIGURE)], check=True)
    click.echo("int8 and float name the same class, over the networks of each front (number, least, mean):")
    for run in runs:
        count, least, mean = _agreement(Path(run))
        click.echo(f"  {Path(run).name:12} {count:3} {least:8.1%} {mean:8.1%}")


if __name__ == "__main__":
    main()
