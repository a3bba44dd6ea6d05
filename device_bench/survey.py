"""`mnas devices`: which devices answer, what they are and how they feel."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import click

from device_bench.device import connect
from device_bench.devices_table import devices_table
from device_bench.errors import BadRequest, BenchError
from device_bench.probe import DeviceInfo, DeviceState, read_info, read_state
from device_bench.terminal import make_console, say

_FILE_WIDTH = 200
Found = tuple[str, DeviceInfo | None, DeviceState | None, str]


def named_devices(names: Sequence[str], *, host_too: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Replaces "all" by the devices that are there; a phone that is there by two routes comes once.

    Returns:
        The names in order without doubles, and why some could not be looked for.
    """
    found: dict[str, None] = {}
    problems: tuple[str, ...] = ()
    for name in names:
        if name != "all":
            found[name] = None
            continue
        if host_too:
            found["host"] = None
        attached, problems = _attached()
        found |= dict.fromkeys(attached)
    return tuple(found), problems


def _attached() -> tuple[tuple[str, ...], tuple[str, ...]]:
    from device_bench.adb.names import list_adb

    names, problems = list_adb()
    # A server that knows a phone also holds its USB interface.
    served = {name.removeprefix("adb-server:") for name in names if name.startswith("adb-server:")}
    return tuple(name for name in names if name.removeprefix("adb:") not in served), problems


def survey(names: Sequence[str], *, as_json: bool) -> None:
    """Prints a table of devices; exit code 1 when one of them does not answer."""
    wanted, problems = named_devices(names, host_too=True)
    with ThreadPoolExecutor(max(1, len(wanted))) as threads:
        found = list(threads.map(_look, wanted))
    if as_json:
        for one in found:
            click.echo(json.dumps(_plain(one)))
    else:
        make_console(_FILE_WIDTH).print(devices_table(found))
    for problem in problems:
        say(f"note: {problem}", err=True)
    if any(info is None for _, info, _, _ in found):
        raise SystemExit(1)


def _look(name: str) -> Found:
    try:
        transport = connect(name)
    except BadRequest:
        raise
    except BenchError as error:
        return name, None, None, str(error)
    try:
        return name, read_info(transport), read_state(transport), ""
    except BenchError as error:
        return name, None, None, str(error)
    finally:
        transport.close()


def _plain(found: Found) -> dict[str, object]:
    name, info, state, problem = found
    known = {"info": asdict(info) if info else None, "state": asdict(state) if state else None}
    return {"device": name, **known, "problem": problem}
