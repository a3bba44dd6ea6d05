"""Sound pictures of 16x16 pixels in every format and mode, to be damaged."""

from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from fuzzing.cases import TOKEN

_SIDE = 16
_MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
}
_RARE = {"PPM": "L", "TGA": "RGB", "PCX": "RGB", "SGI": "RGB", "JPEG2000": "RGB", "AVIF": "RGB", "QOI": "RGB"}
_RARE |= {"ICO": "RGBA", "DDS": "RGBA", "XBM": "1", "MSP": "1", "ICNS": "RGBA", "SPIDER": "F", "DIB": "RGB", "BLP": "P"}
_COMPRESSIONS = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
_ENDS = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2", "SPIDER": ".spider"}


def _picture(mode: str, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(1, 255, (_SIDE, _SIDE, 4)).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    if mode == "F":
        return Image.fromarray(pixels[..., 0].astype(np.float32) / 255)
    picture = Image.fromarray(pixels)
    return picture.convert("RGB").quantize(16) if mode == "P" else picture.convert(mode)


def _written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    picture.copy().save(file, kind, **options)  # a save leaves its options on the picture
    return file.getvalue()


@cache
def common() -> dict[str, tuple[bytes, ...]]:
    """Sound files of the formats that people have."""
    made = {kind: [_written(_picture(mode), kind) for mode in modes] for kind, modes in _MODES.items()}
    grey, colour, wide = _picture("L"), _picture("RGB"), _picture("RGBA")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    more: list[tuple[str, Image.Image, dict[str, Any]]] = [
        *((kind, colour, {"exif": exif}) for kind in ("JPEG", "PNG", "WEBP", "TIFF")),
        ("JPEG", colour, {"progressive": True}),
        ("PNG", _picture("P"), {"transparency": bytes(range(16))}),
        ("PNG", grey, {"transparency": 3}),
        ("PNG", wide, {"save_all": True, "append_images": [wide.rotate(90)]}),
        *(("TIFF", colour, {"compression": name}) for name in _COMPRESSIONS),
        ("TIFF", colour, {"save_all": True, "append_images": [grey]}),
        ("GIF", colour, {"save_all": True, "append_images": [colour.rotate(90)], "loop": 0}),
        ("WEBP", wide, {"lossless": True}),
        ("WEBP", wide, {"save_all": True, "append_images": [colour]}),
    ]
    for kind, picture, options in more:
        made[kind].append(_written(picture, kind, **options))
    made["JPEG"].append(_written(colour, "MPO", save_all=True, append_images=[colour.rotate(90)]))
    return {kind: tuple(files) for kind, files in made.items()}


@cache
def rare() -> dict[str, tuple[bytes, ...]]:
    """Sound files of other formats that Pillow reads."""
    return {kind: (_written(_picture(mode), kind),) for kind, mode in _RARE.items()}


def named(kind: str) -> str:
    """The name of a file of a format."""
    return f"{TOKEN}{_ENDS.get(kind, f'.{kind.lower()}')}"


@cache
def plain(number: int) -> bytes:
    """One of many different photos."""
    return _written(_picture("RGB", number), "PNG")
