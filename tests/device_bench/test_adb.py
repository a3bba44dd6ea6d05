"""The transport against a real adbd over a real link: what it does when nothing goes wrong."""

import os
import socket
import stat
import statistics
import threading
import time

import pytest
from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

from device_bench.adb import transport as adb
from device_bench.adb.transport import open_tcp, open_usb
from device_bench.errors import BadRequest, CommandTimeout, DeviceLost, PullFailed, PushFailed

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]


@pytest.fixture
def transport(phone):
    opened = open_tcp(phone.host, phone.port)
    yield opened
    opened.shell(["sh", "-c", f"rm -rf {opened.workdir}/*"], timeout_s=9)
    opened.close()


def test_a_command_gives_its_exit_code_and_both_outputs_apart(transport):
    done = transport.shell(["sh", "-c", "echo out; echo err >&2; exit 7"], timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")


@pytest.mark.parametrize("word", ["a  b", "$HOME `id`", "'quoted' \"twice\"", "new\nline", "", "; exit 3", "ä ☃"])
def test_every_word_reaches_the_command_unchanged(transport, word):
    assert transport.shell(["printf", "%s|", word, "end"], timeout_s=5).stdout == f"{word}|end|"


@pytest.mark.parametrize(("signal", "code"), [("ABRT", 134), ("BUS", 135), ("SEGV", 139)])
def test_a_crash_shows_in_the_exit_code(transport, signal, code):
    assert transport.shell(["sh", "-c", f"kill -{signal} $$"], timeout_s=5).exit_code == code


def test_a_missing_command_gives_127(transport):
    assert transport.shell(["no-such-tool"], timeout_s=5).exit_code == 127


def test_an_empty_command_is_refused(transport):
    with pytest.raises(BadRequest):
        transport.shell([], timeout_s=5)


def test_a_command_cannot_wait_for_input(transport):
    assert transport.shell(["cat"], timeout_s=5).stdout == ""


def test_binary_and_large_output_arrive_whole(transport):
    done = transport.shell(["sh", "-c", "printf '\\377\\376x'; head -c 3000000 /dev/zero | tr '\\0' y"], timeout_s=20)
    assert done.stdout.startswith("\ufffd\ufffdx")
    assert len(done.stdout) == 3_000_003


def test_a_silent_command_may_last_longer_than_any_default(transport):
    assert transport.shell(["sh", "-c", "sleep 11; echo there"], timeout_s=20).stdout == "there\n"


def test_a_command_past_its_limit_ends_on_the_phone_with_its_children(phone, transport):
    began = time.monotonic()
    with pytest.raises(CommandTimeout, match="ended there"):
        transport.shell(["sh", "-c", "trap '' TERM; sleep 71 & sleep 72; echo never"], timeout_s=1)
    assert time.monotonic() - began < 6
    assert phone.processes() == []
    assert transport.shell(["echo", "next"], timeout_s=5).stdout == "next\n"


def test_what_a_command_leaves_in_the_background_ends_with_it(phone, transport):
    assert transport.shell(["sh", "-c", "sleep 73 & echo started"], timeout_s=5).stdout == "started\n"
    assert phone.processes() == []


def test_a_command_that_itself_exits_124_is_no_time_out(transport):
    assert transport.shell(["sh", "-c", "exit 124"], timeout_s=9).exit_code == 124


def test_a_round_trip_does_not_wait_for_nagle(transport):
    def round_trip_s():
        began = time.perf_counter()
        transport.shell(["true"], timeout_s=5)
        return time.perf_counter() - began

    # Nagle's algorithm with delayed acknowledgements adds 40 ms at least; bench/adb_push.py shows the figure.
    assert statistics.median(round_trip_s() for _ in range(20)) < 0.04


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_001])
def test_a_pushed_file_comes_back_the_same(transport, size):
    data = os.urandom(size)
    transport.push(data, "some/where/file")
    assert transport.pull("some/where/file") == data


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600])
def test_a_pushed_file_has_the_asked_mode_also_when_it_was_there(phone, transport, mode):
    transport.push(b"model", "file", mode=0o640)
    transport.push(b"model", "file", mode=mode)
    assert stat.S_IMODE((phone.files / transport.workdir.lstrip("/") / "file").stat().st_mode) == mode


def test_an_unchanged_file_is_not_pushed_twice(phone, transport):
    file = phone.files / transport.workdir.lstrip("/") / "file"
    transport.push(b"one", "file")
    first = file.stat().st_ino
    transport.push(b"one", "file")
    assert file.stat().st_ino == first
    transport.push(b"two", "file")
    assert file.stat().st_ino != first
    assert transport.pull("file") == b"two"


def test_a_file_changed_on_the_phone_is_pushed_again(transport):
    transport.push(b"model", "file")
    transport.shell(["sh", "-c", f"echo broken >{transport.workdir}/file"], timeout_s=5)
    transport.push(b"model", "file")
    assert transport.pull("file") == b"model"


def test_a_push_leaves_nothing_but_the_file(phone, transport):
    transport.push(b"model", "file")
    assert [one.name for one in (phone.files / transport.workdir.lstrip("/")).iterdir()] == ["file"]


def test_a_directory_is_not_overwritten_by_a_file(transport):
    transport.push(b"x", "folder/file")
    with pytest.raises(PushFailed, match="is a directory"):
        transport.push(b"model", "folder")


def test_pulling_a_missing_file_says_so(transport):
    with pytest.raises(PullFailed, match="No such file"):
        transport.pull("nothing")


def test_remove_takes_a_folder_or_nothing(transport):
    transport.push(b"x", "folder/file")
    transport.remove("folder")
    transport.remove("folder")
    assert transport.shell(["ls", transport.workdir], timeout_s=5).stdout == ""


def test_a_closed_transport_says_so(phone):
    opened = open_tcp(phone.host, phone.port)
    opened.close()
    opened.close()
    with pytest.raises(DeviceLost, match="closed here"):
        opened.shell(["true"], timeout_s=5)


def test_two_clients_at_one_phone_do_not_meet(phone, transport):
    other = open_tcp(phone.host, phone.port)
    wrong = []

    def talk(client, word):
        for round_ in range(15):
            said = client.shell(["echo", f"{word}{round_}"], timeout_s=5).stdout
            client.push(word.encode() * 100_000, "both")
            if said != f"{word}{round_}\n" or client.pull("both")[:1] not in (b"a", b"b"):
                wrong.append(said)

    threads = [threading.Thread(target=talk, args=pair) for pair in ((transport, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert transport.pull("both") in (b"a" * 100_000, b"b" * 100_000)
    assert [one.name for one in (phone.files / transport.workdir.lstrip("/")).iterdir()] == ["both"]
    other.close()


def test_threads_on_one_transport_take_turns(transport):
    answers = {}

    def ask(number):
        answers[number] = transport.shell(["echo", str(number)], timeout_s=10).stdout

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == {number: f"{number}\n" for number in range(8)}


def test_an_aarch64_phone_answers_the_same_way(arm_phone):
    opened = open_tcp(arm_phone.host, arm_phone.port)
    data = os.urandom(300_000)
    opened.push(data, "file")
    assert opened.pull("file") == data
    assert opened.shell(["uname", "-m"], timeout_s=10).stdout == "aarch64\n"
    with pytest.raises(CommandTimeout):
        opened.shell(["sleep", "60"], timeout_s=1)
    assert arm_phone.processes() == []
    opened.close()


class Cable:
    """A stand-in for adb-shell's USB handle that ends at a real adbd, taking 5,000 bytes at once."""

    serial_number = "R58M"

    def __init__(self, phone):
        self.phone, self.socket = phone, None

    def connect(self, timeout_s):
        self.socket = socket.create_connection((self.phone.host, self.phone.port), timeout_s)

    def bulk_write(self, data, timeout_s):
        try:
            self.socket.sendall(data[:5000])
        except OSError as error:
            raise UsbWriteFailedError("could not send", error) from error
        return len(data[:5000])

    def bulk_read(self, size, timeout_s):
        self.socket.settimeout(timeout_s)
        try:
            if data := self.socket.recv(size):
                return data
        except TimeoutError:
            raise UsbReadFailedError("could not receive", type("USBErrorTimeout", (Exception,), {})()) from None
        raise UsbReadFailedError("could not receive", type("USBErrorNoDevice", (Exception,), {})())

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def test_the_usb_route_reaches_a_real_adbd_and_finds_a_replugged_phone(mortal_phone, monkeypatch, tmp_path):
    monkeypatch.setattr(adb, "_usb_handles", lambda: {"R58M": (Cable(mortal_phone), 512)})
    opened = open_usb("R58M", key=tmp_path / "key")
    data = os.urandom(300_000)
    opened.push(data, "file")
    assert opened.pull("file") == data
    with pytest.raises(CommandTimeout):
        opened.shell(["sleep", "60"], timeout_s=1)
    mortal_phone.kill_adbd()
    mortal_phone.await_adbd()
    with pytest.raises(DeviceLost):
        opened.shell(["true"], timeout_s=5)
    assert opened.shell(["echo", "again"], timeout_s=5).stdout == "again\n"
    opened.close()


def test_a_phone_that_is_not_on_usb_is_named():
    with pytest.raises(DeviceLost, match="adb:NO-SUCH: no such phone on USB"):
        open_usb("NO-SUCH")
