"""Networks cut out of shared weights: each with its part of them, and with statistics of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mnas.sharing.jobs import Supernet
from mnas.sharing.judge import SharedJudge
from mnas.training.weight_files import save_weights
from search_spaces import Arch


def cut_out(supernet: Supernet, arches: Mapping[Path, Arch], calibration: int) -> None:
    """Writes the weights of networks.

    A network computes alone what it computes with the shared weights.

    Args:
        supernet: The shared weights, trained.
        arches: File of weights -> the network.
        calibration: Training images that give a network its statistics.
    """
    model, judged_by, data = supernet.restored()
    judge = SharedJudge(model, judged_by, data, calibration=calibration, judged=1, seed=supernet.seed)
    for path, arch in arches.items():
        way = model.graph.path(arch)
        judge.calibrate(way)
        save_weights(model.child(way), path, judged_by.labels(data))
