"""Makes digits3.csv.gz: a space of three blocks, a measured accuracy, a latency from a table measured on this host.

    python bench/quality/make_table.py        about ten minutes on one core

5,832 nets of three blocks, each with an operator, a kernel and a number of filters. Accuracy: random features on real
digits, four seeds (random_features.py). Latency: the sum of the blocks' own latencies, each block an int8 TFLite file
timed by LiteRT on one thread at the resolution it would have behind a 64 x 64 image.
"""

import gzip
import itertools
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from random_features import FILTERS, KERNELS, OPS, STRIDES, Block, RandomNets
from rich.progress import track
from threadpoolctl import threadpool_limits

TABLE = Path(__file__).with_name("digits3.csv.gz")
_SEEDS = 4
_RESOLUTIONS = (64, 64, 32)
_ROUNDS, _RUNS = 7, 15
_MENU = tuple(itertools.product(OPS, KERNELS, FILTERS))


def accuracies() -> dict[tuple[Block, ...], list[float]]:
    """Accuracy of every net with every seed."""
    result: dict[tuple[Block, ...], list[float]] = {}
    with threadpool_limits(1):
        for seed in range(_SEEDS):
            nets = RandomNets(seed)
            for blocks in track(list(itertools.product(_MENU, repeat=3)), f"accuracy, seed {seed}"):
                result.setdefault(blocks, []).append(nets.accuracy(blocks))
    return result


def tflite(index: int, channels: int, block: Block) -> bytes:
    """One block as an int8 file."""
    from tf_keras import Sequential, layers

    from device_bench import to_tflite

    op, kernel, filters = block
    shape = (_RESOLUTIONS[index], _RESOLUTIONS[index], channels)
    stride = STRIDES[index]
    parts = [layers.InputLayer(shape)]
    if op == "conv":
        parts.append(layers.Conv2D(filters, kernel, stride, "same", activation="relu"))
    else:
        if op == "mbconv3":
            parts.append(layers.Conv2D(3 * channels, 1, activation="relu"))
        parts.append(layers.DepthwiseConv2D(kernel, stride, "same", activation="relu"))
        parts.append(layers.Conv2D(filters, 1))
    images = np.random.default_rng(0).random((8, *shape), dtype=np.float32)
    return to_tflite(Sequential(parts), "int8", images)


def latencies() -> dict[tuple[int, int, Block], float]:
    """Milliseconds of every block behind every number of channels it can meet: the median of interleaved rounds."""
    from ai_edge_litert.interpreter import Interpreter

    cases = [
        (index, channels, block)
        for index in range(len(STRIDES))
        for channels in (FILTERS if index else (1,))
        for block in _MENU
    ]
    interpreters = {}
    for case in track(cases, "blocks"):
        interpreters[case] = Interpreter(model_content=tflite(*case), num_threads=1)
        interpreters[case].allocate_tensors()
    rounds: dict[tuple[int, int, Block], list[float]] = {case: [] for case in cases}
    for _ in track(range(_ROUNDS), "latency"):
        for case, interpreter in interpreters.items():
            times = []
            for _ in range(_RUNS):
                start = time.perf_counter()
                interpreter.invoke()
                times.append(1e3 * (time.perf_counter() - start))
            rounds[case].append(statistics.median(times))
    return {case: statistics.median(times) for case, times in rounds.items()}


def main() -> None:
    blocks_ms = latencies()
    names = [f"block{index}.{field}" for index in (1, 2, 3) for field in ("op", "kernel", "filters")]
    seeds = [f"accuracy_{seed}" for seed in range(_SEEDS)]
    rows = [[*names, *seeds, "accuracy", "latency_ms"]]
    for blocks, measured in accuracies().items():
        channels = (1, blocks[0][2], blocks[1][2])
        total = sum(blocks_ms[index, channels[index], block] for index, block in enumerate(blocks))
        flat = [value for block in blocks for value in block]
        shown = [f"{value:.4f}" for value in (*measured, statistics.fmean(measured))]
        rows.append([*map(str, flat), *shown, f"{total:.4f}"])
    text = "".join(",".join(row) + "\n" for row in rows)
    TABLE.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{TABLE}: {len(rows) - 1} nets, {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
