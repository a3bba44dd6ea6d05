"""Times that no device can reach are refused; those that one can are not, however small the network."""

import numpy as np
import pytest
from tiny_graph import Body, Tensor, convolution, tiny_graph
from tiny_model import tiny_model
from tool_outputs import GPU

from device_bench.errors import RunnerError
from device_bench.local import LocalTransport
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.runners.json_runner import host_runner
from device_bench.runners.runner import BenchSpec, Session
from device_bench.timing.canary import canary_model
from device_bench.timing.plausible import Work, check_plausible, least_us, least_work

# A pose network of 360x640, reported at 274 us on a phone's GPU where 16,000 to 22,000 are true.
POSE = Work(macs=2e9, moved_bytes=130e6)


def session(*samples_us):
    return Session.of_samples(samples_us, runtime="LiteRT")


def refused(work, spec, *samples_us):
    try:
        check_plausible(session(*samples_us), work, spec)
    except RunnerError as error:
        return str(error)
    return ""


def test_the_layers_of_a_file_are_counted():
    work = least_work(canary_model())
    assert work.macs == 2 * 56 * 56 * 64 * 9 * 64
    assert work.moved_bytes == 2 * 2 * (2 * 56 * 56 * 64 + 9 * 64 * 64)
    assert least_work(tiny_model()) == Work(0, 0)


def test_what_no_output_needs_counts_nothing():
    weights = Tensor((8, 1, 1, 8), "FLOAT32", np.ones((8, 1, 1, 8), np.float32))
    bias, image = Tensor((8,), "FLOAT32", np.zeros(8, np.float32)), Tensor((1, 4, 4, 8))
    tensors = [image, weights, bias, image, image]
    both = tiny_graph(Body(tensors, [convolution(0, 1, 2, 3), convolution(3, 1, 2, 4)]))
    one = tiny_graph(Body(tensors, [convolution(0, 1, 2, 3), convolution(0, 1, 2, 4)]))
    assert least_work(both).macs == 2 * least_work(one).macs == 2 * 16 * 64
    made_of_constants = [Tensor((1, 4, 4, 8), "FLOAT32", np.ones((1, 4, 4, 8), np.float32)), *tensors[1:], image]
    folded = tiny_graph(Body(made_of_constants, [convolution(0, 1, 2, 3), convolution(5, 1, 2, 4)], [5], [4]))
    assert least_work(folded).macs == 16 * 64


@pytest.mark.parametrize("delegate", ["gpu", "npu", "nnapi"])
def test_a_time_of_submission_is_refused_and_a_true_one_is_not(delegate):
    spec = BenchSpec(delegate=delegate)
    impossible_us = 274.0 if delegate == "gpu" else 6.0
    words = refused(POSE, spec, impossible_us, impossible_us)
    assert f"{impossible_us:g} us is not an inference time: 2000 million multiply-adds and 130 MB" in words
    assert "did not wait for the result" in words
    assert refused(POSE, spec, 16_000.0, 22_000.0) == ""
    assert refused(POSE, spec, 1_000.0) == ""


def test_one_impossible_inference_among_many_is_enough():
    assert "274 us" in refused(POSE, BenchSpec(delegate="gpu"), *[17_000.0] * 9, 274.0)


def test_memory_alone_makes_a_time_impossible():
    assert "not an inference time" in refused(Work(1e6, 400e6), BenchSpec(delegate="gpu"), 700.0)
    assert refused(Work(1e6, 400e6), BenchSpec(delegate="gpu"), 6_000.0) == ""


@pytest.mark.parametrize("delegate", ["cpu", "gpu", "npu", "nnapi"])
def test_a_tiny_network_may_be_fast(delegate):
    spec = BenchSpec(delegate=delegate)
    assert refused(least_work(tiny_model()), spec, 0.4) == ""
    # MobileNetV1 0.25 at 128: 14 million multiply-adds and half a million weights.
    assert refused(Work(14e6, 1.5e6), spec, 40.0) == ""


def test_more_cores_are_faster():
    work = least_work(canary_model())
    assert least_us(work, BenchSpec(threads=4)) == least_us(work, BenchSpec()) / 4
    assert least_us(work, BenchSpec(threads=4, delegate="gpu")) == least_us(work, BenchSpec(delegate="gpu"))


def test_this_machine_is_above_the_bound():
    host = LocalTransport()
    try:
        host.push(canary_model(), "canary.tflite")
        spec = BenchSpec(runs=3, warmup_runs=1)
        timed = host_runner().parse(spec, host.shell(host_runner().argv(spec, "canary.tflite"), timeout_s=60))
    finally:
        host.close()
    check_plausible(timed, least_work(canary_model()), spec)
    assert timed.center_us > 3 * least_us(least_work(canary_model()), spec)


def test_a_mean_of_benchmark_model_is_judged_too():
    timed = BenchmarkModel("/x/benchmark_model").parse(GPU.spec, GPU.completed)
    with pytest.raises(RunnerError, match=r"1241 us is not an inference time"):
        check_plausible(timed, Work(20e9, 1e6), GPU.spec)
    check_plausible(timed, Work(300e6, 14e6), GPU.spec)
