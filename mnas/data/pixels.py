"""Any image or array to float32 [height, width, channels]."""

import re

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps

from mnas.data.scale import Storage, highest
from mnas.errors import SearchError

_MODES = {1: "L", 3: "RGB"}
FEW_LEVELS = 31
"""Highest value of images that are masks, or of a few levels of grey."""

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = frozenset(turn for exif, turn in _TURNS.items() if exif >= 5)
"""Turns after which the height is what the width was."""


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """What turns an image upright, by its EXIF; some formats tell it only once their pixels are loaded."""
    return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))


def square(
    image: ImageFile.ImageFile, size: int, channels: int, box: np.ndarray | None = None
) -> tuple[np.ndarray, Storage, float]:
    """An image as the network sees it but for its scale: upright, a part of it, resized, grey or colour.

    Args:
        image: Any mode; what is transparent becomes white.
        size: Height and width of the result.
        channels: 1 (grey) or 3 (RGB).
        box: The part, as shares of height, width, height and width: top, left, height, width [4]; the central square by
            default.

    Returns:
        float32 [size, size, channels] in the values of the file, how they were stored, and the highest of them before
        resizing.

    Raises:
        SearchError: Pixels that are negative, not finite or inverted; the message goes on after the name of the file.
    """
    wide = _is_wide_colour(image)
    upright = _upright(image)
    storage = _grey_storage(upright)
    if storage:
        if storage != "1-bit" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            raise SearchError("is a TIFF in which 0 is white, which Pillow reads rightly at 8 bits only: convert it")
        grey = np.asarray(upright, dtype=np.float32)
        return np.repeat(_resize_one(grey[..., None], size, box), channels, axis=2), storage, highest(grey)
    flat = _flatten(upright)
    high = float(np.max(flat.getextrema()))
    plain = flat.convert(_MODES[channels])
    if high <= FEW_LEVELS:  # 8 bits would round the few levels of a mask while it is resized
        pixels = _resize_one(np.asarray(plain, np.float32).reshape(plain.height, plain.width, channels), size, box)
    else:
        pixels = np.asarray(_fitted(plain, size, box), dtype=np.float32).reshape(size, size, channels)
    return pixels, "16-bit colour (read as 8-bit)" if wide else "8-bit", high


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; `ImageOps.exif_transpose` also writes the EXIF anew, which fails where it is odd."""
    image.load()
    turn = turn_of(image)
    return image if turn is None else image.transpose(turn)


def _grey_storage(image: Image.Image) -> Storage | None:
    """How a grey image is stored whose values Pillow would not bring to 8 bits by a scale of their own."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return "16-bit"
    kinds: dict[str, Storage] = {"1": "1-bit", "I": "integer", "F": "float"}
    return kinds.get(image.mode)


def _is_wide_colour(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow is going to read the upper halves of 16-bit colours only; known before the pixels are read."""
    rawmodes = [tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0] for tile in image.tile]
    return any(re.fullmatch(r"(L|RGB|CMYK)[AaX]*;16[BLN]", str(rawmode)) for rawmode in rawmodes)


def _flatten(image: Image.Image) -> Image.Image:
    """Grey or RGB, palettes and transparency resolved."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        if layer.getchannel("A").getextrema() != (255, 255):
            layer = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        return layer.convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def resize(images: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Arrays to the size and channels asked for.

    Args:
        images: float32 in [0, 1], [count, height, width, 1, 3 or 4]; a fourth channel (alpha) is put on white.
        size: Height and width of the result.
        channels: 1 or 3.

    Returns:
        float32 in [0, 1], [count, size, size, channels].
    """
    if images.shape[3] == 4:
        alpha = images[..., 3:]
        images = images[..., :3] * alpha + (1 - alpha)
    if images.shape[3] == 3 and channels == 1:
        images = images @ np.array([[0.299], [0.587], [0.114]], np.float32)
    if images.shape[1:3] != (size, size):
        images = np.stack([_resize_one(image, size) for image in images])
    if images.shape[3] == 1 and channels == 3:
        images = np.repeat(images, 3, axis=3)
    return np.ascontiguousarray(np.clip(images, 0, 1), np.float32)


def _resize_one(image: np.ndarray, size: int, box: np.ndarray | None = None) -> np.ndarray:
    """[height, width, channels], cut to a box or its central square, to [size, size, channels]."""
    planes = [_fitted(Image.fromarray(np.ascontiguousarray(plane)), size, box) for plane in np.moveaxis(image, 2, 0)]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)


def _fitted(image: Image.Image, size: int, box: np.ndarray | None) -> Image.Image:
    if box is None:
        return ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    top, left, height, width = box.tolist()
    right, bottom = min(1.0, left + width) * image.width, min(1.0, top + height) * image.height
    edges = (left * image.width, top * image.height, right, bottom)
    return image.resize((size, size), Image.Resampling.BILINEAR, edges)
