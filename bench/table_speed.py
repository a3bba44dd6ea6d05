"""Predictions a second from architectures, and milliseconds from a TFLite file, for the full MnasNet space at 224.

    python bench/table_speed.py

Cost: about half a minute. Expect: well over 5,000 architectures a second, a file in under 20 ms.
"""

import time

import numpy as np

from device_bench import LatencyTable, to_tflite
from device_bench.latency_table.entry import Entry
from mnas.latency_tables.plan import Target, enumerate_networks
from search_spaces import build_model, published, space
from search_spaces.signatures import signatures

SHAPE = (224, 224, 3)


def main() -> None:
    searched = space("mnasnet", SHAPE)
    target = Target(searched, SHAPE, 1000, "int8")
    keys = enumerate_networks(target, np.random.default_rng(0)).wanted
    a1 = published("mnasnet-a1")
    every = {*keys, *target.signatures(a1)}
    table = LatencyTable({key: Entry(0.1, 0.1, 0.02, 100) for key in every}, {"precision": "int8"})

    rng = np.random.default_rng(1)
    arches = [searched.decode(searched.sample(rng)) for _ in range(5000)]
    began = time.perf_counter()
    for arch in arches:
        table.predict(signatures(arch, SHAPE, 1000, "int8"))
    first = len(arches) / (time.perf_counter() - began)

    images = rng.random((4, *SHAPE), np.float32)
    content = to_tflite(build_model(a1, SHAPE, 1000), "int8", images)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        table.predict(content)
        times.append(time.perf_counter() - began)
    print(f"{len(every)} operators in the table")
    print(f"from architectures: {first:,.0f} a second (5,000 different ones, none seen before)")
    print(f"from a TFLite file of {len(content) / 1e6:.1f} MB: {1e3 * float(np.median(times)):.1f} ms (median of 20)")


if __name__ == "__main__":
    main()
