"""One piece of work on one device, in the caller's thread, that survives the device being away for minutes."""

import time
from collections.abc import Callable
from typing import TypeVar

from device_bench.device import Device
from device_bench.errors import DeviceLost
from device_bench.lease import DeviceBusy
from device_bench.pool import PoolSettings

Result = TypeVar("Result")


def patiently(
    open_device: Callable[[], Device],
    work: Callable[[Device], Result],
    tell: Callable[[str], None],
    settings: PoolSettings | None = None,
) -> Result:
    """Opens a device that was there before and does the work, again when the device is lost in the middle of it.

    Args:
        open_device: Opens it.
        work: What to do; begun anew on a new connection, it must know what it has done already.
        tell: Receives why it waits, and for how long.
        settings: How often a device is looked for in a row, with which pauses, and how often it may be lost at work.

    Raises:
        DeviceLost: It stays away, or is lost whenever it works.
        DeviceBusy: Somebody else keeps it.
    """
    settings = settings or PoolSettings()
    looks = losses = 0
    while True:
        try:
            with open_device() as device:
                looks = 0
                losses += 1
                return work(device)
        except (DeviceLost, DeviceBusy) as error:
            looks += 1
            if looks >= settings.looks or losses >= settings.looks:
                raise
            pause_s = settings.pause_s(looks)
            tell(f"{error}; looking for it again in {pause_s:g} s")
            time.sleep(pause_s)
