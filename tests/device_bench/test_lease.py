import subprocess
import sys
import time

import pytest

from device_bench.lease import DeviceBusy, lease


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize(("held", "wanted"), [("adb:X", "adb:X"), ("adb:X", "adb-server:X"), ("host", "host")])
def test_a_device_has_one_user(held, wanted):
    with lease(held), pytest.raises(DeviceBusy, match="in use by process"), lease(wanted):
        pass
    with lease(wanted):
        pass


def test_two_devices_have_two():
    with lease("adb:X"), lease("adb:Y"), lease("host"):
        pass


def test_it_is_given_back_when_something_breaks():
    with pytest.raises(RuntimeError), lease("adb:X"):
        raise RuntimeError
    with lease("adb:X"):
        pass


def _holder(seconds):
    hold = f"with lease('adb:X'):\n    print(1, flush=True)\n    time.sleep({seconds})"
    script = f"import time\nfrom device_bench.lease import lease\n{hold}"
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_another_process_is_named_and_its_death_frees_the_device():
    with _holder(60) as process:
        with pytest.raises(DeviceBusy, match=f"process {process.pid};"), lease("adb:X"):
            pass
        process.kill()
        process.wait()
        with lease("adb:X"):
            pass


def test_waiting_for_another_process():
    with _holder(0.5):
        start = time.monotonic()
        with lease("adb:X", wait_s=20):
            assert time.monotonic() - start > 0.1
