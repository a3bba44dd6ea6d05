"""The dashboard is really served, and every reason why it cannot be is one line."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from reports import ReportError
from reports.watch import open_server


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def test_the_dashboard_shows_the_runs_study(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(3))
    with open_server(path, host="127.0.0.1", port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert "Optuna Dashboard" in fetch(f"{url}/dashboard")
        (summary,) = json.loads(fetch(f"{url}/api/studies"))["study_summaries"]
        assert summary["study_name"] == "search"
        server.shutdown()


def test_a_taken_port_is_said_in_one_line(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ReportError, match="choose another with --port"):
            open_server(path, host="127.0.0.1", port=taken.getsockname()[1])


def test_no_run_and_no_trials_are_said(runs, tmp_path):
    with pytest.raises(ReportError, match="not a run directory"):
        open_server(tmp_path, host="127.0.0.1", port=0)
    path = runs.directory(tmp_path / "demo", [])
    (path / "study.db").unlink()
    with pytest.raises(ReportError, match="holds no trials yet"):
        open_server(path, host="127.0.0.1", port=0)


def test_a_missing_dashboard_says_how_to_install_it(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(1))
    code = (
        "import sys\nimport importlib.util as util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'optuna_dashboard' else real(name, *rest)\n"
        "from mnas.main import run\n"
        f"sys.exit(run(['watch', {str(path)!r}, '--no-browser', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'mnas[dashboard]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_watching_without_an_error(runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(1))
    code = f"from reports.cli import watch; watch.main([{str(path)!r}, '--no-browser', '--port', '0'])"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith(f"watching {path} at http://127.0.0.1:")
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "a running search is not affected" in out
    assert "Traceback" not in err
