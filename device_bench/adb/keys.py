"""The RSA key a phone knows this computer by: adb's own where there is one, else one of ours, for our eyes only."""

import base64
import os
import tempfile
from pathlib import Path

from adb_shell.auth.keygen import encode_pubkey, get_user_info, keygen
from adb_shell.auth.sign_cryptography import CryptographySigner

from device_bench.errors import TransportError
from device_bench.file_lock import held
from device_bench.whole_files import write_whole


def default_key() -> Path:
    """Where the key is looked for: adb's `~/.android/adbkey`, which phones may know already, else our own."""
    shared = Path.home() / ".android" / "adbkey"
    if os.access(shared, os.R_OK):
        return shared
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mnas" / "adbkey"


def load_signer(path: Path | None = None) -> CryptographySigner:
    """Loads the key, making it first if there is none.

    Args:
        path: The private key, PEM; its public half lies beside it with `.pub` added. None: `default_key()`.

    Raises:
        TransportError: The key cannot be read, made or understood.
    """
    key = path or default_key()
    try:
        if not key.exists():
            _make(key)
        public = key.with_name(key.name + ".pub")
        if not public.exists():
            public_half = base64.b64encode(encode_pubkey(str(key))) + get_user_info().encode()
            write_whole(public, public_half, mode=0o600)
        return CryptographySigner(str(key))
    except (OSError, ValueError, TypeError) as error:
        raise TransportError(f"the adb key {key} cannot be used: {error}; remove it to have a new one made") from error


def _make(key: Path) -> None:
    """Makes a pair whole or not at all; of two processes at it, the second takes the first one's."""
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held(key.parent):
        if key.exists():
            return
        # Only the owner can look into a directory made by mkdtemp, whatever rights the files start with.
        with tempfile.TemporaryDirectory(prefix=".key-", dir=key.parent) as aside:
            fresh = Path(aside) / "key"
            keygen(str(fresh))
            fresh.chmod(0o600)
            Path(f"{fresh}.pub").replace(key.with_name(key.name + ".pub"))
            fresh.replace(key)
