"""Everything that goes wrong between a computer and a phone, on a real adbd over a real link.

In every case: no waiting past the limit, no busy loop, nothing recorded, nothing left running or lying on the phone,
and the next good command works.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from trouble import EACH_PHONE, bounded, later, left_lying, wait_until, works_again

from device_bench.adb import transport as adb
from device_bench.adb.scripts import guarded
from device_bench.adb.transport import open_tcp
from device_bench.errors import AuthRequired, CommandTimeout, DeviceLost, PushFailed, TransportError

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]


@pytest.fixture
def transport(mortal_phone):
    opened = open_tcp(mortal_phone.host, mortal_phone.port, connect_s=2.0, reconnect_s=5.0)
    yield opened
    opened.close()


@EACH_PHONE
def test_adbd_killed_during_a_command(mortal_phone, transport):
    with later(0.4, mortal_phone.kill_adbd), bounded(5), pytest.raises(DeviceLost, match="connection broke"):
        transport.shell(["sleep", "60"], timeout_s=60)
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_killed_connection_ends_the_command_on_the_phone_at_once(mortal_phone, transport):
    with later(0.4, transport._link.close), bounded(5), pytest.raises(DeviceLost):
        transport.shell(["sh", "-c", "sleep 61 & sleep 62"], timeout_s=60)
    wait_until(lambda: mortal_phone.processes() == [])
    works_again(mortal_phone, transport)


def await_transfer(phone):
    """Wait until a file is on its way to the phone."""
    folder = phone.files / "data/local/tmp/mnas"
    wait_until(lambda: any(one.stat().st_size > 1 << 20 for one in folder.glob("*.part")), 20)


@EACH_PHONE
def test_adbd_killed_during_a_push(mortal_phone, transport):
    def kill():
        await_transfer(mortal_phone)
        mortal_phone.kill_adbd()

    with later(0, kill), bounded(20, busy_s=10), pytest.raises(DeviceLost):
        transport.push(bytes(500 << 20), "big")
    assert [name.endswith(".part") for name in left_lying(mortal_phone)] == [True]
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_this_computer_dying_during_a_push_leaves_nothing(mortal_phone, transport):
    program = (
        "import sys; from device_bench.adb.transport import open_tcp; "
        "open_tcp(sys.argv[1]).push(bytes(500 << 20), 'big')"
    )
    with subprocess.Popen([sys.executable, "-c", program, mortal_phone.host]) as child:
        await_transfer(mortal_phone)
        child.kill()
    wait_until(lambda: left_lying(mortal_phone) == [])
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_this_computer_dying_during_a_command_ends_it_on_the_phone(mortal_phone, transport):
    program = (
        "import sys; from device_bench.adb.transport import open_tcp; "
        "open_tcp(sys.argv[1]).shell(['sleep', '77'], timeout_s=99)"
    )
    with subprocess.Popen([sys.executable, "-c", program, mortal_phone.host]) as child:
        wait_until(lambda: "sleep 77" in mortal_phone.processes(), 20)
        child.kill()
    wait_until(lambda: mortal_phone.processes() == [])
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_adbd_killed_between_commands_is_not_noticed_by_the_caller(mortal_phone, transport):
    mortal_phone.kill_adbd()
    mortal_phone.await_adbd()
    works_again(mortal_phone, transport)


def test_adbd_away_for_a_while_is_waited_for(mortal_phone, transport):
    mortal_phone.signal_adbd(signal.SIGSTOP)
    mortal_phone.kill_adbd()
    began = time.monotonic()
    works_again(mortal_phone, transport)
    assert time.monotonic() - began < 15


def test_a_phone_that_stays_away_is_given_up_in_time(mortal_phone):
    transport = open_tcp(mortal_phone.host, mortal_phone.port, connect_s=1.0, reconnect_s=2.0)
    mortal_phone.set_link(up=False)
    transport._link.close()
    with bounded(6), pytest.raises(DeviceLost, match="cannot connect"):
        transport.shell(["true"], timeout_s=5)
    mortal_phone.set_link(up=True)
    works_again(mortal_phone, transport)
    transport.close()


def test_adbd_stopped_past_the_limit_and_continued(mortal_phone, transport):
    with later(0.3, lambda: mortal_phone.signal_adbd(signal.SIGSTOP)):
        with bounded(9), pytest.raises(DeviceLost, match="did not answer within 6 s"):
            transport.shell(["sleep", "60"], timeout_s=1)
        with bounded(30), pytest.raises(DeviceLost, match="no answer"):
            transport.shell(["true"], timeout_s=1)
    mortal_phone.signal_adbd(signal.SIGCONT)
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_adbd_stopped_for_a_moment_only_delays_the_answer(mortal_phone, transport):
    stop, go_on = signal.SIGSTOP, signal.SIGCONT
    with later(0.2, lambda: mortal_phone.signal_adbd(stop)), later(1.2, lambda: mortal_phone.signal_adbd(go_on)):
        done = transport.shell(["sh", "-c", "sleep 0.5; echo late"], timeout_s=5)
    assert done.stdout == "late\n"
    works_again(mortal_phone, transport)


def test_adbd_stopped_while_connecting(mortal_phone):
    mortal_phone.signal_adbd(signal.SIGSTOP)
    with bounded(4), pytest.raises(DeviceLost, match="no answer"):
        open_tcp(mortal_phone.host, mortal_phone.port, connect_s=1.0)
    mortal_phone.signal_adbd(signal.SIGCONT)
    transport = open_tcp(mortal_phone.host, mortal_phone.port)
    works_again(mortal_phone, transport)
    transport.close()


def test_adbd_killed_while_connecting(mortal_phone):
    mortal_phone.signal_adbd(signal.SIGSTOP)
    with later(0.4, mortal_phone.kill_adbd), bounded(4), pytest.raises(DeviceLost, match="cannot connect"):
        open_tcp(mortal_phone.host, mortal_phone.port, connect_s=3.0)
    mortal_phone.await_adbd()
    transport = open_tcp(mortal_phone.host, mortal_phone.port)
    works_again(mortal_phone, transport)
    transport.close()


def test_nothing_listens_there(mortal_phone):
    with bounded(3), pytest.raises(DeviceLost, match=r"Connection refused.*adb tcpip 5555"):
        open_tcp(mortal_phone.host, 5556, connect_s=2.0)


def test_something_else_listens_there(desk):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        with later(0, greet), bounded(4), pytest.raises(TransportError, match="does not speak adb"):
            open_tcp("127.0.0.1", server.getsockname()[1], connect_s=2.0)


def test_a_link_down_for_a_moment_only_delays_the_answer(mortal_phone, transport):
    with later(0.2, lambda: mortal_phone.set_link(up=False)), later(1.0, lambda: mortal_phone.set_link(up=True)):
        done = transport.shell(["sh", "-c", "sleep 0.5; echo late"], timeout_s=10)
    assert done.stdout == "late\n"
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_link_down_past_the_limit(mortal_phone, transport, monkeypatch):
    monkeypatch.setattr(adb, "_GRACE_S", 1.0)
    lost = pytest.raises(DeviceLost, match="did not answer")
    with later(0.2, lambda: mortal_phone.set_link(up=False)), bounded(5), lost:
        transport.shell(["sleep", "60"], timeout_s=1)
    mortal_phone.set_link(up=True)
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_disk_that_is_full(mortal_phone, transport):
    mortal_phone.mount_tmpfs("/data/local/tmp/mnas/small", "size=1m")
    with bounded(10), pytest.raises(PushFailed, match=r"no room for .*free some space") as caught:
        transport.push(os.urandom(40 << 20), "small/model")
    assert "No space left on device" in caught.value.reason
    assert left_lying(mortal_phone) == []
    transport.push(b"fits", "small/model")
    assert transport.pull("small/model") == b"fits"
    transport.remove("small/model")
    works_again(mortal_phone, transport)


@EACH_PHONE
@pytest.mark.parametrize("place", ["/proc/file", "/sealed/file"])
def test_a_push_that_is_refused(mortal_phone, transport, place):
    mortal_phone.mount_tmpfs("/sealed", "ro")
    with bounded(10), pytest.raises(PushFailed, match="was refused") as caught:
        transport.push(os.urandom(5 << 20), place)
    assert caught.value.reason
    works_again(mortal_phone, transport)


@EACH_PHONE
@pytest.mark.parametrize("script", ["trap '' TERM INT HUP; while :; do :; done", "kill -STOP $$", "sleep 99"])
def test_a_command_that_hangs(mortal_phone, transport, script):
    with bounded(6), pytest.raises(CommandTimeout):
        transport.shell(["sh", "-c", script], timeout_s=1)
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_command_that_never_stops_talking(mortal_phone, transport):
    with bounded(20, busy_s=10), pytest.raises(TransportError, match="more than 64 MiB"):
        transport.shell(["cat", "/dev/zero"], timeout_s=15)
    wait_until(lambda: mortal_phone.processes() == [])
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_an_interrupted_wait_leaves_nothing_running(mortal_phone, transport):
    def interrupt():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with later(0.4, interrupt), bounded(5), pytest.raises(KeyboardInterrupt):
        transport.shell(["sleep", "60"], timeout_s=60)
    wait_until(lambda: mortal_phone.processes() == [])
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_two_clients_one_of_which_dies(mortal_phone, transport):
    other = open_tcp(mortal_phone.host, mortal_phone.port)
    with later(0.3, other._link.close):
        assert transport.shell(["sh", "-c", "sleep 1; echo mine"], timeout_s=9).stdout == "mine\n"
    works_again(mortal_phone, transport)
    other.close()


def test_a_key_the_phone_does_not_know(locked_phone, tmp_path):
    key = tmp_path / "key"
    with bounded(6, busy_s=4), pytest.raises(AuthRequired, match="accept the prompt"):
        open_tcp(locked_phone.host, locked_phone.port, key=key, auth_s=1.0)
    (locked_phone.files / "adb_keys").write_bytes(key.with_name("key.pub").read_bytes() + b"\n")
    transport = open_tcp(locked_phone.host, locked_phone.port, key=key)
    works_again(locked_phone, transport)
    transport.close()
    with bounded(6, busy_s=4), pytest.raises(AuthRequired):
        open_tcp(locked_phone.host, locked_phone.port, key=tmp_path / "other", auth_s=1.0)


@EACH_PHONE
def test_a_file_that_arrives_otherwise_than_sent_is_refused(mortal_phone, transport, monkeypatch):
    send = transport._link.send
    monkeypatch.setattr(transport._link, "send", lambda data, path: send(data[:-1] + b"?", path))
    with pytest.raises(PushFailed, match="the content that arrived is not what was sent"):
        transport.push(b"a model", "file")
    assert left_lying(mortal_phone) == []
    monkeypatch.undo()
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_what_an_interrupted_push_left_is_removed_before_the_next_command(mortal_phone, transport, monkeypatch):
    def interrupted(data, path):
        (mortal_phone.files / path.lstrip("/")).write_bytes(data)
        raise KeyboardInterrupt

    monkeypatch.setattr(transport._link, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        transport.push(b"a model", "file")
    assert len(left_lying(mortal_phone)) == 1
    monkeypatch.undo()
    works_again(mortal_phone, transport)


@EACH_PHONE
def test_a_connection_that_breaks_while_the_command_starts_leaves_nothing_running(mortal_phone, transport):
    link = transport._link
    for milliseconds in range(30):
        link.connect()
        with later(milliseconds / 1000, link.close), pytest.raises(DeviceLost):
            link.run(guarded(["sleep", "76"], 60), 65)
    # A busy machine takes seconds to start, and end, all of these; what was forgotten would sleep on.
    wait_until(lambda: mortal_phone.processes() == [], 30)
    works_again(mortal_phone, transport)
