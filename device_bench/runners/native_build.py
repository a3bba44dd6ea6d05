"""Builds the C runner of `native/`. For phones and other machines: docs/phones.md has the commands."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from device_bench.errors import BenchError

_FLAGS = ("-O2", "-Wall", "-Wextra", "-std=gnu11")
_SOURCES = Path(__file__).with_name("native")


class BuildError(BenchError):
    """The C runner could not be built."""


def build_runner(compiler: str = "cc", folder: Path | None = None) -> Path:
    """Compiles litert_bench, unless the same was compiled before, and gives its path.

    Args:
        compiler: The C compiler: `cc`, a cross compiler such as `aarch64-linux-gnu-gcc`, or the NDK's clang.
        folder: Where to keep the programs; None: the user's cache.

    Raises:
        BuildError: There is no such compiler, or it complained; its words are in the message.
    """
    path = shutil.which(compiler)
    if path is None:
        raise BuildError(f"no C compiler {compiler!r} on this machine; install one (Debian: gcc) or name another")
    folder = folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnas" / "native"
    program = folder / f"litert_bench-{_fingerprint(path)}"
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as aside:
        fresh = Path(aside) / "litert_bench"
        command = [path, *_FLAGS, "-o", str(fresh), str(_SOURCES / "litert_bench.c"), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise BuildError(f"{compiler} cannot build litert_bench: {_first_error(done.stderr)}")
        fresh.replace(program)
    return program


def _fingerprint(compiler: str) -> str:
    """What decides about the program: the sources, the flags, the compiler and its version."""
    digest = hashlib.sha256(" ".join((compiler, *_FLAGS)).encode())
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False)
    digest.update(version.stdout)
    for source in sorted(_SOURCES.glob("litert_bench.[ch]")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _first_error(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "it said nothing")
