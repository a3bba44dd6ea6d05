"""What the rig needs of this machine, asked before anything is started."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_TOOLS = ("ip", "mmdebstrap", "nsenter", "setpriv", "unshare")
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def _emulates_aarch64() -> bool:
    if os.uname().machine == "aarch64":
        return True
    if not (_BINFMT / "status").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)], capture_output=True)
    if not (_BINFMT / "qemu-aarch64").exists() and shutil.which("update-binfmts"):
        subprocess.run(["update-binfmts", "--enable", "qemu-aarch64"], capture_output=True)
    return (_BINFMT / "qemu-aarch64").exists()


def _absent(programs: Sequence[str]) -> list[str]:
    return [f"the program {program}" for program in programs if shutil.which(program) is None]


def missing_for(*, aarch64: bool = False) -> list[str]:
    """Name everything a phone of this kind would lack here; an empty list means go."""
    missing = [] if os.geteuid() == 0 else ["root (uid 0)"]
    missing += _absent(_TOOLS)
    if missing:
        return missing
    probe = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "true"]
    if subprocess.run(probe, capture_output=True).returncode:
        missing.append("the right to make namespaces")
    if aarch64:
        missing += _absent(["aarch64-linux-gnu-gcc"])
        if not _emulates_aarch64():
            missing.append("qemu-user with a binfmt_misc entry for aarch64")
    return missing


def require(*, aarch64: bool = False) -> str:
    """Return the reason to skip, or an empty string; with MNAS_NO_SKIP=1 a reason is an error.

    Raises:
        RuntimeError: something is missing and MNAS_NO_SKIP forbids to skip.
    """
    return _reason("no adbd phone here", missing_for(aarch64=aarch64))


def require_programs(*programs: str) -> str:
    """Return the reason to skip what needs these programs; as `require` does."""
    return _reason("no phone's shell here", _absent(programs))


def _reason(what: str, missing: list[str]) -> str:
    if not missing:
        return ""
    reason = f"{what}, missing: {', '.join(missing)}"
    if os.environ.get("MNAS_NO_SKIP") == "1":
        raise RuntimeError(reason)
    return reason
