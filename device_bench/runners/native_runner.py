"""The C runner on a phone or board: which files it needs, where they are kept, and how they get there."""

import hashlib
import importlib.util
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from device_bench.errors import BenchError, TransportError
from device_bench.runners.json_runner import JsonRunner
from device_bench.runners.native_build import build_runner
from device_bench.transport import Transport

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armv8l": "armv7l", "armv8": "aarch64"}


class NoRunner(BenchError):
    """There is no benchmark program for this kind of device on this computer."""


@dataclass(frozen=True, slots=True)
class NativeFiles:
    """What litert_bench needs on a device.

    Attributes:
        program: The compiled litert_bench.
        library: The libLiteRt.so for the same kind of device.
        runtime: The library's name and version, as results shall show it.
        accelerators: Libraries that LiteRT loads by name, such as libLiteRtClGlAccelerator.so for the gpu.
    """

    program: Path
    library: Path
    runtime: str
    accelerators: tuple[Path, ...] = ()

    def contents(self) -> dict[str, tuple[bytes, int]]:
        """What lies beside each other on the device: name, content, mode."""
        beside = {"libLiteRt.so": self.library} | {one.name: one for one in self.accelerators}
        files = {name: (path.read_bytes(), 0o644) for name, path in beside.items()}
        return files | {"litert_bench": (self.program.read_bytes(), 0o755)}


def platform_of(transport: Transport) -> str:
    """Names the kind of a device as `native_folder` spells it: `android-aarch64`, `linux-x86_64`, ...

    Raises:
        TransportError: The device does not tell.
    """
    probe = "uname -m && { [ -e /system/bin/sh ] && echo android || echo linux; }"
    done = transport.shell(("sh", "-c", probe), timeout_s=20)
    words = done.stdout.split()
    if done.exit_code or len(words) != 2:
        raise TransportError(f"{transport.name}: `uname -m` does not tell what the device is: {done.stderr.strip()}")
    return f"{words[1]}-{_MACHINES.get(words[0], words[0])}"


def native_folder() -> Path:
    """The folder in which the user keeps programs for devices, one folder in it per kind of device."""
    if chosen := os.environ.get("MNAS_NATIVE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "mnas" / "native"


def find_files(kind: str) -> NativeFiles:
    """Finds the program and library for a kind of device; for one like this computer it is built here.

    Args:
        kind: As `platform_of` gives it.

    Raises:
        NoRunner: There is none; what to put where is said.
        BuildError: It could not be built here.
    """
    kept = native_folder() / kind
    program, library = kept / "litert_bench", kept / "libLiteRt.so"
    if program.exists() and library.exists():
        digest = hashlib.sha256(library.read_bytes()).hexdigest()[:8]
        release = kept / "VERSION"
        runtime = f"LiteRT {release.read_text().strip() if release.exists() else digest}"
        return NativeFiles(program, library, runtime, tuple(sorted(set(kept.glob("*.so")) - {library})))
    if kind == f"linux-{platform.machine()}":
        return NativeFiles(build_runner(), _own_library(), f"LiteRT {version('ai-edge-litert')}")
    raise NoRunner(
        f"no litert_bench for {kind} on this computer: put litert_bench and libLiteRt.so into {kept} "
        "(docs/phones.md has the two commands), or use benchmark_model"
    )


def _own_library() -> Path:
    spec = importlib.util.find_spec("ai_edge_litert")
    folder = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
    library = Path(folder) / "libLiteRt.so"
    if not library.exists():
        raise NoRunner("the installed ai-edge-litert has no libLiteRt.so; install the release in setup.cfg")
    return library


def install_native(transport: Transport, files: NativeFiles | None = None) -> JsonRunner:
    """Puts the C runner on a device, unless it is there, and gives the runner for it.

    Args:
        transport: The device.
        files: What to put there; None: what `find_files` finds for it.

    Raises:
        NoRunner: There is no program for this kind of device.
        TransportError: It could not be put there.
    """
    found = files or find_files(platform_of(transport))
    contents = found.contents()
    digest = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data, _ in contents.values()))
    # By content, so that another version's runner in use there is left alone.
    folder = f"{transport.workdir.rstrip('/')}/litert-{digest.hexdigest()[:12]}"
    for name, (data, mode) in contents.items():
        transport.push(data, f"{folder}/{name}", mode=mode)
    search = ("env", f"LD_LIBRARY_PATH={folder}") if found.accelerators else ()
    command = (*search, f"{folder}/litert_bench", "--library", f"{folder}/libLiteRt.so", "--runtime", found.runtime)
    return JsonRunner("litert_bench", command, delegates=("cpu", "gpu"), profiles=True, summed=True)
