"""MnasNet's factorized hierarchical family, which MobileNetV2 and ProxylessNAS belong to as well."""

from functools import partial

from search_spaces.family import Family
from search_spaces.mnasnet.architecture import MnasNetArch, canonical, fit, from_dict, scale, to_dict
from search_spaces.mnasnet.block_keys import proxyless_keys
from search_spaces.mnasnet.block_strings import from_notation, to_block_strings
from search_spaces.mnasnet.drawing import drawing
from search_spaces.mnasnet.lowering import lower
from search_spaces.mnasnet.net_config import definition_keys
from search_spaces.mnasnet.published import PUBLISHED
from search_spaces.mnasnet.sharing import shared_graph
from search_spaces.mnasnet.space import MnasNetParameters, closest, fit_reference, mnasnet_space, respelled

MNASNET = Family(
    name="mnasnet",
    architecture=MnasNetArch,
    parameters=MnasNetParameters,
    space=mnasnet_space,
    to_dict=to_dict,
    from_dict=from_dict,
    canonical=canonical,
    lower=lower,
    fit=fit_reference,
    respell=respelled,
    scale=scale,
    closest=closest,
    drawing=drawing,
    lines=to_block_strings,
    parse=from_notation,
    strided=fit,
    shared=shared_graph,
    published=PUBLISHED,
    table_keys={"proxyless-blocks": proxyless_keys},
    definition_keys={
        "proxyless-blocks": partial(definition_keys, dialect="proxyless"),
        "ofa-blocks": partial(definition_keys, dialect="ofa"),
    },
)
