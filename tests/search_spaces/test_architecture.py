import json
from dataclasses import replace

import numpy as np
import pytest

from search_spaces import SpaceError, arch_hash, canonical, from_json, published, scale, space, to_json
from search_spaces.mnasnet.architecture import Block, MnasNetArch, fit, round_filters
from search_spaces.mnasnet.published import PUBLISHED


def strides(arch: MnasNetArch) -> int:
    return int(np.prod([arch.stem_stride, *(block.stride for block in arch.blocks)]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_json_round_trip(name: str) -> None:
    assert from_json(to_json(published(name))) == published(name)


def test_json_round_trip_of_random_architectures() -> None:
    searched, rng = space("mnasnet"), np.random.default_rng(0)
    for _ in range(50):
        arch = searched.decode(searched.sample(rng))
        assert from_json(to_json(arch)) == arch


def test_hash_is_stable_across_versions() -> None:
    assert arch_hash(published("mnasnet-a1")) == "4e03cb951c790a5c"


def test_hash_is_the_same_for_all_spellings_of_one_network() -> None:
    arch = published("mnasnet-a1")
    last = arch.blocks[-1]
    assert last.filters != arch.blocks[-2].filters
    respelled = replace(arch, blocks=(*arch.blocks[:-1], replace(last, skip="none")))
    assert respelled != arch
    assert arch_hash(respelled) == arch_hash(arch)
    assert canonical(respelled) == canonical(arch)
    assert canonical(canonical(arch)) == canonical(arch)


def test_shortcuts_that_act_keep_their_own_hash() -> None:
    block = Block("mbconv", 3, 6, 0.0, "identity", 32, 2, 2)
    arches = [MnasNetArch(32, (replace(block, skip=skip),), 1280) for skip in ("none", "identity", "pool")]
    assert len({arch_hash(arch) for arch in arches}) == 3


def test_a_pooled_shortcut_acts_across_a_stride_where_an_identity_cannot() -> None:
    block = Block("mbconv", 3, 6, 0.0, "pool", 32, 1, 2)
    assert canonical(MnasNetArch(32, (block,), 64)).blocks[0].skip == "pool"
    assert canonical(MnasNetArch(32, (replace(block, skip="identity"),), 64)).blocks[0].skip == "none"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not an architecture"),
        ("[]", "expected a JSON object"),
        ('{"type":"resnet"}', '"type": "mnasnet"'),
        ('{"type":"mnasnet","stem_filters":8,"head_filters":8}', "blocks"),
        ('{"type":"mnasnet","stem_filters":8,"head_filters":8,"blocks":[]}', "at least one block"),
    ],
)
def test_what_is_no_architecture_is_refused(text: str, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        from_json(text)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kernels", 3, "unknown key 'kernels'"),
        ("kernel", 4, "odd"),
        ("op", "winograd", "unknown op"),
        ("se_ratio", 2, "se_ratio"),
        ("stride", 3, "impossible block"),
        ("layers", 0, "impossible block"),
    ],
)
def test_a_wrong_block_value_is_named(key: str, value: object, words: str) -> None:
    data = json.loads(to_json(published("mnasnet-b1")))
    data["blocks"][0][key] = value
    with pytest.raises(SpaceError, match=words):
        from_json(json.dumps(data))


@pytest.mark.parametrize(("exact", "rounded"), [(8, 8), (3, 8), (11.2, 16), (22.4, 24), (18, 24), (20, 24), (84, 88)])
def test_filters_round_to_eights_and_never_below_nine_tenths(exact: float, rounded: int) -> None:
    assert round_filters(exact) == rounded
    assert rounded >= 0.9 * exact


def test_scaling_leaves_the_head() -> None:
    arch = scale(published("mnasnet-a1"), 0.5)
    assert (arch.stem_filters, arch.head_filters) == (16, 1280)
    assert [block.filters for block in arch.blocks] == [8, 16, 24, 40, 56, 80, 160]
    assert scale(arch, 1.0) == arch
    with pytest.raises(SpaceError, match="positive"):
        scale(arch, 0)


@pytest.mark.parametrize(
    ("pixels", "total"), [(8, 2), (16, 4), (28, 8), (32, 8), (64, 16), (96, 32), (224, 32), (512, 32)]
)
def test_fit_leaves_a_map_to_pool(pixels: int, total: int) -> None:
    arch = fit(published("mnasnet-a1"), (pixels, pixels, 3))
    assert strides(arch) == total
    assert pixels / total >= 3


def test_fit_keeps_the_latest_strides() -> None:
    arch = fit(published("mobilenet-v2"), (32, 48, 1))
    assert (arch.stem_stride, *(block.stride for block in arch.blocks)) == (1, 1, 1, 2, 2, 1, 2, 1)


@pytest.mark.parametrize("shape", [(7, 32, 3), (32, 4, 1)])
def test_an_image_too_small_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(SpaceError, match="too small"):
        fit(published("mobilenet-v2"), shape)


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 0), (32.0, 32, 3)])
def test_a_malformed_shape_is_refused(shape: tuple) -> None:
    with pytest.raises(SpaceError, match="height, width, channels"):
        fit(published("mobilenet-v2"), shape)


def test_unknown_published_name_lists_the_known() -> None:
    with pytest.raises(SpaceError, match="mnasnet-a1"):
        published("mnasnet-a2")
