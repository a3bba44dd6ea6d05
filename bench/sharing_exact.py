"""Networks cut out of shared weights against what they compute with them, on the demo's space at 28 pixels.

    python bench/sharing_exact.py [--networks 200]

Some 2 minutes on one core.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

from mnas.data import load_data
from mnas.search.shared import drawn
from mnas.sharing.judge import SharedJudge
from mnas.tasks import task
from search_spaces import SpaceChoice, cost
from search_spaces.keras_models.shared import SharedModel

SHAPE, CLASSES = (28, 28, 1), 10
CHOICE = SpaceChoice.of("mnasnet", {"width": 0.25, "depth": 0.5, "head_filters": 64})


@click.command()
@click.option("--networks", default=200, show_default=True, help="How many.")
def main(networks: int) -> None:
    """Compare networks that are cut out with what they compute with the shared weights."""
    images = load_data("digits", image_size=28, channels=1, validation_share=0.2, test_share=0.2, limit=600, seed=0)
    model = SharedModel(CHOICE.shared(SHAPE, CLASSES))
    judge = SharedJudge(model, task("classification"), images, calibration=256, judged=64, seed=0)
    shown = np.asarray(images.validation.inputs[:64], np.float32)
    worst = 0.0
    for arch in drawn(CHOICE.space(SHAPE), networks, 0):
        path = model.graph.path(arch)
        shared = judge.predict(judge.calibrate(path), shown)
        assert np.isfinite(shared).all()
        alone = model.child(path)
        assert sum(int(np.prod(one.shape)) for one in alone.trainable_variables) == cost(arch, SHAPE, CLASSES).params
        worst = max(worst, float(np.abs(alone(shown, training=False).numpy() - shared).max()))
    print(f"{networks} networks: outputs differ by {worst:.1e} at most; parameters as counted")


if __name__ == "__main__":
    main()
