"""The network namespace a test sits in: phones are plugged into it, the machine's network is not."""

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


# The network this process began in, where the package mirror can be reached.
_OUTSIDE = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(network: int) -> None:
    if _libc.setns(network, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot change the network namespace")


@contextlib.contextmanager
def _inside(network: int) -> Iterator[None]:
    """Move this thread, and what it starts, to another network namespace for a while."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(network)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def outside() -> contextlib.AbstractContextManager[None]:
    """Fetch something: for the body, this thread is back in the network it began in."""
    return _inside(_OUTSIDE)


class Desk:
    """A network namespace with a loopback of its own and no route out, held by one sleeping process."""

    def __init__(self) -> None:
        self._holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
        self.pid = self._holder.pid
        self._ports = 0
        deadline = time.monotonic() + 10
        while Path(f"/proc/{self.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            if time.monotonic() > deadline:
                raise TimeoutError("the desk's network namespace did not come up in 10 s")
            time.sleep(0.005)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> None:
        """Run `ip` inside the desk's namespace."""
        command = ["nsenter", "-t", str(self.pid), "-n", "ip", *words]
        subprocess.run(command, check=True, timeout=20, capture_output=True)

    def plug(self, phone_pid: int) -> tuple[str, str]:
        """Lay a veth pair to the phone; return the desk's end and the phone's address."""
        self._ports += 1
        end, network = f"phone{self._ports}", f"10.99.{self._ports}"
        peer = ["peer", "name", "eth0", "netns", str(phone_pid)]
        self.ip("link", "add", end, "type", "veth", *peer)
        self.ip("address", "add", f"{network}.1/24", "dev", end)
        self.ip("link", "set", end, "up")
        inside = ["nsenter", "-t", str(phone_pid), "-n", "ip"]
        for words in (["address", "add", f"{network}.2/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            subprocess.run([*inside, *words], check=True, timeout=20, capture_output=True)
        return end, f"{network}.2"

    @contextlib.contextmanager
    def sit(self) -> Iterator[None]:
        """Move this thread, and what it starts, to the desk; sockets made here reach the phones only."""
        with Path(f"/proc/{self.pid}/ns/net").open("rb") as network, _inside(network.fileno()):
            yield

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
