import threading
import time
from collections import defaultdict

import pytest

from device_bench.device import Device
from device_bench.errors import BadRequest, BenchError, DeviceLost, PushFailed
from device_bench.local import LocalTransport
from device_bench.pool import Job, Pool, PoolSettings
from device_bench.runners.json_runner import host_runner

_QUICK = PoolSettings(attempts=3, back_off_s=0.01, lease_wait_s=0.1)


@pytest.fixture(autouse=True)
def leases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def _open(name):
    return Device(LocalTransport(name), host_runner())


def _jobs(count, *devices):
    return [Job(frozenset(devices), number) for number in range(count)]


class Worker:
    """Sleeps through its jobs, as a phone would measure, and notes who did what."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.done = defaultdict(list)
        self.alone = defaultdict(threading.Lock)

    def __call__(self, device, payload):
        assert self.alone[device.name].acquire(blocking=False), "two jobs at once on one device"
        device.transport.shell(("sleep", str(self.seconds)), timeout_s=30)
        self.done[device.name].append(payload)
        self.alone[device.name].release()


def _timed(jobs, worker):
    start = time.monotonic()
    assert Pool(jobs, _open, worker, settings=_QUICK).run() == []
    return time.monotonic() - start


def _within(limit_s, jobs):
    """A worker that was quick enough in one of three tries: what else runs on the machine adds time."""
    for _ in range(3):
        worker = Worker(0.2)
        taken_s = _timed(jobs, worker)
        if taken_s <= limit_s:
            break
    assert taken_s <= limit_s
    return worker


def test_two_phones_take_half_the_time_of_one():
    matrix = [*_jobs(8, "a"), *_jobs(8, "b")]
    one_after_the_other = _timed(matrix[:8], Worker(0.2)) + _timed(matrix[8:], Worker(0.2))
    worker = _within(0.55 * one_after_the_other, matrix)
    assert worker.done == {"a": list(range(8)), "b": list(range(8))}


def test_two_equal_phones_share_the_work():
    alone = _timed(_jobs(12, "a"), Worker(0.2))
    worker = _within(0.55 * alone, _jobs(12, "a", "b"))
    assert sorted(worker.done["a"] + worker.done["b"]) == list(range(12))
    assert min(len(done) for done in worker.done.values()) >= 5


def test_jobs_of_one_device_come_in_their_order():
    worker = Worker()
    _timed(_jobs(5, "a"), worker)
    assert worker.done["a"] == list(range(5))


def test_a_lost_device_is_tried_again_and_its_job_done():
    losses, events = [DeviceLost("cable"), DeviceLost("cable")], []
    worker = Worker()

    def work(device, payload):
        if payload == 1 and losses:
            raise losses.pop()
        worker(device, payload)

    assert Pool(_jobs(3, "a"), _open, work, tell=events.append, settings=_QUICK).run() == []
    assert worker.done["a"] == [0, 1, 2]
    assert [one.kind for one in events] == ["ready", "lost", "ready", "lost", "ready"]
    assert events[1].reason == "cable"


@pytest.mark.parametrize("error", [DeviceLost("cable"), PushFailed("disk full", "full")])
def test_a_device_lost_for_good_leaves_its_jobs_open_and_the_others_go_on(error):
    worker, events = Worker(), []

    def work(device, payload):
        if device.name == "a" and payload >= 1:
            raise error
        worker(device, payload)

    left = Pool([*_jobs(3, "a"), *_jobs(3, "b")], _open, work, tell=events.append, settings=_QUICK).run()
    assert left == _jobs(3, "a")[1:]
    assert worker.done == {"a": [0], "b": [0, 1, 2]}
    assert [one.kind for one in events if one.device == "a"] == ["ready", "lost", "ready", "lost", "ready", "aside"]


def test_a_shared_job_of_a_lost_device_goes_to_another():
    worker = Worker(0.05)

    def work(device, payload):
        if device.name == "a":
            time.sleep(0.2)
            raise DeviceLost("battery")
        worker(device, payload)

    assert Pool(_jobs(4, "a", "b"), _open, work, settings=_QUICK).run() == []
    assert sorted(worker.done["b"]) == [0, 1, 2, 3]


def test_losses_in_a_row_count_not_all_of_them():
    worker = Worker()
    broken = {1: 2, 3: 2, 5: 2}

    def work(device, payload):
        if broken.get(payload, 0):
            broken[payload] -= 1
            raise DeviceLost("loose cable")
        worker(device, payload)

    assert Pool(_jobs(7, "a"), _open, work, settings=_QUICK).run() == []
    assert worker.done["a"] == list(range(7))


def test_a_device_that_cannot_be_used_is_set_aside_at_once():
    events = []

    def open_device(name):
        if name == "a":
            raise BenchError("no runner for it")
        return _open(name)

    worker = Worker()
    left = Pool([*_jobs(2, "a"), *_jobs(2, "b")], open_device, worker, tell=events.append, settings=_QUICK).run()
    assert left == _jobs(2, "a")
    assert [(one.kind, one.reason) for one in events if one.device == "a"] == [("aside", "no runner for it")]
    assert worker.done == {"b": [0, 1]}


def test_a_device_in_use_elsewhere_is_set_aside():
    release, events = threading.Event(), []
    holder = Pool(_jobs(1, "a"), _open, lambda device, payload: release.wait(20), settings=_QUICK)
    thread = threading.Thread(target=holder.run)
    thread.start()
    time.sleep(0.2)
    try:
        left = Pool(_jobs(1, "a"), _open, Worker(), tell=events.append, settings=_QUICK).run()
    finally:
        release.set()
        thread.join()
    assert left == _jobs(1, "a")
    assert "in use by process" in events[-1].reason


def test_an_error_that_is_not_the_devices_ends_everything():
    worker = Worker()

    def work(device, payload):
        if device.name == "a":
            raise BadRequest("no such model")
        pool.check()
        worker(device, payload)
        time.sleep(0.1)

    pool = Pool([*_jobs(1, "a"), *_jobs(50, "b")], _open, work, settings=_QUICK)
    with pytest.raises(BadRequest, match="no such model"):
        pool.run()
    assert len(worker.done["b"]) < 50
    assert not [one for one in threading.enumerate() if one.name in "ab"]


def test_stopping_ends_at_the_next_check_and_keeps_what_is_open():
    worker = Worker()

    def work(device, payload):
        pool.check()
        worker(device, payload)
        if payload == 2:
            pool.stop()

    pool = Pool(_jobs(9, "a"), _open, work, settings=_QUICK)
    assert pool.run() == _jobs(9, "a")[3:]


def test_no_jobs():
    assert Pool([], _open, Worker()).run() == []
