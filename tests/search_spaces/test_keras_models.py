"""What the built Keras models hold and compute, against the operator list."""

import numpy as np
import pytest

from search_spaces import build_model, cost, operators, published, scale, space
from search_spaces.mnasnet.architecture import MnasNetArch
from search_spaces.mnasnet.published import PUBLISHED

WITH_STATISTICS = {
    "mnasnet-a1": 3_920_526,
    "mnasnet-b1": 4_421_232,
    "mnasnet-small": 2_047_192,
    "mobilenet-v2": 3_538_984,
    "proxylessnas-mobile": 4_115_008,
}


def trainable(model: object) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_hold_the_published_parameters(name: str) -> None:
    model = build_model(published(name), (224, 224, 3), 1000)
    assert trainable(model) == cost(published(name), (224, 224, 3), 1000).params
    assert model.count_params() == WITH_STATISTICS[name]


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_widths_of_a1(width: float) -> None:
    arch = scale(published("mnasnet-a1"), width)
    assert trainable(build_model(arch, (224, 224, 3), 1000)) == cost(arch, (224, 224, 3), 1000).params


def random_architectures(count: int, shape: tuple[int, int, int]) -> list[MnasNetArch]:
    searched, rng = space("mnasnet", shape, width=0.25, head_filters=32), np.random.default_rng(3)
    return [searched.decode(searched.sample(rng)) for _ in range(count)]


@pytest.mark.parametrize("arch", random_architectures(4, (32, 24, 1)))
def test_random_architectures_match_their_operators(arch: MnasNetArch) -> None:
    shape = (32, 24, 1)
    model = build_model(arch, shape, 5, dropout=0.0)
    assert trainable(model) == cost(arch, shape, 5).params
    for operator in operators(arch, shape, 5):
        built = tuple(model.get_layer(operator.name).output.shape[1:])
        assert built in (operator.output_shape, operator.output_shape[2:])
    probabilities = model(np.random.default_rng(0).random((3, *shape), np.float32), training=False).numpy()
    assert probabilities.shape == (3, 5)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_weights_follow_the_seed_alone() -> None:
    arch = scale(published("mnasnet-small"), 0.5)
    first, again, other = (build_model(arch, (32, 32, 1), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
