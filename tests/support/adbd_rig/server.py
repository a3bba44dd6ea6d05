"""The stock adb, as adbutils brings it, with a server of its own on the desk."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

from adbutils import adb_path

from adbd_rig.desk import Desk


class Server:
    """A running adb server that knows no phone yet. It dies with the process that made it."""

    def __init__(self, desk: Desk, home: Path, port: int = 5099) -> None:
        self.variables = {"ANDROID_ADB_SERVER_PORT": str(port), "ADB_MDNS": "0"}
        self._environment = {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home), **self.variables}
        self._desk, self._port = desk, port
        words = ["setpriv", "--pdeathsig", "KILL", adb_path(), "-P", str(port), "nodaemon", "server"]
        with desk.sit(), (home / "server.log").open("w") as log:
            self._process = subprocess.Popen(words, env=self._environment, stdout=log, stderr=log)
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with self._desk.sit(), contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            time.sleep(0.02)
        raise TimeoutError("the adb server did not come up in 20 s")

    def run(self, *words: str, timeout_s: float = 60) -> str:
        """Run the stock client against this server; give what it printed."""
        command = [adb_path(), "-P", str(self._port), *words]
        with self._desk.sit():
            done = subprocess.run(
                command,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"adb {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
