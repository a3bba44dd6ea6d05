import pytest
from tiny_model import tiny_model

from device_bench.errors import BadRequest
from device_bench.matrix.cells import Axes, cells

_MODELS = {"one": tiny_model(operators=1), "two": tiny_model(operators=2)}


def test_every_combination_is_a_cell():
    axes = Axes(("a", "b"), (1, 4), ("cpu", "gpu"), "big", 3)
    made = cells(_MODELS, axes)
    assert len(made) == len(set(made)) == 2 * 2 * 2 * 2 * 3
    assert {cell.precision for cell in made} == {"float32"}
    assert {cell.cores for cell in made} == {"big"}
    assert [cell.device for cell in made] == ["a"] * 24 + ["b"] * 24


def test_repeats_lie_apart():
    made = cells(_MODELS, Axes(("a",), (1, 2), repeats=2))
    assert [cell.repeat for cell in made] == [1] * 4 + [2] * 4


def test_a_model_of_the_same_name_is_another_cell():
    [first] = cells({"one": tiny_model(operators=1)}, Axes(("a",)))
    [second] = cells({"one": tiny_model(operators=2)}, Axes(("a",)))
    assert first != second


@pytest.mark.parametrize(
    ("models", "axes", "words"),
    [
        ({"one": b"no model"}, Axes(("a",)), "one: .*not a TFLite file"),
        (_MODELS, Axes(("a",), (0,)), "threads is 0"),
        (_MODELS, Axes(("a",), (1,), ("fpga",)), "'fpga'"),
        (_MODELS, Axes(("a",), cores="medium"), "unknown cores 'medium'"),
    ],
)
def test_bad_sides_are_refused(models, axes, words):
    with pytest.raises(BadRequest, match=words):
        cells(models, axes)
