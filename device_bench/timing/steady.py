"""Holds an Android device awake and at a fixed speed while it is timed, and gives both back whatever happens."""

import contextlib
import re
from collections.abc import Iterator, Sequence

from device_bench.errors import CommandTimeout, DeviceLost, PullFailed, TransportError
from device_bench.probe import DeviceInfo
from device_bench.transport import Transport

_TIMEOUT_S = 15.0
_NOTE, _LONGEST_NOTE = "before-benchmark", 100
_SETTING = re.compile("[0-9]{1,9}")
_FIXED_SPEED = ("cmd", "power", "set-fixed-performance-mode-enabled")
_STAY_ON = ("global", "stay_on_while_plugged_in")


@contextlib.contextmanager
def steady(transport: Transport, info: DeviceInfo) -> Iterator[None]:
    """Sets fixed-performance mode (Android 11 and later, where the maker supports it) and stay-awake.

    How the device was before is noted on the device itself first, so that a later run gives it back when this one
    is killed or loses the device for good. Other systems have neither setting and are left as they are.
    """
    if not info.android:
        yield
        return
    if not _still_noted(transport):
        stay_on = _run(transport, ("settings", "get", *_STAY_ON)).strip()[:_LONGEST_NOTE]
        transport.push(f"{stay_on}\n".encode(), _note(transport))
    try:
        _run(transport, ("svc", "power", "stayon", "true"))
        _run(transport, (*_FIXED_SPEED, "true"))
        yield
    finally:
        # A device that is gone, or too busy to answer, is given back by the next run, from its note.
        with contextlib.suppress(TransportError):
            give_back(transport)


def give_back(transport: Transport) -> bool:
    """Restores what a note on the device says; False when there is none.

    The note stays until the device has taken its settings back, so that a later call can try again.

    Raises:
        TransportError: The device is lost, or does not take them.
    """
    try:
        noted = transport.pull(_note(transport))[:_LONGEST_NOTE].decode(errors="replace").strip()
    except PullFailed:
        return False
    _run(transport, (*_FIXED_SPEED, "false"), may_hang=False)
    known = _SETTING.fullmatch(noted)
    back = ("settings", "put", *_STAY_ON, noted) if known else ("svc", "power", "stayon", "false")
    answer = transport.shell(back, timeout_s=_TIMEOUT_S)
    if known and answer.exit_code:
        raise TransportError(f"{transport.name}: the setting {' '.join(_STAY_ON)} could not be put back to {noted}")
    transport.remove(_note(transport))
    return True


def _still_noted(transport: Transport) -> bool:
    """Gives back what a killed run left; True when that fails: then its note holds the user's settings, not ours."""
    try:
        give_back(transport)
    except DeviceLost:
        raise
    except TransportError:
        return True
    return False


def _note(transport: Transport) -> str:
    return f"{transport.workdir.rstrip('/')}/{_NOTE}"


def _run(transport: Transport, argv: Sequence[str], *, may_hang: bool = True) -> str:
    """What the command printed, or "" where the device does not know or allow it, or, if it may, does not end it."""
    try:
        answer = transport.shell(argv, timeout_s=_TIMEOUT_S)
    except CommandTimeout:
        if not may_hang:
            raise
        return ""
    return answer.stdout if answer.exit_code == 0 else ""
