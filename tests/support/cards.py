"""A folder as an export leaves it, with predictions made by hand and model files that only add."""

from dataclasses import replace

import numpy as np
from tiny_model import tiny_model

from device_bench.timing.timing import Timing
from mnas.data.types import Dataset, Split
from mnas.files import write_bytes
from mnas.shipping.card import Epoch, Training
from mnas.shipping.card_text import write_card_text
from mnas.shipping.make_card import Judgement, architecture_facts, make_card
from mnas.shipping.results import THUMBNAILS, predictions_path, write_predictions, write_thumbnails
from mnas.tasks import task
from mnas.tasks.findings import Predictions
from search_spaces import published

CLASSIFICATION = task("classification")
TIMING = Timing(1.0, 0.98, 1.02, 150, 3, "host", "LiteRT 2.3.0", "int8", 1, conditions={"model": "this machine"})
TRAINING = Training(
    recipe={"epochs": 3, "learning_rate": 0.004, "flip": False},
    seed=7,
    minutes=1.5,
    history=(Epoch(epoch=1, loss=2.0, value=0.4), Epoch(epoch=2, loss=1.0, value=0.6), Epoch(epoch=3, value=0.7)),
)


def dataset(count=60, names=("cat", "dog", "owl"), shape=(12, 12, 1), seed=0):
    """Random images whose labels take turns."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(names)
    split = Split(rng.random((count, *shape), np.float32), labels)
    return Dataset("folder:pets", tuple(names), split, split, split, ("folder:pets: some pets",))


def predictions(data, seed=0, right=1.5, classes=None):
    """What a network that is often right says of the test split."""
    rng, targets = np.random.default_rng(seed), data.test.labels
    scores = rng.normal(0, 1, (len(targets), classes or data.classes)).astype(np.float32)
    scores[np.arange(len(targets)), targets] += right
    outputs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    value = float((outputs.argmax(axis=1) == targets).mean())
    return Predictions(value, outputs, targets, np.arange(len(targets)))


def shipped(folder, data, *, latencies=None, task=CLASSIFICATION, said=predictions, training=TRAINING, **facts):
    """Writes model files, predictions, thumbnails and a card; returns the card."""
    latencies = latencies or {"float32": 2.0, "int8": 1.0}
    files = []
    for seed, (precision, median_ms) in enumerate(latencies.items()):
        path = folder / f"model-{precision}.tflite"
        write_bytes(path, tiny_model(operators=seed + 1))
        found = said(data, seed)
        write_predictions(predictions_path(path), found)
        timing = replace(TIMING, median_ms=median_ms, low_ms=0.98 * median_ms, high_ms=1.02 * median_ms)
        files.append(Judgement(path, found, replace(timing, precision=precision)))
    labels = task.labels(data)
    write_thumbnails(folder / THUMBNAILS, [task.findings(one.predictions, labels) for one in files], data.test)
    network = architecture_facts("mnasnet-a1", published("mnasnet-a1"), task, data)
    options = {"command": "mnas train mnasnet-a1 --data folder:pets -o out", "float_network": files[0].predictions}
    card = make_card(task, data, network, training, files, **options | facts)
    card.save(folder)
    write_card_text(card, folder)
    return card
