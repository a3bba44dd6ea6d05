"""The table of `mnas devices` for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from device_bench.probe import DeviceInfo, DeviceState
from device_bench.terminal import plain


def devices_table(found: Sequence[tuple[str, DeviceInfo | None, DeviceState | None, str]]) -> Table:
    """A row a device.

    Args:
        found: Name, what it is, how it feels, and why that is not known.
    """
    table = Table("device", "model", "chip, ABI", "system", "cores", "state", header_style="bold", box=None)
    for name, info, state, problem in found:
        if info is None or state is None:
            table.add_row(plain(name), plain(problem, "red"), "", "", "", "")
            continue
        chip = ", ".join(filter(None, (info.soc, info.abi)))
        row = (name, info.model, chip, info.system, describe_cores(info), describe_state(state))
        table.add_row(*map(plain, row))
    return table


def describe_cores(info: DeviceInfo) -> str:
    """Such as "4 x 1803 MHz + 2 x 2850 MHz"."""
    return " + ".join(
        f"{len(cluster.cores)} x {cluster.max_mhz} MHz" if cluster.max_mhz else f"{len(cluster.cores)} cores"
        for cluster in info.clusters
    )


def describe_state(state: DeviceState) -> str:
    """What is known, such as "battery 30.5 C 80 %, thermal status 0, schedutil"."""
    battery = [f"{state.battery_c:g} C" if state.battery_c is not None else ""]
    battery.append(f"{state.battery_percent} %" if state.battery_percent is not None else "")
    known = " ".join(filter(None, battery))
    words = [
        f"battery {known}" if known else "",
        f"hottest zone {state.hottest_c:.0f} C" if state.hottest_c is not None else "",
        f"thermal status {state.thermal_status}" if state.thermal_status is not None else "",
        " ".join(state.governors),
        f"load {state.load:.2f}" if state.load is not None else "",
    ]
    return ", ".join(filter(None, words))
