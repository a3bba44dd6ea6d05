import pytest
from tiny_model import tiny_model

from device_bench.canary import canary_model
from device_bench.errors import BadRequest
from device_bench.json_runner import host_runner
from device_bench.local import LocalTransport
from device_bench.model_file import check_model, model_precision
from device_bench.runner import BenchSpec


@pytest.mark.parametrize("model", [tiny_model(), canary_model()])
def test_a_float_model_is_float32(model):
    check_model(model, "it")
    assert model_precision(model) == "float32"


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04TFL4" + b"x" * 20, tiny_model()[:12]])
def test_other_files_are_refused(content):
    with pytest.raises(BadRequest, match=r"a\.bin is no TFLite file"):
        check_model(content, "a.bin")


def test_a_damaged_file_is_refused():
    with pytest.raises(BadRequest, match="damaged"):
        model_precision(b"\xff\xff\xff\x7fTFL3" + b"\xff" * 40)


def test_the_canary_is_always_the_same_and_runs():
    assert canary_model() == canary_model.__wrapped__()
    host = LocalTransport()
    try:
        host.push(canary_model(), "canary.tflite")
        spec = BenchSpec(runs=3, warmup_runs=1)
        completed = host.shell(host_runner().argv(spec, "canary.tflite"), timeout_s=60)
        assert host_runner().parse(spec, completed).runs == 3
    finally:
        host.close()
