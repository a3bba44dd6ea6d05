"""Damaged TFLite files, given to all that reads one: precision, signatures, cutting, pricing, and the runtime."""

import math
import os
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from ai_edge_litert import interpreter  # noqa: F401 (before the fork)
from hypothesis import strategies as st

from device_bench.errors import BenchError, RunnerError
from device_bench.latency_table.carve import carve
from device_bench.latency_table.entry import Entry
from device_bench.latency_table.signature import signatures
from device_bench.latency_table.table import LatencyTable
from device_bench.runners import host_runner
from device_bench.runners.json_runner import host_runner as host_tool
from device_bench.runners.runner import BenchSpec
from device_bench.tflite.model_file import check_model, model_precision
from device_bench.transport import Completed
from fuzzing.cases import TOKEN, Case, Kind, Refused, Wrong
from fuzzing.commands import predict
from fuzzing.damage import damaged_bytes
from fuzzing.networks import network, packed, unpacked

_SPEC = BenchSpec(warmup_runs=0, runs=1)
_SESSION_S = 8.0
_NETWORKS = ("float32", "int8", "float16")


def use(case: Case, folder: Path) -> None:
    """Lets every reader have the file; the first error that is none of the packages' own ends it."""
    path = folder / case.name
    path.write_bytes(case.content)
    check_model(case.content, str(path))
    refused = [error for reader in _READERS if (error := _refusal(reader, case.content))]
    try:
        _run(path)
    except RunnerError as error:
        refused.append(error)
    _price(path)
    if refused:
        raise Refused from refused[0]


def _refusal(reader: Callable[[bytes], None], content: bytes) -> BenchError | None:
    try:
        reader(content)
    except BenchError as error:
        return error
    return None


def _precision(content: bytes) -> None:
    if not (told := model_precision(content)).isprintable():
        raise Wrong(f"a precision with control characters: {told!r}")


def _signed(content: bytes) -> None:
    for one in signatures(content):
        if not one.isprintable():
            raise Wrong(f"a signature with control characters: {one!r}")


def _carved(content: bytes) -> None:
    """Every operator that is cut out has the signature that it was asked for by."""
    for signature, single in carve(content, signatures(content)).items():
        if signatures(single) != (signature,):
            raise Wrong(f"a part with another signature: {signatures(single)} instead of {signature!r}")


_READERS = (_precision, _signed, _carved)


def _price(path: Path) -> None:
    """The way of `mnas table predict`, which is given several files at once: its message names the one."""
    for precision in _NETWORKS:
        (path.parent / precision).write_bytes(_table(precision))
    try:
        known = model_precision(path.read_bytes())
    except BenchError:
        known = ""
    predict(path.parent / (known if known in _NETWORKS else "int8"), path, "--fill")


@cache
def _table(precision: str) -> bytes:
    """A table that has, or can estimate, the operators of the sound networks."""
    entries = {key: Entry(0.25, 0.25, 0.01, 9) for key in signatures(network(precision))}
    facts = {"device": "Testphone", "precision": precision, "threads": 1}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.json"
        LatencyTable(entries, facts).save(path)
        return path.read_bytes()


def _run(path: Path) -> None:
    """One session of the host's runner, as the product starts and ends it, but forked: most of a start is imports.

    Raises:
        RunnerError: The runner says why it failed, or died; one that does not end is ended.
    """
    tool = host_tool()
    words = tool.argv(_SPEC, str(path))
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            _become_runner(words[len(tool.command) - 1 :], stdout.fileno(), stderr.fileno())
        code = _ended(child)
        said = [os.pread(file.fileno(), 2**20, 0).decode(errors="replace") for file in (stdout, stderr)]
    session = tool.parse(_SPEC, Completed(code, *said))
    if session.peak_mb is not None and not (math.isfinite(session.peak_mb) and session.peak_mb >= 0):
        raise Wrong(f"a peak memory that cannot be: {session.peak_mb} MB")


def _become_runner(words: tuple[str, ...], stdout: int, stderr: int) -> NoReturn:
    """Runs the runner's own `main` in this process, and ends it."""
    code = 70
    try:
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        warnings.resetwarnings()
        sys.argv = list(words)
        with os.fdopen(1, "w") as sys.stdout, os.fdopen(2, "w") as sys.stderr:
            code = host_runner.main()
    finally:
        os._exit(code)


def _ended(child: int) -> int:
    """The exit code of a child; one that takes longer than a session may is killed, as a transport kills it."""
    end = time.monotonic() + _SESSION_S
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


_FIELDS = {
    "numbers": (0, 1, -1, 2, 3, 4, 7, 9, 32, 99, 127, 255, 2**31 - 1, -(2**31)),
    "lists": ([], [0], [-1], [1, 8, 8, 3], [1, -1, -1, 3], [1] * 9, [2**31 - 1] * 2, [0, 0], [1, 2**20, 2**20, 3]),
    "names": (None, b"", b"x", b"a b", b"a\nb", b"\x1b[31m", b"\xff\xfe", b"x" * 500),
    "floats": (0.0, -1.0, 1e38, float("nan"), float("inf")),
}
_FAR = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
_RECORDS = "operatorCodes subgraphs buffers signatureDefs metadata tensors operators quantization".split()


@st.composite
def _restructured(draw: st.DrawFn, content: bytes) -> bytes:
    """The file after one to three changes of its parts, packed anew; where it cannot be packed, damaged as bytes."""
    model = unpacked(content)
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, draw(st.sampled_from(list(_parts(model)))))
    try:
        return packed(model)
    except Exception:
        return draw(damaged_bytes(content))


def _parts(part: Any) -> Iterator[Any]:
    """Every object of the generated classes below and with `part`."""
    if vars(part):
        yield part
    for value in vars(part).values():
        for one in value if isinstance(value, list) else [value]:
            if type(one).__module__ == type(part).__module__ and hasattr(one, "__dict__"):
                yield from _parts(one)


def _change(draw: st.DrawFn, part: Any) -> None:
    """Sets one field to another value of its kind, or drops or doubles what it lists."""
    name = draw(st.sampled_from(sorted(vars(part))))
    value = getattr(part, name)
    match value:
        case bool():
            changed: Any = not value
        case int():
            changed = draw(st.sampled_from(_FIELDS["numbers"]))
        case float():
            changed = draw(st.sampled_from(_FIELDS["floats"]))
        case bytes() | str() | None:
            changed = draw(st.sampled_from(_FIELDS["names"]))
        case list() if name in _RECORDS:
            place = draw(st.integers(0, max(len(value) - 1, 0)))
            less, more = value[:place] + value[place + 1 :], value + value[place:]
            changed = draw(st.sampled_from([[], value[:place], less, more, value[::-1]]))
        case _ if name in _RECORDS or name in ("builtinOptions", "data"):
            changed = None
        case _:
            changed = draw(st.sampled_from(_FIELDS["lists"]))
    setattr(part, name, changed)


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    networks = tuple(network(name) for name in _NETWORKS)
    content = draw(st.sampled_from(networks))
    if draw(st.booleans()):
        content = draw(_restructured(content))
    else:
        content = draw(damaged_bytes(content, networks) | _offsets(content))
    return Case("tflite", f"{TOKEN}.tflite", content)


@st.composite
def _offsets(draw: st.DrawFn, content: bytes) -> bytes:
    """One to four aligned words of the file (offsets, lengths, numbers) replaced by odd ones or by each other."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = 4 * draw(st.integers(0, len(content) // 4 - 1))
        other = 4 * draw(st.integers(0, len(content) // 4 - 1))
        odd = draw(st.sampled_from([0, 1, 4, *_FAR, len(content), len(content) - place]))
        changed[place : place + 4] = struct.pack("<I", odd) if draw(st.booleans()) else content[other : other + 4]
    changed[4:8] = b"TFL3"
    return bytes(changed)


def sound() -> list[Case]:
    """The seeds."""
    return [Case("tflite", f"{TOKEN}.tflite", network(name)) for name in _NETWORKS]


TFLITE = Kind(_cases(), sound, use)
