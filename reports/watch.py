"""`mnas watch`: optuna-dashboard on the storage of a run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import click

from device_bench.terminal import say
from reports.errors import ReportError


class _Quiet(WSGIRequestHandler):
    """The page asks for news every few seconds; nobody reads that log."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(path: Path, *, host: str, port: int, browser: bool) -> None:
    """Serves the dashboard until ctrl-C.

    Args:
        path: the run directory.
        host: address to listen on.
        port: port to listen on; 0 for a free one.
        browser: whether to open the page.

    Raises:
        ReportError: the path is no run or has no trials yet, optuna-dashboard is missing, or the port is taken.
    """
    with open_server(path, host=host, port=port) as server:
        url = f"http://{server.server_name if host not in ('127.0.0.1', '::1') else host}:{server.server_port}/"
        say(f"watching {path} at {url} (ctrl-C ends)")
        if browser:
            click.launch(url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped watching; a running search is not affected")


def open_server(path: Path, *, host: str, port: int) -> WSGIServer:
    """A server of the dashboard that already listens.

    Raises:
        ReportError: the path is no run or has no trials yet, optuna-dashboard is missing, or the port is taken.
    """
    from mnas.errors import SearchError
    from mnas.run import Run

    try:
        run = Run.open(path)
        run.study()
    except SearchError as error:
        raise ReportError(str(error)) from error
    if find_spec("optuna_dashboard") is None:
        raise ReportError("optuna-dashboard is not installed: pip install 'mnas[dashboard]', then watch again")
    from optuna_dashboard import wsgi

    try:
        return make_server(host, port, wsgi(run.storage_url), handler_class=_Quiet)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReportError(f"cannot listen on {host}:{port}: {reason}; choose another with --port or --host") from error
