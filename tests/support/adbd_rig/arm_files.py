"""What the aarch64 phone runs: the C runner, cross-compiled, and LiteRT's library from its aarch64 wheel."""

import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path

from adbd_rig.desk import outside
from adbd_rig.roots import cache_folder
from device_bench.runners.native_build import build_runner
from device_bench.runners.native_runner import NativeFiles


def aarch64_files() -> NativeFiles:
    """Build and fetch them, unless the cache has them."""
    release = version("ai-edge-litert")
    library = cache_folder() / f"libLiteRt-{release}-aarch64.so"
    if not library.exists():
        with outside():
            _fetch(release, library)
    return NativeFiles(build_runner("aarch64-linux-gnu-gcc"), library, f"LiteRT {release}")


def _fetch(release: str, library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as aside:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--platform", "manylinux_2_27_aarch64", "--python-version", "311", "--dest", aside]
        subprocess.run([*command, f"ai-edge-litert=={release}"], check=True, timeout=240)
        wheel = next(Path(aside).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            fresh = Path(archive.extract("ai_edge_litert/libLiteRt.so", aside))
        fresh.replace(library)
