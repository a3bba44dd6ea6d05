"""Networks of cells in text: the toolkit's own notation, arcs of ENAS and genotypes of DARTS."""

import pytest

from search_spaces import SpaceError, canonical, describe, from_notation, published
from search_spaces.catalog import family_of

NAMES = ["nasnet-a-mobile", "nasnet-a-large", "amoebanet-a", "pnasnet-5-cifar", "enas-micro", "darts-v2"]
ARC = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
GENOTYPE = (
    "DARTS_V2 = Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)
ONE = "0 sep3 1 identity > 2"


@pytest.mark.parametrize("name", NAMES)
def test_a_network_comes_back_from_its_notation(name):
    arch = published(name)
    text = "\n".join(family_of(arch).lines(arch))
    assert canonical(from_notation(text)) == canonical(arch)
    assert canonical(from_notation(" ".join(text.split()))) == canonical(arch)


def test_a_way_to_combine_is_written_where_it_is_not_a_sum():
    text = "nasnet cells 3 filters 8 normal 0 sep3 1 identity concat > 2 reduction 0 max3 1 max3 > 2"
    assert from_notation(text).normal.blocks[0].combine == "concat"
    arch = from_notation(text)
    assert " ".join(family_of(arch).lines(arch)).split() == text.split()


@pytest.mark.parametrize("bars", ["", "|"])
def test_an_arc_of_the_published_code_of_enas_is_read(bars):
    words = ARC.split()
    text = bars.join(" ".join(words[start : start + 4]) + " " for start in range(0, 40, 4))
    assert canonical(from_notation(f"enas-micro {text}")) == canonical(published("enas-micro"))


def test_a_genotype_of_the_published_code_of_darts_is_read():
    assert canonical(from_notation(GENOTYPE)) == canonical(published("darts-v2"))
    assert canonical(from_notation(GENOTYPE.replace("range(2, 6)", "[2, 3, 4, 5]"))) == canonical(published("darts-v2"))


def test_the_older_input_is_number_0_where_the_paper_has_it_so():
    arch = from_notation(f"enas-micro cells 3 filters 4 normal {ONE} reduction {ONE}")
    assert {edge.state: edge.op for edge in arch.normal.blocks[0][:2]} == {1: "sep3", 0: "identity"}
    arch = from_notation(f"nasnet cells 3 filters 4 normal {ONE} reduction {ONE}")
    assert {edge.state: edge.op for edge in arch.normal.blocks[0][:2]} == {0: "sep3", 1: "identity"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nasnet", "expected `nasnet cells 6 filters 16`"),
        ("nasnet cells 3 filters 4", "expected normal and reduction, each as"),
        (f"nasnet cells 3 filters 4 normal {ONE}", "expected normal and reduction"),
        (f"pnas cells 3 filters 4 normal {ONE} reduction {ONE}", "expected cell, each as"),
        (f"pnas cells 3 filters 4 cell {ONE} and more", "expected cell, each as"),
        ("pnas cells 3 filters 4 cell 0 sep3 1 > 2", "a block is two states, each with its operator"),
        ("pnas cells 3 filters 4 cell zero sep3 1 sep3 > 2", "a block is two states"),
        ("pnas cells 3 filters 4 cell 0 sep3 1 sep9 > 2", "unknown operator 'sep9'"),
        ("pnas cells 3 filters 4 cell 0 sep3 4 sep3 > 2", "reads state 4"),
        ("pnas cells 3 filters 4 cell 0 sep3 1 sep3 > 7", "the output of a cell lists"),
        ("enas-micro 0 1 0", "four numbers per node of two equal cells, not 3"),
        ("enas-micro 0 9 0 0 0 0 0 0", "operators 0 to 4, not 9"),
        ("enas-micro 7 0 0 0 0 0 0 0", "reads state 7"),
        ("Genotype(normal=[('conv', 0), ('conv', 1)], normal_concat=[2], reduce=[], reduce_concat=[2])", "'conv'"),
        ("Genotype(normal=[('skip_connect', 0)], normal_concat=[2])", "not a genotype of DARTS"),
        (
            "Genotype(normal=open('a').read(), normal_concat=[2], reduce=[], reduce_concat=[])",
            "not a genotype",
        ),
        ("Genotype(normal=[", "not a genotype of DARTS"),
        ("Genotype()", "not a genotype of DARTS"),
    ],
)
def test_what_is_no_network_is_one_line(text, words):
    with pytest.raises(SpaceError, match=words) as caught:
        from_notation(text)
    assert "\n" not in str(caught.value)


def test_a_description_tells_the_cells():
    assert "nasnet cells 12 filters 44 stem 32" in str(describe(published("nasnet-a-mobile")))
