import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_bench.errors import BadRequest, CommandTimeout, PushFailed
from device_bench.local import LocalTransport


@pytest.fixture
def host():
    transport = LocalTransport()
    yield transport
    transport.close()


def _ends(pid: int) -> bool:
    """A killed process is gone a moment after the signal, not at it."""
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _alive(pid)


def _alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_closing_leaves_nothing(host):
    host.push(b"1", "a/b")
    host.close()
    assert not Path(host.workdir).exists()


def test_what_a_killed_process_left_is_swept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    script = (
        f"import os, tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
        "from device_bench.local import LocalTransport\n"
        "print(LocalTransport().workdir, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    left = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout.strip()
    mine = LocalTransport()
    assert Path(left).is_dir()
    monkeypatch.setattr("device_bench.local._FRESH_S", -1.0)
    other = LocalTransport()
    assert not Path(left).exists()
    assert Path(mine.workdir).is_dir()
    mine.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


def test_grandchildren_end_with_the_command(host):
    with pytest.raises(CommandTimeout):
        host.shell(("sh", "-c", "sleep 60 & echo $! > child; wait"), timeout_s=0.5)
    assert _ends(int(host.pull("child")))


def test_an_interrupt_ends_the_command(tmp_path):
    script = (
        "from device_bench.local import LocalTransport\n"
        f"LocalTransport().shell(('sh', '-c', 'echo $$ > {tmp_path}/pid; sleep 60'), timeout_s=60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    pid_file = tmp_path / "pid"
    for _ in range(200):
        if pid_file.exists() and pid_file.read_text().strip():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) != 0
    assert _ends(int(pid_file.read_text()))


def test_a_program_that_cannot_be_executed_is_126(host):
    host.push(b"not a program", "file", mode=0o644)
    assert host.shell((f"{host.workdir}/file",), timeout_s=5).exit_code == 126
    host.push(b"\x00\x01 no format", "file", mode=0o755)
    assert host.shell((f"{host.workdir}/file",), timeout_s=5).exit_code == 126


@pytest.mark.parametrize("argv", [(), ("echo", "a\0b")])
def test_what_is_no_command_is_refused(host, argv):
    with pytest.raises(BadRequest):
        host.shell(argv, timeout_s=5)


def test_a_path_with_a_nul_is_refused(host):
    with pytest.raises(BadRequest):
        host.push(b"", "a\0b")


def test_a_full_disk_leaves_nothing(host):
    if os.geteuid():
        pytest.skip("mounting a small disk needs root")
    mounted = Path(host.workdir, "disk")
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mounted], check=True)
    try:
        with pytest.raises(PushFailed, match="No space left") as caught:
            host.push(b"x" * 2_000_000, "disk/file")
        assert caught.value.reason == "No space left on device"
        assert list(mounted.iterdir()) == []
    finally:
        subprocess.run(["umount", mounted], check=True)
