"""Searches every space on the same images and draws their fronts in one figure, docs/images/spaces.png.

    python bench/spaces.py [--trials 24] [--epochs 6] [--folder bench/results/spaces]

Digits at 16 pixels, quantized to int8 and timed on this machine: 24 candidates per space, stacks and widths that train
in seconds. Searches that are finished are kept in the folder; all of it takes about half an hour on two cores.
"""

import subprocess
import sys
from pathlib import Path

import click

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


@click.command()
@click.option("--trials", default=24, show_default=True, type=click.IntRange(1), help="Candidates per space.")
@click.option("--epochs", default=6, show_default=True, type=click.IntRange(1), help="Epochs per candidate.")
@click.option("--folder", default=RESULTS, type=click.Path(path_type=Path), help="Where the searches are kept.")
def main(trials: int, epochs: int, folder: Path) -> None:
    """Search every space and draw their fronts."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [str(_searched(space, trials, epochs, folder)) for space in SPACES]
    subprocess.run([sys.executable, "-m", "mnas", "report", *runs, "-f", str(FIGURE)], check=True)


if __name__ == "__main__":
    main()
