"""The command line is stopped while a phone does not answer."""

import signal
import socket
import subprocess
import time

import pytest
from small_search import MNAS
from tiny_model import tiny_model


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_silent_phone_holds_nobody_up(tmp_path, number):
    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        words = [MNAS, "bench", "tiny.tflite", "--device", f"adb:127.0.0.1:{silent.getsockname()[1]}"]
        with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            with connection:
                began = time.monotonic()
                process.send_signal(number)
                _, said = process.communicate(timeout=30)
    # A connection is waited for 10 s.
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert "Traceback" not in said
