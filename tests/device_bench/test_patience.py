"""One piece of work that outlives its connections."""

import pytest

from device_bench.device import Device
from device_bench.errors import BenchError, DeviceLost
from device_bench.lease import DeviceBusy
from device_bench.local import LocalTransport
from device_bench.patience import patiently
from device_bench.pool import PoolSettings
from device_bench.runners.json_runner import JsonRunner

_QUICK = PoolSettings(back_off_s=0.001, looks=5)


def opener(*errors):
    left = list(errors)

    def find():
        if left and (error := left.pop(0)):
            raise error
        return Device(LocalTransport(), JsonRunner("none", ("true",)))

    return find


def test_work_is_begun_anew_on_a_new_connection_and_waiting_is_told():
    done, told = [], []

    def work(device):
        done.append(device)
        if len(done) < 3:
            raise DeviceLost("phone: no cable")
        return "table"

    find = opener(None, DeviceLost("phone: away"), DeviceBusy("phone: taken"))
    assert patiently(find, work, told.append, _QUICK) == "table"
    assert len({id(device.transport) for device in done}) == 3
    assert not any(device.transport.connected for device in done)
    assert [words.split(";")[0] for words in told] == [
        "phone: no cable",
        "phone: away",
        "phone: taken",
        "phone: no cable",
    ]
    assert told[0].endswith("looking for it again in 0.001 s")


def test_it_is_given_up_when_the_device_stays_away_or_is_lost_at_every_work():
    with pytest.raises(DeviceLost, match="away"):
        patiently(opener(*[DeviceLost("away")] * 9), lambda device: None, str, _QUICK)
    tries = []

    def work(device):
        tries.append(device)
        raise DeviceLost("at work")

    with pytest.raises(DeviceLost, match="at work"):
        patiently(opener(), work, str, _QUICK)
    assert len(tries) == _QUICK.looks


def test_what_is_not_about_the_connection_ends_it_at_once():
    def work(device):
        raise BenchError("stays unfit")

    told = []
    with pytest.raises(BenchError, match="unfit"):
        patiently(opener(), work, told.append, _QUICK)
    assert told == []
