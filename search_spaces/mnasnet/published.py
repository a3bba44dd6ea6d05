"""Published networks as architectures, from the papers' tables and the reference definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from search_spaces.mnasnet.architecture import Block, MnasNetArch, round_filters, scale
from search_spaces.mnasnet.block_strings import from_block_strings, from_notation


def _mnasnet_a1() -> MnasNetArch:
    """MnasNet-A1: Tan et al. (CVPR 2019), figure 7(a)."""
    return from_block_strings(
        "r1_k3_s11_e1_i32_o16_noskip r2_k3_s22_e6_i16_o24 r3_k5_s22_e3_i24_o40_se0.25 r4_k3_s22_e6_i40_o80 "
        "r2_k3_s11_e6_i80_o112_se0.25 r3_k5_s22_e6_i112_o160_se0.25 r1_k3_s11_e6_i160_o320"
    )


def _mnasnet_b1() -> MnasNetArch:
    """MnasNet-B1, the model without squeeze-and-excitation: Tan et al. (CVPR 2019), table 3."""
    return from_block_strings(
        "r1_k3_s11_e1_i32_o16_noskip r3_k3_s22_e3_i16_o24 r3_k5_s22_e3_i24_o40 r3_k5_s22_e6_i40_o80 "
        "r2_k3_s11_e6_i80_o96 r4_k5_s22_e6_i96_o192 r1_k3_s11_e6_i192_o320_noskip"
    )


def _mnasnet_small() -> MnasNetArch:
    """MnasNet-small of the reference definitions; its first block declares 16 input filters but is fed 8."""
    return from_block_strings(
        "r1_k3_s11_e1_i16_o8 r1_k3_s22_e3_i8_o16 r2_k3_s22_e6_i16_o16 r4_k5_s22_e6_i16_o32_se0.25 "
        "r3_k3_s11_e6_i32_o32_se0.25 r3_k5_s22_e6_i32_o88_se0.25 r1_k3_s11_e6_i88_o144",
        stem_filters=8,
    )


def _mobilenet_v2() -> MnasNetArch:
    """MobileNetV2 1.0: Sandler et al. (CVPR 2018), table 2."""
    rows = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    blocks = tuple(
        Block("mbconv", 3, expansion, 0.0, "identity", filters, layers, stride)
        for expansion, filters, layers, stride in rows
    )
    return MnasNetArch(32, blocks, 1280, activation="relu6")


def _wide_mobilenet_v2(width: float) -> MnasNetArch:
    """MobileNetV2 above width 1, where the head grows as well: Sandler et al. (CVPR 2018), section 5."""
    base = _mobilenet_v2()
    return replace(scale(base, width), head_filters=round_filters(base.head_filters * width))


def _proxylessnas_mobile() -> MnasNetArch:
    """ProxylessNAS-Mobile: Cai et al. (ICLR 2019), figure 5; its layers differ within a stage."""
    stages = [
        (16, 1, "e1k3"),
        (32, 2, "e3k5 e3k3"),
        (40, 2, "e3k7 e3k3 e3k5 e3k5"),
        (80, 2, "e6k7 e3k5 e3k5 e3k5"),
        (96, 1, "e6k5 e3k5 e3k5 e3k5"),
        (192, 2, "e6k7 e6k7 e3k7 e3k7"),
        (320, 1, "e6k7"),
    ]
    blocks = tuple(
        Block("mbconv", int(layer[3]), int(layer[1]), 0.0, "identity", filters, 1, stride if first else 1)
        for filters, stride, layers in stages
        for layer, first in zip(layers.split(), (True, False, False, False), strict=False)
    )
    return MnasNetArch(32, blocks, 1280, activation="relu6")


def _efficientnet_lite0() -> MnasNetArch:
    """EfficientNet-Lite0: the released `efficientnet_lite_builder` of Tan et al. (EfficientNet, ICML 2019)."""
    return from_block_strings(
        "r1_k3_s11_e1_i32_o16 r2_k3_s22_e6_i16_o24 r2_k5_s22_e6_i24_o40 r3_k3_s22_e6_i40_o80 "
        "r3_k5_s11_e6_i80_o112 r4_k5_s22_e6_i112_o192 r1_k3_s11_e6_i192_o320",
        activation="relu6",
    )


def _fbnet_c() -> MnasNetArch:
    """FBNet-C: Wu et al. (CVPR 2019), table 2, as the authors' model definitions have it.

    The second block of 24 filters is a skip, which is the identity there.
    """
    return from_block_strings(
        "r1_k3_s11_e1_i16_o16 r1_k3_s22_e6_i16_o24 r2_k3_s11_e1_i24_o24 "
        "r1_k5_s22_e6_i24_o32 r1_k5_s11_e3_i32_o32 r1_k5_s11_e6_i32_o32 r1_k3_s11_e6_i32_o32 "
        "r1_k5_s22_e6_i32_o64 r1_k5_s11_e3_i64_o64 r2_k5_s11_e6_i64_o64 "
        "r3_k5_s11_e6_i64_o112 r1_k5_s11_e3_i112_o112 r4_k5_s22_e6_i112_o184 r1_k3_s11_e6_i184_o352",
        stem_filters=16,
        head_filters=1984,
    )


def _mobilenet_v3_large() -> MnasNetArch:
    """MobileNetV3-Large: Howard et al. (ICCV 2019), table 1."""
    return from_notation(
        "hard_swish se-expanded stem16 head960 top1280 r1_k3_s11_e1_i16_o16_re r1_k3_s22_e4_i16_o24_re "
        "r1_k3_s11_e3_i24_o24_re r1_k5_s22_e3_i24_o40_se0.25_re r2_k5_s11_e3_i40_o40_se0.25_re r1_k3_s22_e6_i40_o80 "
        "r1_k3_s11_e2.5_i80_o80 r2_k3_s11_e2.3_i80_o80 r2_k3_s11_e6_i80_o112_se0.25 r3_k5_s22_e6_i112_o160_se0.25"
    )


def _mobilenet_v3_small() -> MnasNetArch:
    """MobileNetV3-Small: Howard et al. (ICCV 2019), table 2."""
    return from_notation(
        "hard_swish se-expanded stem16 head576 top1024 r1_k3_s22_e1_i16_o16_se0.25_re r1_k3_s22_e4.5_i16_o24_re "
        "r1_k3_s11_e3.67_i24_o24_re r1_k5_s22_e4_i24_o40_se0.25 r2_k5_s11_e6_i40_o40_se0.25 "
        "r2_k5_s11_e3_i40_o48_se0.25 r3_k5_s22_e6_i48_o96_se0.25"
    )


PUBLISHED: dict[str, Callable[[], MnasNetArch]] = {
    "mnasnet-a1": _mnasnet_a1,
    "mnasnet-b1": _mnasnet_b1,
    "mnasnet-small": _mnasnet_small,
    "mobilenet-v2": _mobilenet_v2,
    "mobilenet-v2-1.3": partial(_wide_mobilenet_v2, 1.3),
    "mobilenet-v2-1.4": partial(_wide_mobilenet_v2, 1.4),
    "proxylessnas-mobile": _proxylessnas_mobile,
    "efficientnet-lite0": _efficientnet_lite0,
    "mobilenet-v3-large": _mobilenet_v3_large,
    "mobilenet-v3-small": _mobilenet_v3_small,
    "fbnet-c": _fbnet_c,
}
