"""Published layered networks; counts of their parameters are held by tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from search_spaces.layered.enas_macro import MacroArch
from search_spaces.layered.nas_cnn import ConvLayer, NasCnnArch
from search_spaces.layered.notation import arc

_V1 = """
3x3 36 -
3x3 48 0
3x3 36 0 1
5x5 36 0 1 2
3x7 48 2 3
7x7 48 1 2 3 4
7x7 48 1 2 3 4 5
7x3 36 0 5 6
7x1 36 0 4 5 7
7x7 36 0 2 3 4 5 6 7 8
5x7 36 0 1 4 5 6 7 8 9
7x7 48 0 1 2 3 5 10
7x5 48 0 2 5 6 7 8 9 10 11
7x5 48 2 6 11 12
7x5 48 6 10 11 12 13
"""

_MACRO = """
0
3 0
0 1 0
2 0 0 1
2 0 0 0 0
3 1 1 0 1 0
2 0 0 0 0 0 1
2 0 1 1 0 1 1 1
1 0 1 1 1 0 1 0 1
0 0 0 0 0 0 0 0 0 0
2 0 0 0 0 0 1 0 0 0 0
0 1 0 0 1 1 0 0 0 0 1 1
2 0 1 0 0 0 0 0 1 0 1 1 0
1 0 0 1 0 0 0 1 1 1 0 1 0 1
0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1
2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1
3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1
0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0
"""


def _nas_cnn_v1() -> NasCnnArch:
    """The 15 layers of figure 7 (Zoph and Le, ICLR 2017, appendix A), as others have transcribed them."""
    layers = []
    for line in _V1.strip().splitlines():
        kernel, filters, *reads = line.split()
        height, width = map(int, kernel.split("x"))
        layers.append(ConvLayer(height, width, int(filters), tuple(int(one) for one in reads if one != "-")))
    return NasCnnArch(tuple(layers))


def _enas_macro(separable: bool) -> MacroArch:
    """The arc of the script `cifar10_macro_final.sh` of ENAS's published code (Pham et al., ICML 2018)."""
    return MacroArch(arc([int(word) for word in _MACRO.split()]), 96, separable)


PUBLISHED_NAS_CNN: dict[str, Callable[[], NasCnnArch]] = {"nas-cnn-v1": _nas_cnn_v1}
PUBLISHED_ENAS_MACRO: dict[str, Callable[[], MacroArch]] = {
    "enas-macro": partial(_enas_macro, False),
    "enas-macro-separable": partial(_enas_macro, True),
}
