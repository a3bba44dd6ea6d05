"""Before a table is used: whose times they are, and, where that device is at hand, whether it still takes them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from device_bench.device import Device
from device_bench.errors import BenchError
from device_bench.latency_table.content import OPERATORS
from device_bench.latency_table.table import LatencyTable
from device_bench.latency_table.verify import choose_probes, verify
from device_bench.lease import lease
from device_bench.local import LocalTransport
from device_bench.probe import DeviceInfo, read_info
from device_bench.timing.protocol import TimingProtocol
from mnas.errors import SearchError
from mnas.latency_tables.run import TableSpace, open_for_tables

Say = Callable[[str], None]

_FIT_S = 5.0
"""How long a device that is too hot is waited for."""


def confirm(table: LatencyTable, path: Path, say: Say, *, check: bool, override: str) -> None:
    """Times the canary and a few operators of a table on its device, where that is at hand, and says what came of it.

    A table whose device is away is used as it is; so is one whose device is busy, locked or cannot run the runner.

    Args:
        table: The table.
        path: Its file.
        say: Receives whose times they are, and whether they could be checked.
        check: False goes ahead without a look at the device.
        override: How to ask for that, in words.

    Raises:
        SearchError: The device of that name is another one, or takes other times than the table says.
    """
    whose = f"times of {describe(table)}"
    if table.keys != OPERATORS or not table.facts.get("name"):
        say(f"{whose}: published, so no device at hand can confirm them")
        return
    if not check:
        say(f"{whose}: not checked, as asked")
        return
    try:
        with _at_hand(table) as device:
            said = "which is not at hand to confirm them" if device is None else _compared(device, table, say)
    except BenchError as error:
        said = f"not checked: {error}"
    except _Another as error:
        raise SearchError(f"{path}: {whose}, {error}. Build a table here, or go ahead with {override}") from None
    say(f"{whose}, {said}")


class _Another(Exception):
    """The device at hand is not the table's."""


def describe(table: LatencyTable) -> str:
    """The device of a table in a few words."""
    facts, identity = table.facts, table.identity
    what = identity.processor or identity.soc or "; ".join(identity.parts) or "identity unknown"
    about = [what, *(str(facts[key]) for key in ("runtime", "date") if facts.get(key))]
    return f"{facts.get('device') or 'an unknown device'} ({', '.join(about)})"


@contextmanager
def _at_hand(table: LatencyTable) -> Iterator[Device | None]:
    """The table's device, opened and held against others; None when it is not here."""
    name = table.facts["name"]
    if name == "host":
        with _this_machine() as info:
            if info.model != table.facts.get("device"):
                yield None
                return
        _same(info, table)
        reached: str | None = name
    else:
        from device_bench.adb.names import reachable

        reached = reachable(name)
    if reached is None:
        yield None
        return
    with lease(reached), _opened(reached, realtime=bool(table.facts.get("realtime"))) as device:
        _same(device.info, table)
        yield device


@contextmanager
def _this_machine() -> Iterator[DeviceInfo]:
    transport = LocalTransport()
    try:
        yield read_info(transport)
    finally:
        transport.close()


def _opened(name: str, *, realtime: bool) -> Device:
    """With the scheduling that the table was built with, where that is allowed."""
    try:
        return open_for_tables(name, realtime=realtime)
    except BenchError:
        if not realtime:
            raise
        return open_for_tables(name, realtime=False)


def _same(info: DeviceInfo, table: LatencyTable) -> None:
    """Refuses a device that is called what the table's is called but is another one."""
    different = table.identity.differences(info.identity)
    if info.model != table.facts.get("device"):
        different.insert(0, f"{table.facts.get('device')} against {info.model}")
    if different:
        raise _Another(
            f"another device than the one at hand of that name; by the table and here: {'; '.join(different)}"
        )


def _compared(device: Device, table: LatencyTable, say: Say) -> str:
    """What the check has shown, in words; a disagreement is an error."""
    if table.facts.get("runner") != device.runner.name:
        return f"not checked: they were measured by {table.facts.get('runner')}, here is {device.runner.name}"
    if not table.probes and not table.facts.get("space"):
        return "not checked: the table holds no operators that could be timed"
    probed = table if table.probes else _with_probes(table, say)
    found = verify(device, probed, replace(TimingProtocol(), gate_timeout_s=_FIT_S), np.random.default_rng(0))
    notes = _notes(device, table, found.runtime)
    if found.agrees:
        return f"checked on {device.name}: {found.words()}{notes}"
    load = device.state().load
    if found.slower and load is not None and load > len(os.sched_getaffinity(0)) and device.name == "host":
        notes += f"; this machine is busy (load {load:.1f}), so try again when it is not"
    raise _Another(f"which {device.name} does not take: {found.words()}{notes}")


def _notes(device: Device, table: LatencyTable, runtime: str) -> str:
    """What else is not as it was when the table was built."""
    was, now = table.identity.build, device.info.identity.build
    notes = [f"the system was {was} and is {now}"] if was and now and was != now else []
    if table.facts.get("runtime") not in (None, runtime):
        notes.append(f"the runtime was {table.facts['runtime']} and is {runtime}")
    return "".join(f"; {one}" for one in notes)


def _with_probes(table: LatencyTable, say: Say) -> LatencyTable:
    """An older table with operators to time: those of one network of its space, converted again."""
    from mnas.latency_tables.parts import prepare

    target = TableSpace.of(table).target(table.facts["precision"])
    arch = target.space.decode([size // 2 for size in target.space.sizes])
    wanted = [key for key in target.signatures(arch) if key in table.entries]
    with tempfile.TemporaryDirectory() as folder:
        _, names = prepare(target, [arch], wanted, Path(folder), workers=1, tell=say)
        entries = {key: table.entries[key] for key in names}
        return replace(table, probes=choose_probes(entries, {key: Path(folder) / file for key, file in names.items()}))
