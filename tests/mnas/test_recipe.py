"""The recipe: what may be asked for, and its schedules."""

import dataclasses

import pytest

from mnas.errors import SearchError
from mnas.training.recipe import Recipe, full_recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimizer": "lion"}, "no optimizer 'lion'"),
        ({"epochs": 0}, "at least 1 epoch"),
        ({"batch_size": 0}, "batch of at least 1"),
        ({"shift": -1}, "shift of 0 or more"),
        ({"learning_rate": 0.0}, "positive learning_rate"),
        ({"learning_rate": float("nan")}, "positive learning_rate"),
        ({"weight_decay": -1.0}, "weight_decay of 0 or more"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"decay": "linear"}, "no decay 'linear'"),
        ({"patience": -1}, "patience of 0 epochs or more"),
        ({"label_smoothing": -0.1}, "label_smoothing is -0.1"),
    ],
)
def test_impossible_recipes(change, message):
    with pytest.raises(SearchError, match=message):
        dataclasses.replace(Recipe(), **change)


def test_the_rate_climbs_and_falls_to_nothing():
    recipe = Recipe(learning_rate=0.4, warmup_share=0.2)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert rates[:20] == pytest.approx([0.02 * (step + 1) for step in range(20)])
    assert rates.index(max(rates)) in (19, 20)
    assert max(rates) == pytest.approx(0.4)
    assert rates[60] == pytest.approx(0.2)
    assert 0 < rates[99] < 0.001
    assert sorted(rates[20:], reverse=True) == rates[20:]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_training_of_few_steps_has_rates(steps):
    recipe = Recipe(warmup_share=0.9)
    assert all(0 < recipe.rate(step, steps) <= recipe.learning_rate for step in range(steps))


def test_steps_are_whole_batches():
    assert Recipe(batch_size=32).steps_per_epoch(100) == 3
    assert Recipe(batch_size=32).steps_per_epoch(7) == 1


def test_batch_norm_forgets_faster_in_a_short_training():
    assert Recipe(epochs=1, batch_size=32).batch_norm_momentum(320) == pytest.approx(0.5)
    assert Recipe(epochs=10, batch_size=32).batch_norm_momentum(640) == pytest.approx(0.95)
    assert Recipe(epochs=100, batch_size=32).batch_norm_momentum(10**6) == pytest.approx(0.99)


def test_the_exponential_decay_is_the_papers():
    """0.97 every 2.4 of 350 epochs behind a warm-up of 5 (MnasNet, section 5), whatever the number of steps."""
    paper = Recipe(learning_rate=1.0, warmup_share=5 / 350, decay="exponential")
    for steps in (350, 35_000):
        assert paper.rate(0, steps) == pytest.approx(350 / 5 / steps)
        assert paper.rate(steps // 70, steps) == 1.0
        assert paper.rate(steps - 1, steps) == pytest.approx(0.97 ** (350 / 2.4), rel=0.04)
    rates = [paper.rate(step, 350) for step in range(5, 350)]
    assert sorted(rates, reverse=True) == rates
    assert len(set(rates)) == 146


def test_a_full_training_suits_the_images():
    photos, clothes = full_recipe(1_281_167, 224), full_recipe(60_000, 28)
    assert (photos.epochs, photos.flip, photos.crop) == (30, True, 0.35)
    assert (clothes.epochs, clothes.flip, clothes.shift, clothes.crop) == (30, False, 1, 1.0)
    assert full_recipe(1_000, 32).epochs == 350
    assert full_recipe(1_000, 32).ema
