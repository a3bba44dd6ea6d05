"""Checksums as the programs on a device print them; a phone of Android 7 lacks the best of them."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _cksum(data: bytes) -> str:
    """The POSIX CRC of the content and its size: zlib's, with the bits of each byte the other way round."""
    size = len(data).to_bytes(8, "little").rstrip(b"\0")
    reflected = 0xFFFFFFFF
    for part in (data, size):
        reflected = zlib.crc32(part.translate(_REVERSED_BITS), reflected)
    return str(int(f"{reflected:032b}"[::-1], 2))


# What the program's first word is for a content. The best comes first, and the first that a device has is used.
CHECKSUMS: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {
        "sha256sum": lambda data: hashlib.sha256(data).hexdigest(),
        "sha1sum": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        "md5sum": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "cksum": _cksum,
    }
)
