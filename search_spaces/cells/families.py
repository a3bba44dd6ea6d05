"""The families of networks of cells: one form, four spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from search_spaces.cells.architecture import (
    CellArch,
    DartsArch,
    EnasMicroArch,
    NasnetArch,
    PnasArch,
    reader,
    restack,
    scale,
    strided,
    to_dict,
)
from search_spaces.cells.drawing import drawing
from search_spaces.cells.extras import extras
from search_spaces.cells.lowering import lower
from search_spaces.cells.notation import lines, parse
from search_spaces.cells.parameters import (
    CellParameters,
    DartsParameters,
    EnasMicroParameters,
    NasnetParameters,
    PnasParameters,
)
from search_spaces.cells.published import PUBLISHED_DARTS, PUBLISHED_ENAS, PUBLISHED_NASNET, PUBLISHED_PNAS
from search_spaces.cells.skeleton import canonical
from search_spaces.cells.spaces import Form, closest, respell
from search_spaces.family import Family

_TWO = ("normal.", "reduction.")

NASNET_FORM = Form("nasnet", NasnetArch, _TWO)
PNAS_FORM = Form("pnas", PnasArch, ("",), first=1)
ENAS_FORM = Form("enas-micro", EnasMicroArch, _TWO, block="node{}", first=2, state="index", older_first=True)
DARTS_FORM = Form("darts", DartsArch, _TWO, block="node{}", first=2, state="index", older_first=True)


def _family(
    form: Form, parameters: type[CellParameters], published: Mapping[str, Callable[[], CellArch]]
) -> Family[Any, Any]:
    return Family(
        name=form.name,
        architecture=form.architecture,
        parameters=parameters,
        space=form.space,
        to_dict=to_dict,
        from_dict=reader(form.architecture),
        canonical=canonical,
        lower=lower,
        fit=form.fit,
        respell=respell,
        scale=scale,
        closest=closest,
        drawing=drawing,
        lines=partial(lines, form),
        parse=partial(parse, form),
        strided=strided,
        restack=restack,
        extras=extras,
        published=published,
    )


NASNET = _family(NASNET_FORM, NasnetParameters, PUBLISHED_NASNET)
PNAS = _family(PNAS_FORM, PnasParameters, PUBLISHED_PNAS)
ENAS_MICRO = _family(ENAS_FORM, EnasMicroParameters, PUBLISHED_ENAS)
DARTS = _family(DARTS_FORM, DartsParameters, PUBLISHED_DARTS)
