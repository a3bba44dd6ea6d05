"""A latency table of ten additions, measured within a second or two."""

from tiny_model import tiny_model

from device_bench.latency_table.build import BuildPlan, build
from device_bench.latency_table.carve import carve
from device_bench.latency_table.parts import part_name
from device_bench.latency_table.signature import signatures
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol


def tiny_table(device, folder):
    """Times single additions of different sizes on `device`; their files go to `folder`."""
    parts = {}
    for side in range(64, 224, 16):
        model = tiny_model(operators=1, side=side)
        for signature, content in carve(model, set(signatures(model))).items():
            parts[signature] = part_name(signature)
            (folder / parts[signature]).write_bytes(content)
    plan = BuildPlan(parts, [], folder, BenchSpec(warmup_runs=2, runs=15), max_rounds=3, facts={"precision": "float32"})
    return build(device, plan, TimingProtocol())
