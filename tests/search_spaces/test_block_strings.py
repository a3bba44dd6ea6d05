import numpy as np
import pytest

from search_spaces import SpaceError, published, space
from search_spaces.mnasnet.block_strings import from_block_strings, to_block_strings
from search_spaces.mnasnet.published import PUBLISHED


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "mnasnet-small"])
def test_round_trip(name: str) -> None:
    arch = published(name)
    again = from_block_strings(to_block_strings(arch), arch.stem_filters, arch.head_filters, arch.activation)
    assert again == arch


def test_round_trip_of_random_architectures() -> None:
    searched, rng = space("mnasnet", (32, 32, 1), width=0.5, head_filters=64), np.random.default_rng(1)
    stem = searched.decode((0,) * len(searched.decisions)).stem_filters
    for _ in range(100):
        arch = searched.decode(searched.sample(rng))
        again = from_block_strings(" ".join(to_block_strings(arch)), stem, 64)
        assert to_block_strings(again) == to_block_strings(arch)
        assert again.blocks == arch.blocks


def test_small_gets_no_shortcut_where_its_declared_filters_do_not_arrive() -> None:
    arch = published("mnasnet-small")
    assert arch.blocks[0].skip == "none"
    assert to_block_strings(arch)[0] == "r1_k3_s11_e1_i8_o8_noskip"


def test_the_strings_of_a1() -> None:
    assert to_block_strings(published("mnasnet-a1"))[2] == "r3_k5_s22_e3_i24_o40_se0.25"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("r1_k3_s11_e1_i32_o16_x9", "unknown or doubled token 'x9'"),
        ("r1_k3_k5_s11_e1_i32_o16", "unknown or doubled token 'k5'"),
        ("r1_k3_s11_e1_i32", "no o… token"),
        ("r1_k3_s12_e1_i32_o16", "strides"),
        ("r1.5_k3_s11_e1_i32_o16", "a number is malformed"),
        ("r2_k3_s11_e1_i16_o16", "declares 16 input filters, but 32"),
        ("r1_k4_s11_e1_i32_o16", "odd"),
    ],
)
def test_a_wrong_string_is_quoted_or_explained(text: str, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        from_block_strings([text])
