"""Times `to_tflite` against the stock converter: MnasNet-A1 at 224 x 224 to int8, interleaved in one run.

Both convert the same model (batch of 1, so that the stock converter adds no operators that look up the batch size)
with the same calibration images. The claims are checked, and the exit code is 1 when one does not hold: at least
7 times faster, the same operators, the same size (to 1 %), the same outputs to quantization error.

    python bench/conversion.py [--rounds 3] [--model mnasnet-a1]
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable

import click
import numpy as np
import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from rich.console import Console
from rich.table import Table

from device_bench import to_tflite
from device_bench.conversion.quiet import quiet_tensorflow
from search_spaces import build_model, published

_SHAPE = (224, 224, 3)
_WANTED_SPEEDUP = 7.0


def stock(model: tf_keras.Model, calibration: np.ndarray) -> bytes:
    """The route of TensorFlow's documentation."""
    with quiet_tensorflow():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[np.newaxis]] for image in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        return converter.convert()


def timed(convert: Callable[[], bytes]) -> tuple[float, bytes]:
    start = time.perf_counter()
    converted = convert()
    return time.perf_counter() - start, converted


def operators(model: bytes) -> Counter[str]:
    return Counter(row["op_name"] for row in Interpreter(model_content=model)._get_ops_details())


def outputs(model: bytes, images: np.ndarray) -> tuple[np.ndarray, float]:
    """Dequantized outputs [images, classes], and the step of the output's quantization."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    [source], [result] = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = source["quantization"]
    found = []
    for image in images:
        quantized = np.clip(np.round(image / scale + zero), -128, 127).astype(np.int8)
        interpreter.set_tensor(source["index"], quantized[np.newaxis])
        interpreter.invoke()
        found.append(interpreter.get_tensor(result["index"])[0].astype(np.float32))
    step, zero = result["quantization"]
    return (np.array(found) - zero) * step, step


def spread_outputs(network: tf_keras.Model, random: np.random.Generator) -> None:
    """Scales the classifier, whose random weights would give 1000 equal outputs and nothing to compare."""
    classifier = next(layer for layer in reversed(network.layers) if isinstance(layer, tf_keras.layers.Dense))
    features = tf_keras.Model(network.input, classifier.input)
    kernel, *others = classifier.get_weights()
    logits = features.predict(random.random((4, *_SHAPE), dtype=np.float32), verbose=0) @ kernel
    classifier.set_weights([kernel * (3 / logits.std()), *others])


@click.command()
@click.option("--model", "name", default="mnasnet-a1", show_default=True, help="A published network.")
@click.option("--rounds", default=3, show_default=True, help="Conversions by each route.")
def main(name: str, rounds: int) -> None:
    """Compares the two routes and checks the claims."""
    image = tf_keras.Input(batch_shape=(1, *_SHAPE))
    network = build_model(published(name), _SHAPE, 1000)
    model = tf_keras.Model(image, network(image))
    random = np.random.default_rng(0)
    spread_outputs(network, random)
    calibration, images = (random.random((count, *_SHAPE), dtype=np.float32) for count in (4, 8))
    routes = {"stock": lambda: stock(model, calibration), "ours": lambda: to_tflite(model, "int8", calibration)}
    times: dict[str, list[float]] = {route: [] for route in routes}
    made: dict[str, bytes] = {}
    for _ in range(rounds):
        for route, convert in routes.items():
            seconds, made[route] = timed(convert)
            times[route].append(seconds)
    if not report(name, times, made, images):
        sys.exit(1)


def report(name: str, times: dict[str, list[float]], made: dict[str, bytes], images: np.ndarray) -> bool:
    """Prints the table and whether each claim holds."""
    table = Table("route", "median s", "fastest s", "slowest s", "bytes", "operators", title=f"{name}, int8, 224 x 224")
    for route, seconds in times.items():
        figures = [f"{value:.2f}" for value in (statistics.median(seconds), min(seconds), max(seconds))]
        table.add_row(route, *figures, f"{len(made[route]):,}", str(operators(made[route]).total()))
    speedup = statistics.median(times["stock"]) / statistics.median(times["ours"])
    (stock_outputs, step), (our_outputs, _) = (outputs(made[route], images) for route in ("stock", "ours"))
    difference = float(np.abs(stock_outputs - our_outputs).max())
    size = len(made["ours"]) / len(made["stock"]) - 1
    values = len(np.unique(our_outputs))
    values = len(np.unique(our_outputs))
    claims = {
        f"{speedup:.1f} times faster (at least {_WANTED_SPEEDUP:g})": speedup >= _WANTED_SPEEDUP,
        "the same operators": operators(made["stock"]) == operators(made["ours"]),
        f"the same size ({size:+.2%}, at most 1 %)": abs(size) <= 0.01,
        f"outputs differ by {difference:.2g}, {difference / step:.2g} steps of int8 (at most 1)": difference <= step,
        f"the outputs compared take {values} values (at least 10)": values >= 10,
    }
    console = Console()
    console.print(table)
    for claim, holds in claims.items():
        console.print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return all(claims.values())


if __name__ == "__main__":
    main()
