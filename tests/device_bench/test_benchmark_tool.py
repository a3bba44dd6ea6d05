import hashlib
import http.server
import threading

import pytest
from tool_outputs import LITERT, NEW

from device_bench.errors import BadRequest, RunnerError
from device_bench.local import LocalTransport
from device_bench.runners.benchmark_tool import DownloadError, fetch, install_tool, read_tool
from device_bench.runners.runner import BenchSpec

# A stand-in that says what TFLite's tool says: the runner, the shell and the exit code are real.
TOOL = f"#!/bin/sh\n# enable_op_profiling\ncat <<'END'\n{NEW.stdout}END\n".encode()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200 if self.path == "/tool" else 404)
            self.end_headers()
            self.wfile.write(TOOL)

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", asked
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_tool_from_a_url_is_checked_and_fetched_once(server, tmp_path):
    url, asked = server
    sha256 = hashlib.sha256(TOOL).hexdigest()
    for _ in range(2):
        assert read_tool(f"{url}/tool#sha256={sha256.upper()}") == TOOL
    assert asked == ["/tool"]
    (tmp_path / "cache/mnas/tools" / sha256).write_bytes(b"damaged")
    assert fetch(f"{url}/tool", sha256) == TOOL
    assert [one.name for one in (tmp_path / "cache/mnas/tools").iterdir()] == [sha256]


def test_another_file_than_was_meant_is_refused(server, tmp_path):
    url, _ = server
    with pytest.raises(DownloadError, match=r"has the checksum .* instead of 0000"):
        fetch(f"{url}/tool", "0" * 64)
    assert not (tmp_path / "cache/mnas").exists()


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("https://example.org/tool", BadRequest, "needs its checksum"),
        ("https://example.org/tool#sha256=12", BadRequest, "needs its checksum"),
        ("file:///etc/passwd#sha256=" + "0" * 64, BadRequest, "neither http nor https"),
        ("http://127.0.0.1:1/tool#sha256=" + "0" * 64, DownloadError, "cannot be fetched"),
        ("/no/such/tool", BadRequest, "No such file"),
    ],
)
def test_a_source_that_gives_nothing_says_why(source, error, words):
    with pytest.raises(error, match=words):
        read_tool(source)


def test_a_missing_page_is_said(server):
    url, _ = server
    with pytest.raises(DownloadError, match="cannot be fetched"):
        fetch(f"{url}/nothing", "0" * 64)


@pytest.fixture
def transport():
    opened = LocalTransport("host")
    yield opened
    opened.close()


def test_an_installed_tool_runs_and_is_read(transport, tmp_path):
    source = tmp_path / "benchmark_model"
    source.write_bytes(TOOL)
    runner = install_tool(transport, str(source))
    spec = BenchSpec(runs=50)
    session = runner.parse(spec, transport.shell(runner.argv(spec, "/m"), timeout_s=20))
    assert (session.center_us, runner.tool) == (NEW.mean_us, "tflite")
    assert session.runtime == f"benchmark_model {hashlib.sha256(TOOL).hexdigest()[:8]}"


def test_which_tool_it_is_shows_in_the_file(transport, tmp_path):
    source = tmp_path / "benchmark_model"
    source.write_bytes(b"..." + LITERT.stderr.encode())
    assert install_tool(transport, str(source)).tool == "litert"
    source.write_bytes(b"\x7fELF something else")
    with pytest.raises(BadRequest, match="is not a benchmark_model"):
        install_tool(transport, str(source))


def test_a_program_for_another_machine_is_an_error(transport, tmp_path):
    source = tmp_path / "benchmark_model"
    source.write_bytes(b"\x7fELF" + bytes(100) + b"enable_op_profiling")
    runner = install_tool(transport, str(source))
    with pytest.raises(RunnerError, match="exit code 12"):
        runner.parse(BenchSpec(), transport.shell(runner.argv(BenchSpec(), "/m"), timeout_s=20))
