"""Any image or array to float32 [height, width, channels] in [0, 1]."""

import numpy as np
from PIL import Image, ImageOps

_MODES = {1: "L", 3: "RGB"}


def square(image: Image.Image, size: int, channels: int) -> np.ndarray:
    """An image as the network sees it: upright, cut to its central square, resized, grey or colour.

    Args:
        image: Any mode; what is transparent becomes white.
        size: Height and width of the result.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        float32 in [0, 1], [size, size, channels].
    """
    upright = ImageOps.exif_transpose(image)
    plain = _flatten(upright).convert(_MODES[channels])
    fitted = ImageOps.fit(plain, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(fitted, dtype=np.float32).reshape(size, size, channels) / np.float32(255)


def _flatten(image: Image.Image) -> Image.Image:
    """Resolves palettes, transparency and 16-bit greys, each of which `convert` alone would get wrong."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = np.asarray(image, dtype=np.float32)
        scale = 255 if grey.max(initial=0) <= 255 else 65535
        return Image.fromarray(np.clip(grey / scale * 255, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image


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


def _resize_one(image: np.ndarray, size: int) -> np.ndarray:
    """[height, width, channels], cut to its central square, to [size, size, channels]."""
    planes = [
        ImageOps.fit(Image.fromarray(np.ascontiguousarray(plane)), (size, size), Image.Resampling.BILINEAR)
        for plane in np.moveaxis(image, 2, 0)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)
