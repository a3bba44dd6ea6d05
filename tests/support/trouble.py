"""What tests of a phone in trouble share: doing harm at a moment, waiting within bounds, looking at what is left."""

import contextlib
import threading
import time

import pytest

# For what depends on the phone's shell and programs; see `adbd_rig.fixtures.mortal_phone`.
EACH_PHONE = pytest.mark.parametrize("mortal_phone", ["debian", "android", "android-11"], indirect=True)


@contextlib.contextmanager
def later(seconds, act):
    """Do something on another thread while the body waits."""
    timer = threading.Timer(seconds, act)
    timer.start()
    yield
    timer.join(30)


@contextlib.contextmanager
def bounded(limit_s, *, busy_s=0.5):
    """The body ends in time, and does not spin while it waits."""
    began, worked = time.monotonic(), time.thread_time()
    yield
    assert time.monotonic() - began < limit_s
    assert time.thread_time() - worked < busy_s


def wait_until(condition, limit_s=5.0):
    deadline = time.monotonic() + limit_s
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert met


def left_lying(phone):
    folder = phone.files / "data/local/tmp/mnas"
    return sorted(one.name for one in folder.rglob("*") if one.is_file())


def works_again(phone, transport):
    """The next good command works, and nothing is left of the bad one."""
    assert transport.shell(["echo", "well"], timeout_s=5).stdout == "well\n"
    transport.push(b"content", "after")
    assert transport.pull("after") == b"content"
    assert left_lying(phone) == ["after"]
    wait_until(lambda: phone.processes() == [])
