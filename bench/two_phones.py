"""The same matrix on two devices, one after the other and at once. The claim: at most 0.55 of the time.

The devices are this machine twice, and their runner sleeps, so that two cores suffice: what is timed is the pool.
Two kinds of matrix: each device has cells of its own, and equal devices share one list of cells.

    python bench/two_phones.py [--cells 12] [--seconds 0.5]
"""

import os
import sys
import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from device_bench.device import Device
from device_bench.local import LocalTransport
from device_bench.pool import Job, Pool
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.runner import BenchSpec

_WANTED = 0.55
_SLEEPER = """#!/bin/sh
sleep {seconds}
echo '{{"format": 1, "runtime": "sleeper", "threads": 1, "delegate": "cpu", "cores": null, "samples_us": [1000]}}'
"""


def seconds_for(jobs: Sequence[Job[int]], sleep_s: float) -> float:
    """Time of all jobs, connecting included."""

    def connect(name: str) -> Device:
        transport = LocalTransport(name)
        transport.push(_SLEEPER.format(seconds=sleep_s).encode(), "sleeper", mode=0o755)
        return Device(transport, JsonRunner("sleeper", (f"{transport.workdir}/sleeper",)))

    def work(device: Device, number: int) -> None:
        spec = BenchSpec(runs=1)
        device.runner.parse(spec, device.transport.shell(device.runner.argv(spec, f"{number}"), timeout_s=60))

    start = time.perf_counter()
    if left := Pool(jobs, connect, work).run():
        raise click.ClickException(f"{len(left)} cells stayed open")
    return time.perf_counter() - start


def jobs(cells: int, *devices: str) -> list[Job[int]]:
    return [Job(frozenset(devices), number) for number in range(cells)]


@click.command()
@click.option("--cells", default=12, show_default=True, help="Cells a device.")
@click.option("--seconds", default=0.5, show_default=True, help="Length of a cell.")
def main(cells: int, seconds: float) -> None:
    """Prints the times and whether the claim holds."""
    first, second = (f"sleeper-{os.getpid()}-{name}" for name in "ab")
    alone = seconds_for(jobs(cells, first), seconds) + seconds_for(jobs(cells, second), seconds)
    at_once = seconds_for([*jobs(cells, first), *jobs(cells, second)], seconds)
    by_one = seconds_for(jobs(2 * cells, first), seconds)
    shared = seconds_for(jobs(2 * cells, first, second), seconds)
    table = Table("matrix", "one at a time, s", "two at once, s", "share", box=None)
    shares = (at_once / alone, shared / by_one)
    table.add_row(f"{cells} cells for each of two devices", f"{alone:.2f}", f"{at_once:.2f}", f"{shares[0]:.3f}")
    table.add_row(f"{2 * cells} cells for either device", f"{by_one:.2f}", f"{shared:.2f}", f"{shares[1]:.3f}")
    console = Console(width=120)
    console.print(table)
    holds = max(shares) <= _WANTED
    console.print(f"{'holds' if holds else 'FAILS'}: at most {_WANTED} of the time")
    sys.exit(not holds)


if __name__ == "__main__":
    main()
