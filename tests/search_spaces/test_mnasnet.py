from dataclasses import replace

import numpy as np
import pytest

from search_spaces import FAMILIES, SpaceError, arch_hash, cost, published, space
from search_spaces.mnasnet.space import FIELDS, MnasNetParameters

IMAGENET = (224, 224, 3)


def test_the_paper_s_size_of_a_block_and_of_the_space() -> None:
    searched = space("mnasnet")
    assert np.prod([len(choices) for choices in FIELDS.values()]) == 432
    assert (len(searched.decisions), searched.cardinality) == (42, 432**7)
    assert {decision.tag for decision in searched.decisions} == set(FIELDS)


def test_mobilenet_v2_is_the_centre_of_the_space() -> None:
    searched = space("mnasnet")
    centre = replace(published("mobilenet-v2"), activation="relu")
    tokens = searched.encode(centre)
    assert arch_hash(searched.decode(tokens)) == arch_hash(centre)
    chosen = dict(zip((decision.name for decision in searched.decisions), searched.choices(tokens), strict=True))
    assert chosen["block2.op"] == "mbconv6"
    assert chosen["block4.filters"] == 1.0
    assert chosen["block1.op"] == "sepconv"


@pytest.mark.parametrize("options", [{}, {"width": 0.25, "depth": 0.5, "head_filters": 64}])
def test_encode_undoes_decode(options: dict) -> None:
    searched, rng = space("mnasnet", (32, 32, 1), **options), np.random.default_rng(0)
    for _ in range(300):
        tokens = searched.sample(rng)
        arch = searched.decode(tokens)
        same = searched.canonical(tokens)
        assert searched.decode(same) == arch
        assert searched.canonical(same) == same


def test_equal_architectures_have_equal_canonical_tokens() -> None:
    searched, rng = space("mnasnet", (32, 32, 1), width=0.25, depth=0.5), np.random.default_rng(0)
    spelled: dict[str, tuple[int, ...]] = {}
    repeats = 0
    for _ in range(2000):
        tokens = searched.sample(rng)
        # Near the first corner many shortcuts cannot act and small filters round together.
        tokens = tuple(token if rng.random() < 0.15 else 0 for token in tokens)
        key = arch_hash(searched.decode(tokens))
        repeats += key in spelled
        assert spelled.setdefault(key, searched.canonical(tokens)) == searched.canonical(tokens)
    assert repeats > 20


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (96, 64, 3), IMAGENET])
def test_any_image_keeps_a_map_to_pool(shape: tuple[int, int, int]) -> None:
    searched = space("mnasnet", shape)
    arch = searched.decode(searched.sample(np.random.default_rng(0)))
    total = np.prod([arch.stem_stride, *(block.stride for block in arch.blocks)])
    assert min(shape[:2]) / total >= 3
    assert cost(arch, shape, 10).macs > 0


def test_an_architecture_outside_is_refused_with_the_decision() -> None:
    searched = space("mnasnet")
    with pytest.raises(SpaceError, match=r"block5\.filters"):
        searched.encode(published("mnasnet-a1"))
    with pytest.raises(SpaceError, match="not 20"):
        searched.encode(replace(published("proxylessnas-mobile"), activation="relu"))
    with pytest.raises(SpaceError, match="stem"):
        searched.encode(published("mobilenet-v2"))
    centre = replace(published("mobilenet-v2"), activation="relu")
    strided = replace(centre, blocks=(replace(centre.blocks[0], stride=2), *centre.blocks[1:]))
    with pytest.raises(SpaceError, match="stride"):
        searched.encode(strided)


def test_a_wrong_space_is_refused() -> None:
    with pytest.raises(SpaceError, match="known: mnasnet"):
        space("mnasnett")
    with pytest.raises(SpaceError, match="too small"):
        space("mnasnet", (4, 4, 1))
    with pytest.raises(SpaceError, match="positive"):
        MnasNetParameters(width=0)
    assert "mnasnet" in FAMILIES
