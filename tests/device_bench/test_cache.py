"""What stays on a device, and what goes: on this machine, under the shells and tools of phones, and on a full phone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_model import tiny_model

from device_bench.cache import KEPT_MODELS, KEPT_PROGRAMS, tidy
from device_bench.device import Device, open_device
from device_bench.errors import NoRoom
from device_bench.local import LocalTransport
from device_bench.runners.json_runner import JsonRunner
from device_bench.transport import Completed

_SHELLS = ["dash", "mksh", "busybox"]


class Folder:
    """A `Transport` as far as `tidy` needs one: a folder, a shell of choice, its calls counted."""

    def __init__(self, workdir, command, path):
        self.workdir, self.command, self.path, self.calls = str(workdir), command, path, 0

    def shell(self, argv, *, timeout_s):
        self.calls += 1
        words = [*self.command, *argv[1:]]
        done = subprocess.run(words, env={"PATH": self.path}, capture_output=True, text=True, timeout=timeout_s)
        return Completed(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=_SHELLS)
def folder(request, tmp_path):
    """The working directory, under a shell and the tools that come with it."""
    programs, box = shutil.which(request.param), {"mksh": "toybox", "busybox": "busybox"}.get(request.param)
    if programs is None or (box and shutil.which(box) is None):
        pytest.skip(f"needs {request.param} and {box or 'coreutils'}")
    path = os.environ["PATH"]
    if box:
        (tmp_path / "tools").mkdir()
        for tool in ("ls", "rm", "touch"):
            (tmp_path / "tools" / tool).symlink_to(shutil.which(box))
        path = str(tmp_path / "tools")
    (tmp_path / "work").mkdir()
    command = [programs, *(["sh"] if request.param == "busybox" else [])]
    return Folder(tmp_path / "work", command, path)


def fill(folder, count, *, size=10):
    made = []
    for number in range(count):
        path = Path(folder.workdir, f"{number:016x}.tflite")
        path.touch()
        os.truncate(path, size)
        os.utime(path, (1e9 + number,) * 2)
        made.append(str(path))
    return made


def names(folder):
    return sorted(one.name for one in Path(folder.workdir).iterdir())


def test_the_models_used_last_stay_in_one_round_trip(folder):
    made = fill(folder, 700)
    tidy(folder)
    assert names(folder) == [Path(path).name for path in made[-KEPT_MODELS:]]
    assert folder.calls == 1


def test_what_is_in_use_stays_however_old_and_however_much(folder):
    made = fill(folder, 200)
    tidy(folder, made[:100])
    assert set(made[:100]) <= {f"{folder.workdir}/{name}" for name in names(folder)}
    tidy(folder, made[:100], empty=True)
    assert len(names(folder)) == 100


def test_using_a_model_makes_it_young(folder):
    made = fill(folder, KEPT_MODELS + 1)
    tidy(folder, made[:1])
    tidy(folder)
    assert Path(made[0]).name in names(folder)


def test_bytes_are_bounded_too(folder):
    made = fill(folder, 5, size=100 << 20)
    tidy(folder)
    assert names(folder) == [Path(path).name for path in made[-2:]]
    # Larger than a shell that counts in 32 bits can count.
    fill(folder, 1, size=5 << 30)
    os.utime(made[0], (2e9, 2e9))
    tidy(folder)
    assert names(folder) == []


def test_what_transfers_left_goes_and_what_is_not_ours_stays(folder):
    for number in range(KEPT_PROGRAMS + 2):
        Path(folder.workdir, f"litert-{number:012x}").mkdir()
        os.utime(f"{folder.workdir}/litert-{number:012x}", (1e9 + number,) * 2)
    others = ["before-benchmark", "lease", "my model.tflite", "* .tflite", "notes.txt", "$(rm -rf x).tflite"]
    parts = ["x.part", "litert-000000000005/y.part", "odd name.part"]
    for name in (*others, *parts):
        Path(folder.workdir, name).touch()
    tidy(folder, [f"{folder.workdir}/litert-000000000000/litert_bench"])
    kept = [f"litert-{number:012x}" for number in (0, *range(3, KEPT_PROGRAMS + 2))]
    assert names(folder) == sorted([*others, *kept])
    assert list(Path(folder.workdir, "litert-000000000005").iterdir()) == []


def test_a_device_releases_what_was_measured_and_removes_it_in_time():
    with Device(LocalTransport(), JsonRunner("none", ("true",))) as device:
        pinned = device.push_model(b"pinned")
        for number in range(3 * KEPT_MODELS):
            device.release([device.push_model(b"%d" % number)])
        left = [one.name for one in Path(device.transport.workdir).glob("*.tflite")]
        assert len(left) < 2 * KEPT_MODELS + 1
        assert Path(pinned).name in left


def test_a_model_pushed_twice_is_in_use_until_released_twice():
    with Device(LocalTransport(), JsonRunner("none", ("true",))) as device:
        path = device.push_model(b"canary")
        device.push_model(b"canary")
        device.release([path])
        tidy(device.transport, device._in_use(), empty=True)
        assert Path(path).exists()
        device.release([path])
        tidy(device.transport, device._in_use(), empty=True)
        assert not Path(path).exists()


@pytest.mark.xdist_group("adbd")
@pytest.mark.usefixtures("at_desk")
class TestPhone:
    @pytest.fixture(autouse=True)
    def leases(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    @staticmethod
    def opened(phone):
        return open_device(f"adb:{phone.host}", lambda transport: JsonRunner("none", ("true",)))

    @staticmethod
    def models(phone):
        return list((phone.files / "data/local/tmp/mnas").glob("*.tflite"))

    def test_many_models_leave_few(self, mortal_phone):
        with self.opened(mortal_phone) as device:
            for number in range(KEPT_MODELS + 10):
                device.push_model(tiny_model() + b"%d" % number)
            assert len(self.models(mortal_phone)) == KEPT_MODELS + 10
        assert len(self.models(mortal_phone)) == KEPT_MODELS
        (mortal_phone.files / "data/local/tmp/mnas/killed.part").write_bytes(b"half")
        with self.opened(mortal_phone):
            assert not list((mortal_phone.files / "data/local/tmp/mnas").glob("*.part"))

    def test_a_full_phone_is_emptied_of_what_is_not_in_use(self, mortal_phone):
        mortal_phone.mount_tmpfs("/data/local/tmp/mnas", "size=10m")
        with self.opened(mortal_phone) as device:
            used = device.push_model(bytes(3 << 20))
            for number in range(8):
                device.release([device.push_model(bytes(2 << 20) + b"%d" % number)])
            assert used.rpartition("/")[2] in {one.name for one in self.models(mortal_phone)}
            with pytest.raises(NoRoom, match=r"no room for .*; free some space there \(.*No space left") as caught:
                device.push_model(bytes(9 << 20))
            assert "\n" not in str(caught.value)
            assert [one.name for one in self.models(mortal_phone)] == [used.rpartition("/")[2]]
            assert not list((mortal_phone.files / "data/local/tmp/mnas").glob("*.part"))

    def test_a_phone_without_inodes_is_full_too(self, mortal_phone):
        mortal_phone.mount_tmpfs("/data/local/tmp/mnas", "size=10m,nr_inodes=8")
        with self.opened(mortal_phone) as device:
            for number in range(20):
                device.release([device.push_model(b"%d" % number)])
