"""A large push and a shell round trip over veth to a real adbd, beside the stock adb in the same run.

    python bench/adb_push.py [--megabytes 200] [--rounds 5]

Needs root and what tests/support/adbd_rig needs (Debian: .ci/packages). Takes about 20 seconds. Expect our push, with
its two checksums, at half the stock adb's speed or more (half is asked; without the checksums it is the faster one),
and a round trip of 3 - 4 ms (less than 5 is asked). Other work on the machine slows ours more than the stock adb.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from adbd_rig import Desk, Phone, build_root, missing_for
from adbd_rig.server import Server

from device_bench.adb.transport import AdbTransport, open_tcp


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def compare(transport: AdbTransport, server: Server, serial: str, folder: Path, megabytes: int, rounds: int) -> None:
    file = folder / "model"
    ours, stock = [], []
    for number in range(rounds):
        data = os.urandom(megabytes * 1_000_000 // 4) * 4
        file.write_bytes(data)
        transport.remove("ours")
        stock.append(seconds(lambda: server.run("-s", serial, "push", str(file), "/data/local/tmp/stock")))
        ours.append(seconds(lambda data=data: transport.push(data, "ours")))
        transport.shell(["rm", "/data/local/tmp/stock"], timeout_s=30)
        print(f"round {number + 1}: stock adb {stock[-1]:.2f} s, ours, checked and renamed, {ours[-1]:.2f} s")
    again = seconds(lambda: transport.push(data, "ours"))
    trips = [seconds(lambda: transport.shell(["true"], timeout_s=5)) * 1e3 for _ in range(300)]
    half, fast = statistics.median(stock), statistics.median(ours)
    print(f"push of {megabytes} MB: stock adb {megabytes / half:.0f} MB/s, ours {megabytes / fast:.0f} MB/s")
    print(f"ours / stock = {half / fast:.2f} (asked: 0.50); an unchanged file: {again:.2f} s, nothing sent")
    ninety = statistics.quantiles(trips, n=10)[-1]
    print(f"shell round trip: median {statistics.median(trips):.2f} ms (asked: 5), 9 of 10 within {ninety:.2f} ms")
    if fast > 2 * half or statistics.median(trips) > 5:
        sys.exit("slower than asked")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if missing := missing_for():
        print(f"skipped: no adbd phone here, missing: {', '.join(missing)}")
        return
    desk = Desk()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        phone = Phone(desk, build_root("amd64"), folder / "phone", "bench")
        server = Server(desk, folder)
        try:
            serial = f"{phone.host}:{phone.port}"
            server.run("connect", serial)
            server.run("-s", serial, "wait-for-device")
            with desk.sit():
                transport = open_tcp(phone.host, phone.port, key=folder / "key")
                compare(transport, server, serial, folder, arguments.megabytes, arguments.rounds)
                transport.close()
        finally:
            server.close()
            phone.close()
            desk.close()


if __name__ == "__main__":
    main()
