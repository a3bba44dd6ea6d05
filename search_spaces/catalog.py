"""The spaces by name."""

from __future__ import annotations

from collections.abc import Callable

from search_spaces.architecture import MnasNetArch, Shape
from search_spaces.decision import Space
from search_spaces.errors import SpaceError
from search_spaces.mnasnet import mnasnet

SPACES: dict[str, Callable[..., Space[MnasNetArch]]] = {"mnasnet": mnasnet}


def space(
    name: str,
    input_shape: Shape = (224, 224, 3),
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem_filters: int = 32,
    head_filters: int = 1280,
) -> Space[MnasNetArch]:
    """A space by name, made for images of `input_shape` `(height, width, channels)`.

    Args:
        name: One of `SPACES`.
        input_shape: Of one image.
        width: Factor on the filters of stem and blocks.
        depth: Factor on the layers a block.
        stem_filters: Before `width`.
        head_filters: Of the last 1x1 convolution.

    Raises:
        SpaceError: An unknown name, or an image too small for the space.
    """
    if name not in SPACES:
        raise SpaceError(f"no space {name!r}; known: {', '.join(SPACES)}")
    return SPACES[name](input_shape, width=width, depth=depth, stem_filters=stem_filters, head_filters=head_filters)
