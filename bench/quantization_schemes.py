"""Two schemes of quantization-aware training on every operator: tfmot's, and the one of `mnas.training`.

    python bench/quantization_schemes.py

Each small graph of tests/support/operator_graphs.py, and each published network at a quarter of its width, is made
ready for training by both and converted. The table says which operators and float32 tensors the file has more or fewer
than one that was calibrated. Then the time of a step of training is measured on MobileNetV2, which both take,
interleaved. About 2 minutes on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import click
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from operator_graphs import OPERATORS, operator_graph
from rich.console import Console
from rich.table import Table

from device_bench.conversion.convert import to_tflite
from device_bench.errors import ConversionError
from device_bench.tflite.graph import Graph as File
from mnas.training.quantization_aware import quantization_aware
from mnas.training.recipe import Recipe
from mnas.training.train import make_step
from search_spaces import Graph, as_if_trained, build_graph, lower, published, scale
from search_spaces.keras_models.layers import (
    HardSigmoid,
    HardSwish,
    StridedSlice,
)
from search_spaces.mnasnet.published import PUBLISHED

Made = Callable[[Graph, tf_keras.Model, np.ndarray], tf_keras.Model]
CLASS = r"\.(\w+)(?:'>| object)"
OWN_LAYERS = (HardSigmoid, HardSwish, StridedSlice)
TIMED, BATCH = "mobilenet-v2", 16


def ours(graph: Graph, model: tf_keras.Model, images: np.ndarray) -> tf_keras.Model:
    return quantization_aware(graph, model, images)


def theirs(graph: Graph, model: tf_keras.Model, images: np.ndarray) -> tf_keras.Model:
    with tf_keras.utils.custom_object_scope({layer.__name__: layer for layer in OWN_LAYERS}):
        network = tfmot.quantization.keras.quantize_model(model)
    network(images, training=True)
    return network


SCHEMES: dict[str, Made] = {"tfmot": theirs, "ours": ours}


def graphs() -> Iterator[tuple[str, Graph]]:
    """All that is compared."""
    yield from ((name, operator_graph(name)) for name in OPERATORS)
    yield from ((name, lower(scale(published(name), 0.25), (32, 32, 3), 10)) for name in PUBLISHED)


def ready(graph: Graph) -> tuple[tf_keras.Model, np.ndarray]:
    """A network, and images for it."""
    model = build_graph(graph)
    as_if_trained(model)
    return model, np.random.default_rng(0).random((BATCH, *graph.inputs[0][1]), np.float32)


def told(graph: Graph, make: Made) -> str:
    """What becomes of a graph by a scheme."""
    model, images = ready(graph)
    calibrated = content_of(to_tflite(model, "int8", images))
    try:
        found = content_of(to_tflite(make(graph, model, images), "int8", images))
    except ConversionError as error:
        return f"not converted: {str(error)[:60]}"
    except (RuntimeError, ValueError) as error:
        return f"refused: {', '.join(re.findall(CLASS, str(error))[-1:]) or str(error)[:60]}"
    more, less = (found - calibrated, calibrated - found)
    words = [f"{'+-'[side == 1]}{count} {name}" for side, one in enumerate((more, less)) for name, count in one.items()]
    return ", ".join(words) or "as calibrated"


def content_of(file: bytes) -> Counter[str]:
    """How many operators of each kind a file has, and tensors of float32."""
    graph = File(file)
    operators = Counter(operator.name for operator in graph.operators)
    return operators + Counter(one.kind for one in graph.tensors if one.kind == "float32")


def step_ms() -> dict[str, list[float]]:
    """Times of a step by each scheme, in turns."""
    graph = lower(scale(published(TIMED), 0.35), (96, 96, 3), 10)
    model, images = ready(graph)
    targets, rate = tf.zeros(BATCH, tf.int64), tf.constant(1e-4)

    def loss(labels: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf_keras.losses.sparse_categorical_crossentropy(labels, probabilities))

    steps = {name: make_step(make(graph, model, images), Recipe(), loss)[0] for name, make in SCHEMES.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(25):
        for name, step in steps.items():
            began = time.perf_counter()
            step(tf.constant(images), targets, rate).numpy()
            if turn >= 5:
                times[name].append(1000 * (time.perf_counter() - began))
    return times


@click.command()
def main() -> None:
    """Prints both tables."""
    table = Table("graph", *SCHEMES, title="int8 files, against calibrated ones")
    for name, graph in graphs():
        table.add_row(name, *(told(graph, make) for make in SCHEMES.values()))
    console = Console(width=150)
    console.print(table)
    times = {name: statistics.median(one) for name, one in step_ms().items()}
    console.print(", ".join(f"{name}: {one:.0f} ms per step" for name, one in times.items()))


if __name__ == "__main__":
    main()
