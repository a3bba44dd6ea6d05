import subprocess
import sys

import pytest
from tiny_model import tiny_model
from told_runner import ToldRunner

import device_bench
from device_bench.device import open_device
from device_bench.errors import BadRequest, BenchError, DeviceLost
from device_bench.runners.runner import BenchSpec


def test_this_machine_opens_and_closes(tmp_path):
    with open_device("host") as host:
        assert host.name == "host"
        assert host.push_model(tiny_model()).endswith(".tflite")
        assert host.describe()["abi"] == host.info.abi
        assert host.state().load >= 0
    with pytest.raises(DeviceLost, match="closed here"):
        host.state()


@pytest.mark.parametrize("name", ["", "phone", "hosts", "adbx:1", "host:1"])
def test_an_unknown_name_says_what_is_known(name):
    with pytest.raises(BadRequest, match="use host, adb:SERIAL"):
        open_device(name)


def test_a_runner_that_cannot_be_installed_closes_the_connection():
    seen = []

    def install(transport):
        seen.append(transport)
        raise BenchError("no room")

    with pytest.raises(BenchError, match="no room"):
        open_device("host", install)
    with pytest.raises(DeviceLost):
        seen[0].shell(("pwd",), timeout_s=5)


def test_core_names_become_this_devices_mask(tmp_path):
    with open_device("host", ToldRunner(tmp_path).install) as host:
        assert host.resolve(BenchSpec(cores="all")).core_mask >= 1
        assert host.resolve(BenchSpec()).cores is None
        with pytest.raises(BadRequest, match="unknown cores"):
            host.resolve(BenchSpec(cores="fast"))


def test_every_public_name_is_there():
    for name in device_bench.__all__:
        assert getattr(device_bench, name).__name__ if name != "Verdict" else device_bench.Verdict
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = device_bench.Nothing


def test_importing_the_package_is_light():
    heavy = "{'tensorflow', 'tf_keras', 'pandas', 'matplotlib', 'numpy', 'ai_edge_litert'}"
    script = f"import sys, device_bench; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_measuring_needs_no_tensorflow():
    script = (
        "import sys; from device_bench import measure, open_device, judge; "
        "sys.exit('tensorflow' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
