"""How long a pool looks for a device, what it does not wait for, and how it ends meanwhile."""

import signal
import threading
import time

import pytest

from device_bench.device import Device
from device_bench.errors import BadRequest, DeviceLost, NoRoom, PushFailed
from device_bench.lease import DeviceBusy
from device_bench.local import LocalTransport
from device_bench.pool import Job, Pool, PoolSettings
from device_bench.runners.json_runner import host_runner

_QUICK = PoolSettings(attempts=3, back_off_s=0.001, looks=12, lease_wait_s=0.1)
_JOBS = [Job(frozenset({"phone"}), number) for number in range(3)]


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


class Phone:
    """Away for some openings each time it is lost."""

    def __init__(self, error=None, *, at_once=0, later=0):
        self.error = error or DeviceLost("phone: no cable")
        self.away, self.later, self.done = at_once, later, []

    def open(self, name):
        if self.away:
            self.away -= 1
            raise self.error
        return Device(LocalTransport(name), host_runner())

    def lose(self, payload):
        self.away = self.later
        raise DeviceLost("phone: lost in a job")

    def run(self, work=None, **more):
        self.events = []
        pool = Pool(
            _JOBS,
            self.open,
            work or (lambda device, payload: self.done.append(payload)),
            tell=self.events.append,
            settings=_QUICK,
            **more,
        )
        left = pool.run()
        return len(left), [one.kind for one in self.events]


def lost_once(phone):
    losses = [1]

    def work(device, payload):
        if losses and payload == 1:
            losses.pop()
            phone.lose(payload)
        phone.done.append(payload)

    return work


@pytest.mark.parametrize("error", [DeviceLost("away"), DeviceBusy("taken meanwhile")])
def test_a_device_that_was_there_is_looked_for_much_longer_than_a_job_is_repeated(error):
    phone = Phone(error, later=11)
    assert phone.run(lost_once(phone)) == (0, ["ready", *["lost"] * 12, "ready"])
    assert phone.done == [0, 1, 2]


@pytest.mark.parametrize(("told", "minutes"), [(None, 4), ("0.1", 0.1), ("60", 60), ("0", 0)])
def test_patience_is_a_matter_of_minutes(monkeypatch, told, minutes):
    monkeypatch.delenv("MNAS_PATIENCE", raising=False)
    if told:
        monkeypatch.setenv("MNAS_PATIENCE", told)
    settings = PoolSettings()
    waited_s = sum(settings.pause_s(number) for number in range(1, settings.looks))
    assert 60 * minutes <= waited_s < 60 * minutes + 17


@pytest.mark.parametrize("told", ["soon", "-1", "nan", "inf", "1e9"])
def test_patience_that_is_no_number_of_minutes_is_refused(monkeypatch, told):
    monkeypatch.setenv("MNAS_PATIENCE", told)
    with pytest.raises(BadRequest, match=r"MNAS_PATIENCE is .*number of minutes"):
        PoolSettings()


def test_a_device_that_never_comes_back_is_set_aside():
    phone = Phone(later=99)
    assert phone.run(lost_once(phone)) == (2, ["ready", *["lost"] * 12, "aside"])


def test_a_device_that_was_there_before_the_pool_is_waited_for_too():
    phone = Phone(at_once=11)
    assert phone.run(known=("phone",)) == (0, [*["lost"] * 11, "ready"])


def test_a_device_that_was_never_there_is_not_waited_for():
    phone = Phone(at_once=99)
    assert phone.run() == (3, ["lost", "lost", "aside"])
    phone = Phone(DeviceBusy("in use"), at_once=99)
    assert phone.run() == (3, ["aside"])


def test_a_job_that_takes_the_device_down_is_not_repeated_for_ever():
    phone = Phone(later=5)
    cycle = ["ready", *["lost"] * 6]
    assert phone.run(lambda device, payload: phone.lose(payload)) == (3, [*cycle, *cycle, "ready", "aside"])


def test_a_full_phone_is_not_lost():
    def work(device, payload):
        raise NoRoom("phone: no room for model; free some space there", "No space left on device")

    phone = Phone()
    assert phone.run(work) == (3, ["ready", "aside"])
    assert phone.events[-1].reason == "phone: no room for model; free some space there"


def test_a_phone_that_comes_back_and_refuses_is_not_looked_for():
    phone = Phone(PushFailed("phone: read-only"), later=99)
    assert phone.run(lost_once(phone)) == (2, ["ready", "lost", "lost", "aside"])


@pytest.mark.parametrize("blocked", [False, True])
def test_ctrl_c_ends_at_once_while_a_device_is_away(blocked):
    phone, opened, over = Phone(), threading.Event(), threading.Event()

    def open_device(name):
        if phone.done:
            # In the pause between two looks, or in a look that takes its time.
            opened.set()
            if blocked:
                over.wait(20)
            raise DeviceLost("phone: no cable")
        return phone.open(name)

    def work(device, payload):
        phone.done.append(payload)
        raise DeviceLost("phone: lost")

    settings = PoolSettings(back_off_s=0.1 if blocked else 10, looks=99)
    interrupt = threading.Timer(0.5, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    interrupt.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Pool(_JOBS, open_device, work, settings=settings).run()
    over.set()
    assert time.monotonic() - began < 5
    assert opened.is_set() == blocked


def test_stopping_from_outside_does_not_wait_for_a_device_that_is_away():
    phone, over = Phone(), threading.Event()

    def open_device(name):
        if phone.done:
            pool.stop()
            over.wait(20)
        return phone.open(name)

    pool = Pool(_JOBS, open_device, lambda device, payload: phone.done or phone.done.append(1) or phone.lose(payload))
    began = time.monotonic()
    assert len(pool.run()) == 3
    over.set()
    assert time.monotonic() - began < 10
