"""File systems with Debian's adbd in them, built once and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adbd_rig.desk import outside
from device_bench.file_lock import held

_SUITE = "trixie"
_PACKAGES = {
    "debian": "adbd base-files coreutils dash findutils grep libc-bin libstdc++6 procps sed util-linux".split(),
    "android": "adbd base-files libc-bin libstdc++6 mksh toybox".split(),
}
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ADBD = "usr/lib/android-sdk/platform-tools/adbd"
# Debian compiles authentication off; in exactly this build one byte turns it on.
_AUTH_SHA256 = "12e6493107d4c51ccc595efde96acae75838584bd1cf4d451a50e679f1498d1a"
_AUTH_OFFSET, _AUTH_OFF, _AUTH_ON = 0x3ADAD, bytes.fromhex("c60000"), bytes.fromhex("c60001")


@dataclass(frozen=True, slots=True)
class Root:
    """A file system to be shared read-only by phones of one architecture.

    Attributes:
        path: Where it lies.
        arch: Its Debian architecture.
        user: The user id that commands run as: 0, or 2000 as on an Android phone.
    """

    path: Path
    arch: str
    user: int

    @property
    def adbd(self) -> Path:
        return self.path / _ADBD

    def demanding_keys(self) -> bytes | None:
        """This root's adbd with authentication on, or None where the build is not the known one."""
        binary = (self.path / (_ADBD + ".stock")).read_bytes()
        found = binary[_AUTH_OFFSET : _AUTH_OFFSET + len(_AUTH_OFF)]
        if hashlib.sha256(binary).hexdigest() != _AUTH_SHA256 or found != _AUTH_OFF:
            return None
        end = _AUTH_OFFSET + len(_AUTH_ON)
        return _without_vsock(binary[:_AUTH_OFFSET] + _AUTH_ON + binary[end:])


def cache_folder() -> Path:
    """Where what is slow to make or to fetch is kept between runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mnas-adbd"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def build_root(arch: str, tools: str = "debian") -> Root:
    """Return the root for a Debian architecture (`amd64`, `arm64`), made now if the cache has none.

    Args:
        arch: The architecture.
        tools: "debian", or "android" for one whose only shell is mksh and whose only programs are toybox's.
    """
    key = hashlib.sha256(" ".join([_SUITE, arch, *_PACKAGES[tools], "1"]).encode()).hexdigest()[:12]
    cache = cache_folder()
    path = cache / f"{_SUITE}-{arch}-{key}"
    with held(cache / f"{arch}.lock"):
        if not path.exists():
            with outside():
                _bootstrap(arch, tools, path)
    return Root(path, arch, user=2000 if tools == "android" else 0)


def _bootstrap(arch: str, tools: str, path: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix="making-", dir=path.parent))
    root = aside / "root"
    include = f"--include={','.join(_PACKAGES[tools])}"
    try:
        signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--arch={arch}", include, _SUITE, str(root)]
        command.append(f"deb {signed}{_mirror()} {_SUITE} main")
        subprocess.run(command, check=True, timeout=240, stdin=subprocess.DEVNULL)
        adbd = root / _ADBD
        shutil.copy2(adbd, f"{adbd}.stock")
        adbd.write_bytes(_without_vsock(adbd.read_bytes()))
        if tools == "android":
            _make_android(root)
        root.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _make_android(root: Path) -> None:
    """Leave mksh and toybox, each command of it by its name, nothing else to be called, and a user named shell."""
    programs = root / "usr/bin"
    for program in (*programs.iterdir(), *(root / "usr/sbin").iterdir()):
        if program.name not in ("adbd", "mksh", "toybox"):
            program.unlink()
    listed = subprocess.run(["chroot", root, "/usr/bin/toybox"], check=True, capture_output=True, text=True, timeout=60)
    for name in listed.stdout.split():
        (programs / name).symlink_to("toybox")
    (programs / "sh").symlink_to("mksh")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nshell:x:2000:2000::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nshell:x:2000:\n")


def _mirror() -> str:
    """The mirror this machine's own apt uses for Debian; it carries the other suites too."""
    lines = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)\t$(REPO_URI)", "Created-By: Packages"],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout.splitlines()  # fmt: skip
    uris = [line.split("\t")[1] for line in lines if line.startswith("Debian\t")]
    if not uris:
        raise RuntimeError("apt has no Debian index on this machine; run apt-get update")
    return uris[0]


def _without_vsock(binary: bytes) -> bytes:
    """No network namespace contains AF_VSOCK, so this daemon must not listen on it."""
    if binary.count(b"vsock:%d") != 1:
        raise RuntimeError("this adbd names its vsock listener otherwise; the rig will not start it")
    return binary.replace(b"vsock:%d", b"local:%d")
