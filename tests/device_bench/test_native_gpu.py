"""The C runner on a real accelerator of LiteRT: its WebGPU one, on Chromium's GPU in software."""

import ctypes.util
import os
from pathlib import Path

import numpy as np
import pytest
from tiny_graph import chain, tiny_graph

from device_bench.device import open_device
from device_bench.runners.native_runner import NativeFiles, find_files, install_native, platform_of
from device_bench.runners.runner import BenchSpec
from device_bench.timing.canary import canary_model
from device_bench.timing.measurement import measure
from device_bench.timing.protocol import TimingProtocol

_DRIVER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
_PROTOCOL = TimingProtocol(min_sessions=1, max_sessions=1, canary_limit=None)


@pytest.fixture
def device(monkeypatch):
    """This machine with a GPU in software."""
    absent = [name for name, there in (("chromium", _DRIVER.exists()), ("libvulkan1", _vulkan())) if not there]
    reason = f"no GPU in software here, missing Debian's {', '.join(absent)}" if absent else ""
    if reason and os.environ.get("MNAS_NO_SKIP") == "1":
        raise RuntimeError(reason)
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("VK_ICD_FILENAMES", str(_DRIVER))
    with open_device("host", _install) as opened:
        yield opened


def _vulkan():
    return ctypes.util.find_library("vulkan") is not None


def _install(transport):
    files = find_files(platform_of(transport))
    accelerator = files.library.with_name("libLiteRtWebGpuAccelerator.so")
    return install_native(transport, NativeFiles(files.program, files.library, files.runtime, (accelerator,)))


def _time(device, model, **values):
    spec = BenchSpec(runs=3, warmup_runs=2, **values)
    return measure(device, {"it": model}, _PROTOCOL, spec, rng=np.random.default_rng(0))["it"]


def test_a_time_of_the_gpu_is_that_of_its_work(device):
    """A GPU in software is slower than the CPU's own kernels; the call that queues its work is much faster."""
    gpu, cpu = _time(device, canary_model(), delegate="gpu"), _time(device, canary_model())
    assert (gpu.verdict, cpu.verdict) == ("valid", "valid")
    assert gpu.median_ms > cpu.median_ms


def test_a_shape_that_was_chosen_runs_on_an_accelerator_that_takes_fixed_ones(device):
    model = tiny_graph(chain(["FLOAT32"] * 3, shape=(-1, -1, -1, 4)))
    assert _time(device, model, delegate="gpu", shapes=("1,9,9,4",)).verdict == "valid"
