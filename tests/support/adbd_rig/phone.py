"""One phone: adbd under a small init, in network, mount, process and host-name namespaces of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from adbd_rig.desk import Desk
from adbd_rig.roots import Root

_PORT = 5555
# Android's init starts adbd again when it dies, so does this one; ending it ends everything inside.
_INIT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/phone"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/phone"
cd "$1/phone"
mount -t proc proc proc
mount -t tmpfs tmpfs dev
for node in null zero full random urandom tty; do touch "dev/$node"; mount --bind "/dev/$node" "dev/$node"; done
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mkdir -p -m 777 data/local/tmp
mkdir -p sys/devices/system/cpu
cat /sys/devices/system/cpu/possible >sys/devices/system/cpu/possible
cat /sys/devices/system/cpu/present >sys/devices/system/cpu/present
ip link set lo up
hostname "$3"
touch ready
while :; do
    env -i PATH=/android:/usr/sbin:/usr/bin HOME=/ ADBD_PORT=5555 \
        chroot "--userspec=$4:$4" . /usr/sbin/adbd >>adbd.log 2>&1 || true
    sleep 0.2
done
"""


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class Phone:
    """A running phone. It dies with the process that made it, whatever way that goes."""

    def __init__(self, desk: Desk, root: Root, mountpoint: Path, name: str, *, adbd: bytes | None = None) -> None:
        self.desk, self.root, self.name = desk, root, name
        mountpoint.mkdir(parents=True, exist_ok=True)
        unshare = "unshare --net --uts --mount --pid --fork --kill-child=KILL".split()
        script = ["sh", "-c", _INIT, "init", str(mountpoint), str(root.path), name, str(root.user)]
        self._unshare = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *unshare, *script])
        self._mountpoint, self.port = mountpoint, _PORT
        try:
            self._start(adbd)
        except BaseException:
            self.close()
            raise

    def _start(self, adbd: bytes | None) -> None:
        self._await(lambda: bool(_children(self._unshare.pid)), "its init")
        self.pid = _children(self._unshare.pid)[0]
        self._await(lambda: (self.files / "ready").exists(), "its file system")
        if adbd is not None:
            self._replace_adbd(adbd)
        self.link, self.host = self.desk.plug(self.pid)
        self.await_adbd()

    def _replace_adbd(self, adbd: bytes) -> None:
        fresh = self.files / "adbd.fresh"
        fresh.write_bytes(adbd)
        fresh.chmod(0o755)
        fresh.replace(self.files / self.root.adbd.relative_to(self.root.path))
        self.kill_adbd()

    def _await(self, done: object, what: str) -> None:
        deadline = time.monotonic() + 20
        while not done():  # type: ignore[operator]
            if self._unshare.poll() is not None:
                raise RuntimeError(f"phone {self.name} ended while {what} was awaited")
            if time.monotonic() > deadline:
                raise TimeoutError(f"phone {self.name}: {what} did not come up in 20 s")
            time.sleep(0.01)

    @property
    def files(self) -> Path:
        """The phone's file system, seen from outside."""
        return Path(f"/proc/{self.pid}/cwd") if hasattr(self, "pid") else self._mountpoint

    def adbd_pid(self) -> int | None:
        """The daemon's process id out here, or None while init has not started it again."""
        for pid in _children(self.pid):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(word.endswith(b"/adbd") for word in words[:2]) and b"chroot" not in words[0]:
                    return pid
        return None

    def await_adbd(self) -> None:
        """Wait, 20 s at most, until the daemon answers on its port."""

        def answers() -> bool:
            with self.desk.sit(), contextlib.suppress(OSError), socket.create_connection((self.host, _PORT), 1):
                return True
            return False

        self._await(answers, "adbd")

    def kill_adbd(self) -> None:
        """End the daemon as a crash would; init starts it again 0.2 s later."""
        self._await(lambda: self.adbd_pid() is not None, "adbd's process")
        old = self.adbd_pid()
        os.kill(old, signal.SIGKILL)  # type: ignore[arg-type]
        self._await(lambda: not Path(f"/proc/{old}").exists(), "adbd's end")

    def signal_adbd(self, number: int) -> None:
        self._await(lambda: self.adbd_pid() is not None, "adbd's process")
        os.kill(self.adbd_pid(), number)  # type: ignore[arg-type]

    def set_link(self, *, up: bool) -> None:
        """Pull the cable, or plug it in again."""
        self.desk.ip("link", "set", self.link, "up" if up else "down")

    def processes(self) -> list[str]:
        """Command lines of everything in the phone but init, its sleep and adbd itself."""
        found, queue = [], [(child, self.pid) for child in _children(self.pid)]
        adbd = self.adbd_pid()
        while queue:
            pid, parent = queue.pop()
            queue += [(child, pid) for child in _children(pid)]
            with contextlib.suppress(OSError):
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                if pid != adbd and state != "Z" and not (parent == self.pid and words in ("sleep 0.2", "")):
                    found.append(words)
        return found

    def mount_tmpfs(self, path: str, options: str) -> None:
        """Mount a small, or read-only, file system in the phone."""
        target = self._mountpoint / "phone" / path.lstrip("/")
        (self.files / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        command = ["nsenter", "-t", str(self.pid), "-m", "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        subprocess.run(command, check=True, timeout=20)

    def put(self, path: str, text: str) -> None:
        """Place an executable script in the phone, not through adb."""
        target = self.files / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)
        target.chmod(0o755)

    def close(self) -> None:
        self._unshare.kill()
        self._unshare.wait()
