import numpy as np
import pytest

from search_spaces import SpaceError, cost, from_notation, published, space
from search_spaces.mnasnet.block_strings import from_block_strings, to_block_strings
from search_spaces.mnasnet.published import PUBLISHED


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "mnasnet-small"])
def test_round_trip(name: str) -> None:
    arch = published(name)
    around = f"stem{arch.stem_filters} head{arch.head_filters} {arch.activation}"
    around += f" top{arch.top_filters}" * bool(arch.top_filters) + " se-expanded" * (arch.squeeze == "expanded")
    assert from_notation(" ".join([around, *to_block_strings(arch)])) == arch


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


def test_a_whole_network_in_words() -> None:
    """EfficientNet-Lite0 (Google's definition of 2020) has 4,652,008 parameters."""
    blocks = (
        "r1_k3_s11_e1_i32_o16 r2_k3_s22_e6_i16_o24 r2_k5_s22_e6_i24_o40 r3_k3_s22_e6_i40_o80 "
        "r3_k5_s11_e6_i80_o112 r4_k5_s22_e6_i112_o192 r1_k3_s11_e6_i192_o320"
    )
    lite0 = from_notation(f"stem32 relu6 {blocks} head1280")
    assert cost(lite0, (224, 224, 3), 1000).params == 4_652_008
    assert lite0 == from_block_strings(blocks, activation="relu6")
    plain = from_notation("stem16_s11 r1_k3_s11_e1_i16_o16 head64")
    assert (plain.stem_filters, plain.stem_stride, plain.head_filters, plain.activation) == (16, 1, 64, "relu")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one block"),
        ("stem32 head64", "at least one block"),
        ("stem32 r1_k3_s11_e1_i32_o16 stem16", "'stem16' says again"),
        ("relu relu6 r1_k3_s11_e1_i32_o16", "'relu6' says again"),
        ("stem0 r1_k3_s11_e1_i0_o16", "a stem of"),
        ("stem16_s12 r1_k3_s11_e1_i16_o16", "unknown or doubled token"),
        ("mobilenet", "'mobilenet'"),
    ],
)
def test_what_is_not_a_network_in_words_is_refused(text: str, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        from_notation(text)
