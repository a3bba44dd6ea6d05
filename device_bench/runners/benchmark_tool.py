"""Gets a `benchmark_model` from a file or a URL onto a device. No package registry carries one for Android."""

import hashlib
import os
import re
import urllib.parse
import urllib.request
from pathlib import Path

from device_bench.errors import BadRequest, BenchError
from device_bench.runners.benchmark_model import BenchmarkModel, Tool
from device_bench.transport import Transport
from device_bench.whole_files import write_whole

_LIMIT = 256 << 20
_TIMEOUT_S = 60
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
# Only LiteRT's tool logs under this file name; only TFLite's has this flag.
_MARKS: tuple[tuple[bytes, Tool], ...] = ((b"benchmark_litert_model", "litert"), (b"enable_op_profiling", "tflite"))


class DownloadError(BenchError):
    """A program could not be fetched, or is not the one that was asked for."""


def install_tool(transport: Transport, source: str) -> BenchmarkModel:
    """Puts a `benchmark_model` on a device, unless it is there, and gives its runner.

    Args:
        transport: The device.
        source: A file, or `https://HOST/PATH#sha256=HEX`.

    Raises:
        BadRequest: There is no such file, a URL comes without its sha256, or the file is no benchmark_model.
        DownloadError: The URL gives no file, or another one.
        TransportError: It could not be put on the device.
    """
    data = read_tool(source)
    tool = next((tool for mark, tool in _MARKS if mark in data), None)
    if tool is None:
        raise BadRequest(f"{source} is not a benchmark_model of TFLite or LiteRT")
    digest = hashlib.sha256(data).hexdigest()
    path = f"{transport.workdir.rstrip('/')}/{digest[:12]}-benchmark_model"
    transport.push(data, path, mode=0o755)
    return BenchmarkModel(path, tool, runtime=f"benchmark_model {digest[:8]}")


def read_tool(source: str) -> bytes:
    """Reads a program from a file or a URL; arguments and errors as for `install_tool`."""
    if "://" in source:
        url, _, fragment = source.partition("#")
        sha256 = _SHA256.fullmatch(fragment)
        if not sha256:
            raise BadRequest(f"{source} needs its checksum: {url}#sha256=HEX")
        return fetch(url, sha256[1].lower())
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise BadRequest(f"{source} cannot be read: {error.strerror}") from error


def fetch(url: str, sha256: str) -> bytes:
    """Fetches a file of a known checksum, once; it is kept in the user's cache.

    Args:
        url: http or https; the checksum is what makes the content trustworthy.
        sha256: The checksum, 64 hexadecimal digits in lower case.

    Raises:
        BadRequest: Another kind of URL.
        DownloadError: It cannot be fetched, is larger than 256 MiB, or has another checksum.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise BadRequest(f"{url} is neither http nor https")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnas" / "tools"
    kept = cache / sha256
    if kept.exists() and hashlib.sha256(data := kept.read_bytes()).hexdigest() == sha256:
        return data
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            data = bytes(answer.read(_LIMIT + 1))
    except (OSError, ValueError) as error:
        raise DownloadError(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error
    if len(data) > _LIMIT:
        raise DownloadError(f"{url} is larger than {_LIMIT >> 20} MiB")
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise DownloadError(f"{url} has the checksum {found} instead of {sha256}; it is not the file that was meant")
    cache.mkdir(parents=True, exist_ok=True)
    write_whole(kept, data)
    return data
