"""The families of layered networks."""

from __future__ import annotations

from typing import TypeVar

from search_spaces.family import Family
from search_spaces.layered import enas_macro, nas_cnn
from search_spaces.layered.drawing import enas_macro_drawing, nas_cnn_drawing
from search_spaces.layered.enas_macro import MacroArch
from search_spaces.layered.lowering import lower_enas_macro, lower_nas_cnn
from search_spaces.layered.nas_cnn import NasCnnArch
from search_spaces.layered.notation import macro_lines, nas_cnn_lines, parse_macro, parse_nas_cnn
from search_spaces.layered.parameters import EnasMacroParameters, NasCnnParameters
from search_spaces.layered.published import PUBLISHED_ENAS_MACRO, PUBLISHED_NAS_CNN
from search_spaces.layered.spaces import (
    closest_macro,
    closest_nas_cnn,
    enas_macro_space,
    fit_macro,
    fit_nas_cnn,
    nas_cnn_space,
)

A = TypeVar("A")


def _as_it_is(arch: A) -> A:
    return arch


NAS_CNN = Family(
    name="nas-cnn",
    architecture=NasCnnArch,
    parameters=NasCnnParameters,
    space=nas_cnn_space,
    to_dict=nas_cnn.to_dict,
    from_dict=nas_cnn.from_dict,
    canonical=_as_it_is,
    lower=lower_nas_cnn,
    fit=fit_nas_cnn,
    respell=_as_it_is,
    scale=nas_cnn.scale,
    closest=closest_nas_cnn,
    drawing=nas_cnn_drawing,
    lines=nas_cnn_lines,
    parse=parse_nas_cnn,
    published=PUBLISHED_NAS_CNN,
)

ENAS_MACRO = Family(
    name="enas-macro",
    architecture=MacroArch,
    parameters=EnasMacroParameters,
    space=enas_macro_space,
    to_dict=enas_macro.to_dict,
    from_dict=enas_macro.from_dict,
    canonical=enas_macro.canonical,
    lower=lower_enas_macro,
    fit=fit_macro,
    respell=_as_it_is,
    scale=enas_macro.scale,
    closest=closest_macro,
    drawing=enas_macro_drawing,
    lines=macro_lines,
    parse=parse_macro,
    published=PUBLISHED_ENAS_MACRO,
)
