"""The guard of a command in the shells, and with the programs, of phones and boards; no phone is needed for it."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from adbd_rig.fixtures import FORKING_SETSID
from adbd_rig.prerequisites import require_programs
from trouble import wait_until

from device_bench.adb.scripts import guarded

# Shell, programs, and what the programs lack or do otherwise.
_PLACES = {
    "Android 14": ("mksh", "toybox", ()),
    "Android 11": ("mksh", "toybox", ("setsid forks",)),
    "Android 7": ("mksh", "toybox", ("setsid", "timeout")),
    "busybox": ("busybox", "busybox", ()),
    "small busybox": ("busybox", "busybox", ("timeout",)),
    "Debian": ("dash", "coreutils", ()),
    "dash beside toybox": ("dash", "toybox", ()),
    "bash alone": ("bash", "coreutils", ("setsid", "timeout")),
}
_COREUTILS = ("cat", "printf", "setsid", "sleep", "timeout")


def _programs(box):
    if box == "coreutils":
        return {name: shutil.which(name) for name in _COREUTILS}
    listing = {"toybox": ["toybox"], "busybox": ["busybox", "--list"]}[box]
    names = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()
    return dict.fromkeys((box, *names), shutil.which(box))


@pytest.fixture(scope="module", params=_PLACES)
def place(request, tmp_path_factory):
    """A folder with this shell, as `sh`, and these programs."""
    shell, box, otherwise = _PLACES[request.param]
    if reason := require_programs(shell, *({box} - {"coreutils"})):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("place")
    for name, program in (_programs(box) | {"sh": shutil.which(shell)}).items():
        (folder / name).symlink_to(program)
    for name in otherwise:
        (folder / name.removesuffix(" forks")).unlink()
        if name == "setsid forks":
            (folder / "setsid").write_text(FORKING_SETSID)
            (folder / "setsid").chmod(0o755)
    return folder


class _Command:
    """A guarded command, started as adbd does: standard input is a socket, the outputs are pipes."""

    def __init__(self, place, limit_s, *words):
        self._connection, there = socket.socketpair()
        self._process = subprocess.Popen(
            [place / "sh", "-c", guarded(words, limit_s)],
            stdin=there,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": str(place), "HOME": "/"},
            start_new_session=True,
            text=True,
        )
        there.close()

    def cut(self):
        self._connection.close()

    def hang_up(self):
        self._process.send_signal(1)

    def ended(self):
        """Exit code, standard output, standard error."""
        try:
            stdout, stderr = self._process.communicate(timeout=15)
        finally:
            self._process.kill()
            self._connection.close()
        return self._process.returncode, stdout, stderr


def _running(mark):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture
def mark():
    """A number of seconds that nobody else sleeps for."""
    return str(10**7 + os.getpid() * 100 + time.monotonic_ns() % 100)


def test_a_command_tells_how_it_ended_and_says_nothing_else(place):
    assert _Command(place, 5, "sh", "-c", "echo out; echo err >&2; exit 7").ended() == (7, "out\n", "err\n")
    assert _Command(place, 5, "sh", "-c", "echo reason >&2; kill -SEGV $$").ended() == (139, "", "reason\n")


def test_a_missing_command_is_127_and_named(place):
    code, _, said = _Command(place, 5, "no-such").ended()
    assert code == 127
    assert "no-such" in said


def test_words_arrive_as_they_are(place):
    assert _Command(place, 5, "printf", "%s|", "a  b", "$HOME", "if", "'", "").ended() == (0, "a  b|$HOME|if|'||", "")


def test_there_is_nothing_to_read(place):
    assert _Command(place, 5, "cat").ended() == (0, "", "")


def test_whatever_hangs_ends_at_its_limit(place, mark):
    scripts = (f"sleep {mark} & sleep {mark}; echo never", "trap '' TERM INT HUP; while :; do :; done", "kill -STOP $$")
    for command in [_Command(place, 1, "sh", "-c", script) for script in scripts]:
        assert command.ended() == (137, "", "")
    wait_until(lambda: not _running(mark))


@pytest.mark.parametrize("hang_up", [False, True])
def test_a_command_ends_with_the_connection(place, mark, hang_up):
    command = _Command(place, 60, "sh", "-c", f"sleep {mark} & sleep {mark}")
    wait_until(lambda: len(_running(mark)) >= 2)
    if hang_up:
        command.hang_up()
    command.cut()
    command.ended()
    wait_until(lambda: not _running(mark))


def test_what_is_left_in_the_background_does_not_delay_the_end_and_ends(place, mark):
    assert _Command(place, 60, "sh", "-c", f"sleep {mark} & echo started").ended() == (0, "started\n", "")
    wait_until(lambda: not _running(mark))
