"""What the built Keras models hold and compute, against the operator list."""

import numpy as np
import pytest

from search_spaces import build_model, cost, published, scale
from search_spaces.mnasnet.published import PUBLISHED

WITH_STATISTICS = {
    "efficientnet-lite0": 4_694_024,
    "fbnet-c": 5_614_904,
    "mnasnet-a1": 3_920_526,
    "mnasnet-b1": 4_421_232,
    "mnasnet-small": 2_047_192,
    "mobilenet-v2": 3_538_984,
    "mobilenet-v2-1.3": 5_431_048,
    "mobilenet-v2-1.4": 6_156_712,
    "mobilenet-v3-large": 5_507_432,
    "mobilenet-v3-small": 2_554_968,
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


def test_weights_follow_the_seed_alone() -> None:
    arch = scale(published("mnasnet-small"), 0.5)
    first, again, other = (build_model(arch, (32, 32, 1), 3, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
