"""Full trainings: killed at any step they end as if nothing had happened, and they end when they should."""

import errno
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from long_training import RECIPE, TASK, digits, kill_at_step, kill_in_write, make, train
from toy_task import DISCS

from mnas.errors import RunFailed, SearchError
from mnas.training.recipe import Recipe

STEPS = RECIPE.epochs * RECIPE.steps_per_epoch(len(digits().train))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """A training that nothing disturbed, its folder, network and result."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *train(folder)


def weights(model) -> list[bytes]:
    return [one.numpy().tobytes() for one in model.variables]


def arrays(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "checkpoint.npz") as stored:
        return {name: stored[name].tobytes() for name in stored.files if name != "about"}


def test_a_training_that_was_killed_ends_bit_by_bit_as_one_that_was_not(whole, tmp_path: Path) -> None:
    """Weights, statistics, optimizer, average and history, with dropout and every variation of the images."""
    chance = random.Random()
    steps = sorted(chance.sample(range(1, STEPS), 3))
    for step in steps:
        kill_at_step(tmp_path, step)
    kill_in_write(tmp_path, 0, "cut")
    model, found = train(tmp_path)
    assert weights(model) == weights(whole[1]), steps
    assert found.history == whole[2].history
    assert arrays(tmp_path) == arrays(whole[0])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_kill_in_the_middle_of_a_write_leaves_the_former_checkpoint(whole, tmp_path: Path) -> None:
    """What it had written aside is removed by the next process."""
    kill_in_write(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 2
    steps: list[int] = []
    model, _ = train(tmp_path, steps.append)
    assert steps[0] == 2  # the first checkpoint stands in front of step 0
    assert weights(model) == weights(whole[1])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_training_that_is_over_is_found(whole) -> None:
    folder, model, found = whole

    def never(step: int) -> None:
        raise AssertionError(f"step {step} is taken again")

    again, same = train(folder, never)
    assert weights(again) == weights(model)
    assert same == found


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"seed": 6}, "seed"),
        ({"recipe": replace(RECIPE, epochs=5)}, r"recipe \(epochs\)"),
        ({"recipe": replace(RECIPE, optimizer="sgd")}, r"recipe \(optimizer\)"),
        ({"minutes": 1.0}, "number of minutes"),
    ],
    ids=["seed", "epochs", "optimizer", "minutes"],
)
def test_another_training_does_not_resume_this_one(whole, tmp_path: Path, change: dict, other: str) -> None:
    shutil.copy(whole[0] / "checkpoint.npz", tmp_path)
    message = rf"checkpoint.npz is of a training with another {other}: choose another directory, or delete it"
    with pytest.raises(SearchError, match=message):
        train(tmp_path, **change)


def test_another_network_or_other_data_do_not_resume_it(whole, tmp_path: Path) -> None:
    from mnas.training.long import train_long

    shutil.copy(whole[0] / "checkpoint.npz", tmp_path)
    data = digits()
    turned = replace(data.train, labels=data.train.labels[::-1])
    with pytest.raises(SearchError, match="another data source"):
        train_long(make(), TASK, replace(data, train=turned), RECIPE, seed=5, folder=tmp_path)
    frozen = make()
    frozen.layers[1].trainable = False
    with pytest.raises(SearchError, match="another network"):
        train_long(frozen, TASK, data, RECIPE, seed=5, folder=tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK nothing", None], ids=["empty", "broken", "cut"])
def test_a_damaged_checkpoint_is_said(whole, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "checkpoint.npz"
    file.write_bytes((whole[0] / "checkpoint.npz").read_bytes()[:5000] if content is None else content)
    with pytest.raises(SearchError, match=r"checkpoint.npz .*delete it to train from the beginning"):
        train(tmp_path)


def test_any_other_archive_is_not_a_checkpoint(tmp_path: Path) -> None:
    np.savez(tmp_path / "checkpoint.npz", about=np.array("[]"))
    with pytest.raises(SearchError, match=r"is not the checkpoint of a training: delete it to train from the beg"):
        train(tmp_path)


def test_a_full_disk_leaves_the_former_checkpoint(whole, tmp_path: Path, monkeypatch) -> None:
    """One line; when there is room again the training resumes."""
    import mnas.files
    import mnas.training.long

    monkeypatch.setattr(mnas.training.long, "_EVERY_S", 0.0)
    real, written = mnas.files.write_whole, []

    def write(path: Path, data: bytes) -> None:
        if len(written) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        real(path, data)

    monkeypatch.setattr(mnas.files, "write_whole", write)
    with pytest.raises(RunFailed, match=r"cannot write .*checkpoint.npz: No space left on device"):
        train(tmp_path)
    monkeypatch.undo()
    steps: list[int] = []
    assert weights(train(tmp_path, steps.append)[0]) == weights(whole[1])
    assert steps[0] == 3


def test_minutes_are_planned_once(tmp_path: Path) -> None:
    """As many epochs as fit, the whole decay over them; a later process keeps the plan."""
    seen = []
    recipe = replace(RECIPE, patience=0)
    _, found = train(tmp_path, recipe=recipe, minutes=0.05, on_progress=seen.append)
    assert found.recipe.epochs == len(found.history) == seen[-1].epochs > 1
    assert found.seconds < 5 * 60 * 0.05, "planned by the pace of this machine, which may change under load"
    assert seen[-1].seconds_left == 0
    assert seen[-1].value == found.history[-1].value
    (tmp_path / "again").mkdir()
    assert train(tmp_path, recipe=recipe, minutes=0.05)[1] == found


def test_minutes_that_do_not_hold_one_epoch_give_a_part_of_one(tmp_path: Path) -> None:
    seen = []
    _, found = train(tmp_path, minutes=1e-6, on_progress=seen.append)
    assert len(found.history) == 1
    assert [(one.epoch, one.step, one.steps) for one in seen] == [(1, 1, 1), (1, 1, 1)]


def test_progress_is_told_by_step_and_by_epoch(tmp_path: Path) -> None:
    seen = []
    recipe = replace(RECIPE, epochs=2, patience=0)
    _, found = train(tmp_path, recipe=recipe, on_progress=seen.append)
    steps = recipe.steps_per_epoch(len(digits().train))
    expected = [(epoch, step, None) for epoch in (1, 2) for step in range(1, steps + 1)]
    for epoch in (2, 1):
        expected.insert(epoch * steps, (epoch, steps, found.history[epoch - 1].value))
    assert [(one.epoch, one.step, one.value) for one in seen] == expected
    assert all(one.seconds_left >= 0 for one in seen)
    assert [one.loss for one in seen if one.value is not None] == [one.loss for one in found.history]


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"training diverged in epoch 1 of 4: the loss is .*lower the learning rate"):
        train(tmp_path, recipe=replace(RECIPE, learning_rate=1e30, warmup_share=0.0, optimizer="sgd"))


def test_no_better_metric_ends_a_training_with_its_best_weights(tmp_path: Path) -> None:
    from mnas.training.train import float_predict

    recipe = replace(RECIPE, learning_rate=1e-12, epochs=9, patience=2, ema=False)
    model, found = train(tmp_path, recipe=recipe)
    values = [one.value for one in found.history]
    best = values.index(max(values))
    assert len(values) == best + 3 < 9
    assert "It ended early: 2 epochs had brought no better accuracy" in found.ended
    assert TASK.judge(float_predict(model), digits().validation) == values[best]


def test_the_network_ends_with_the_average_that_was_judged(tmp_path: Path) -> None:
    from mnas.training.train import float_predict

    recipe = replace(RECIPE, patience=0)
    model, found = train(tmp_path / "average", recipe=recipe)
    plain, _ = train(tmp_path / "plain", recipe=replace(recipe, ema=False))
    assert TASK.judge(float_predict(model), digits().validation) == found.history[-1].value
    assert weights(model) != weights(plain)


class Line:
    """A network that is not a Keras model: a product with a matrix, and a count that a hook keeps."""

    def __init__(self, size: int, outputs: int) -> None:
        import tensorflow as tf

        self.matrix = tf.Variable(tf.zeros((size, outputs)), name="matrix")
        self.seen = tf.Variable(0, trainable=False, name="seen")
        self.trainable_variables, self.variables = [self.matrix], [self.matrix, self.seen]

    def __call__(self, inputs, training):
        import tensorflow as tf

        return tf.reshape(inputs, (len(inputs), -1)) @ self.matrix


def test_any_network_is_trained_on_any_task(tmp_path: Path) -> None:
    """One that is not a Keras model, on a metric that is better when it is smaller; a hook's variables are kept."""
    from mnas.training.long import train_long

    settings = {"image_size": 8, "channels": 1, "validation_share": 0.2, "test_share": 0.2, "seed": 0, "limit": None}
    data = DISCS.load("discs:100", **settings)
    recipe = Recipe(epochs=6, batch_size=16, optimizer="sgd", learning_rate=0.01, ema=True, patience=6)

    def network(until: int):
        line = Line(64, 1)

        def before(step: int, _: int) -> None:
            if step == until:
                raise InterruptedError
            line.seen.assign_add(1)

        return line, before

    line, before = network(11)
    with pytest.raises(InterruptedError):
        train_long(line, DISCS, data, recipe, seed=0, folder=tmp_path, before_step=before)
    line, before = network(-1)
    found = train_long(line, DISCS, data, recipe, seed=0, folder=tmp_path, before_step=before)
    errors, steps = [one.value for one in found.history], recipe.steps_per_epoch(len(data.train))
    assert min(errors) < errors[0]
    assert line.seen.numpy() == steps * (1 + errors.index(min(errors)))


def test_shares_of_classes_are_targets_too() -> None:
    """A label and the share 1 of its class have the same loss."""
    import tensorflow as tf

    loss = TASK.loss(digits(), RECIPE)
    outputs = tf.nn.softmax(tf.random.stateless_normal((5, 10), [1, 2]))
    labels = tf.constant([3, 1, 4, 1, 5], tf.int64)
    assert float(loss(labels, outputs)) == float(loss(tf.one_hot(labels, 10), outputs))
    halves = (tf.one_hot(labels, 10) + tf.one_hot(labels + 1, 10)) / 2
    assert float(loss(halves, outputs)) == pytest.approx(
        (float(loss(labels, outputs)) + float(loss(labels + 1, outputs))) / 2, rel=1e-6
    )
