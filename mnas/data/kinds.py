"""Which files of a folder are images: by their ending, and where that says nothing by their first bytes."""

import warnings
from functools import cache
from pathlib import Path
from typing import Literal

from PIL import Image

Use = Literal["image", "passed over", "refused"]
"""What becomes of a file; one that is refused stops the search, for it was meant as an image."""

NOT_AN_IMAGE = "not meant as images"

HEIC = "HEIC, which the optional package pillow-heif reads (install it, or convert them)"

_COMMON = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .gif .bmp .dib .webp .tif .tiff .avif .avifs .jp2 .j2k .jpf .jpx .jpc .j2c"
    " .ppm .pgm .pbm .pnm .pfm .pcx .qoi .sgi .tga".split()
)
"""Endings that promise an image; a file that does not keep the promise is an error, whatever its bytes."""

_HEIC_ENDINGS = frozenset(".heic .heif .heics .heifs .hif".split())

_UNREADABLE = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .iiq .kdc .mef .mrw .nef .nrw .orf .pef .raf .rw2 .rwl .sr2 .srf .srw .x3f"
    " .dcm .dicom .exr .jls .jxl .jxr .wdp".split()
)
"""Camera raw files (of which Pillow would read the small preview) and formats that Pillow does not read."""

_NO_PIXELS = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "WMF"})
"""Formats that Pillow knows by name but that hold no pixels that it could decode anywhere."""

_SIGNATURES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_HEAD_BYTES = 64


@cache
def can_read_heic() -> bool:
    """Whether the optional pillow-heif is there; Pillow then opens HEIC like any other format."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def judge(path: Path) -> tuple[Use, str]:
    """What becomes of a regular file, and why it is not used."""
    ending = path.suffix.lower()
    if ending in _HEIC_ENDINGS:
        return _heic()
    if ending in _COMMON:
        return "image", ""
    if ending in _UNREADABLE:
        return "refused", f"of a kind that is not read ({ending}; convert to PNG or JPEG)"
    if ending in _rare_endings():
        return ("image", "") if _decodes(path) else ("passed over", f"not readable ({ending})")
    try:
        head = first_bytes(path)
    except OSError as error:
        return "refused", f"not accessible ({error.strerror or error})"
    if is_heic(head):
        return _heic()
    return ("image", "") if _is_image(head) else ("passed over", NOT_AN_IMAGE)


def promises_an_image(path: Path) -> bool:
    """Whether the name alone says so; a name without an ending may be that of an image or of a folder of them."""
    ending = path.suffix.lower()
    return ending in _COMMON | _HEIC_ENDINGS | _UNREADABLE | _rare_endings() or not ending


def first_bytes(path: Path) -> bytes:
    """Enough of a file to tell its format."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def is_heic(head: bytes) -> bool:
    """Whether a file begins as a HEIC photo does, whatever its name."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head


def _heic() -> tuple[Use, str]:
    return ("image", "") if can_read_heic() else ("refused", HEIC)


def _is_image(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    avif = head[4:8] == b"ftyp" and b"avif" in head
    return webp or avif or head.startswith(_SIGNATURES)


@cache
def _rare_endings() -> frozenset[str]:
    """Endings of textures, icons, astronomy and the like, under which other programs keep other things too."""
    known = {end for end, kind in Image.registered_extensions().items() if kind in Image.OPEN.keys() - _NO_PIXELS}
    return frozenset(known - _COMMON - _HEIC_ENDINGS)


def _decodes(path: Path) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            image.load()
        return True
    except Exception:  # decoders of rare formats raise whatever they come upon
        return False
