"""What the rig needs of this machine, asked before anything is started."""

import os
import shutil
import subprocess
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


def missing_for(*, aarch64: bool = False) -> list[str]:
    """Name everything a phone of this kind would lack here; an empty list means go."""
    missing = [] if os.geteuid() == 0 else ["root (uid 0)"]
    missing += [f"the program {tool}" for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return missing
    probe = ["unshare", "--net", "--mount", "--pid", "--uts", "--fork", "true"]
    if subprocess.run(probe, capture_output=True).returncode:
        missing.append("the right to make namespaces")
    if aarch64:
        if shutil.which("aarch64-linux-gnu-gcc") is None:
            missing.append("the program aarch64-linux-gnu-gcc")
        if not _emulates_aarch64():
            missing.append("qemu-user with a binfmt_misc entry for aarch64")
    return missing


def require(*, aarch64: bool = False) -> str:
    """Return the reason to skip, or an empty string; with MNAS_NO_SKIP=1 a reason is an error.

    Raises:
        RuntimeError: something is missing and MNAS_NO_SKIP forbids to skip.
    """
    missing = missing_for(aarch64=aarch64)
    if not missing:
        return ""
    reason = f"no adbd phone here, missing: {', '.join(missing)}"
    if os.environ.get("MNAS_NO_SKIP") == "1":
        raise RuntimeError(reason)
    return reason
