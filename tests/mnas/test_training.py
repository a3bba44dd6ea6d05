"""Training, conversion and accuracy on the real digits, with networks of seconds."""

import dataclasses
import json

import numpy as np
import pytest
from judged import CLASSIFICATION, float_accuracy, tflite_accuracy

import search_spaces
from mnas.data import Split, load_data, save_dataset
from mnas.errors import SearchError
from mnas.executors import ProcessExecutor, silent
from mnas.training.evaluation import EvaluationFile
from mnas.training.jobs import CompileCandidate, EvaluateCandidate, calibration_inputs
from mnas.training.outputs import tflite_outputs
from mnas.training.recipe import Recipe
from mnas.training.train import train
from mnas.training.weight_files import load_weights
from search_spaces import cost, to_json
from search_spaces.mnasnet.block_strings import from_block_strings

SHAPE = (12, 12, 1)
RECIPE = Recipe(epochs=3, batch_size=32, learning_rate=0.004, dropout=0.1, shift=1)


@pytest.fixture(scope="module")
def dataset():
    return load_data("digits", image_size=12, channels=1, validation_share=0.2, test_share=0.2)


@pytest.fixture(scope="module")
def arch():
    return from_block_strings(["r1_k3_s11_e1_i16_o16_se0.25", "r1_k3_s22_e3_i16_o24"], stem_filters=16, head_filters=64)


@pytest.fixture(scope="module")
def stored(dataset, tmp_path_factory):
    where = tmp_path_factory.mktemp("data")
    save_dataset(dataset, where)
    return where


@pytest.fixture(scope="module")
def job(arch, stored, tmp_path_factory):
    return EvaluateCandidate(to_json(arch), stored, RECIPE, 7, tmp_path_factory.mktemp("candidate"))


@pytest.fixture(scope="module")
def evaluated(job):
    """The job done in a worker process, as a search does it."""
    events = []
    with ProcessExecutor(1, listener=events.append, preload=("mnas.training.train",)) as executor:
        evaluation = executor.submit(job, "candidate").result(240)
    return evaluation, events


def test_a_candidate_learns(evaluated, arch):
    evaluation, _ = evaluated
    assert evaluation.value > 0.6
    assert evaluation.value_float > 0.6
    assert abs(evaluation.value - evaluation.value_float) < 0.05
    assert (evaluation.params, evaluation.macs) == dataclasses.astuple(cost(arch, SHAPE, 10))
    assert evaluation.seconds > 0


def test_its_phases_are_told_epoch_by_epoch(evaluated):
    _, events = evaluated
    mine = [event for event in events if event.job == "candidate"]
    assert [event.phase for event in mine] == ["build", "train", "train", "train", "convert", "judge", "done"]
    assert [(event.step, event.total) for event in mine[1:4]] == [(1, 3), (2, 3), (3, 3)]
    assert mine[3].metric < mine[1].metric


def test_its_files_are_complete(evaluated, job, dataset, arch):
    evaluation, _ = evaluated
    names = sorted(path.name for path in job.folder.iterdir())
    assert names == ["evaluation.json", "model.tflite", "weights.npz"]
    stored = json.loads((job.folder / "evaluation.json").read_text())
    assert EvaluationFile.of(stored, CLASSIFICATION, job.folder).evaluation == evaluation
    content = (job.folder / "model.tflite").read_bytes()
    assert len(content) == evaluation.size_bytes
    assert tflite_accuracy(content, dataset.validation) == evaluation.value


def test_the_stored_weights_are_the_model(evaluated, job, dataset, arch):
    evaluation, _ = evaluated
    model = search_spaces.build_model(arch, SHAPE, 10, seed=99)
    load_weights(model, job.folder / "weights.npz")
    assert float_accuracy(model, dataset.validation) == evaluation.value_float
    other = search_spaces.build_model(arch, SHAPE, 9)
    with pytest.raises(SearchError, match="not those of this architecture"):
        load_weights(other, job.folder / "weights.npz")


def test_the_same_job_gives_the_same_bytes_in_any_process(evaluated, job, tmp_path):
    again = dataclasses.replace(job, folder=tmp_path)
    with ProcessExecutor(1) as executor:
        repeated = executor.submit(again, "again").result(240)
    first, _ = evaluated
    assert repeated.model_copy(update={"seconds": first.seconds}) == first
    for name in ("model.tflite", "weights.npz"):
        assert (tmp_path / name).read_bytes() == (job.folder / name).read_bytes()


def test_a_complete_evaluation_is_not_trained_again(evaluated, job):
    told = []
    assert job(lambda *progress: told.append(progress)) == evaluated[0]
    assert told == []


@pytest.mark.parametrize("change", ["recipe", "seed", "no weights", "cut model", "no keys"])
def test_only_a_complete_evaluation_of_this_job_counts(evaluated, job, tmp_path, change):
    for path in job.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    copy = dataclasses.replace(job, folder=tmp_path)
    assert copy.found() == evaluated[0]
    if change == "recipe":
        copy = dataclasses.replace(copy, recipe=dataclasses.replace(RECIPE, epochs=4))
    elif change == "seed":
        copy = dataclasses.replace(copy, seed=8)
    elif change == "no weights":
        (tmp_path / "weights.npz").unlink()
    elif change == "cut model":
        (tmp_path / "model.tflite").write_bytes(b"TFL3")
    else:
        (tmp_path / "evaluation.json").write_text("{}")
    assert copy.found() is None


def test_batches_give_what_single_images_give(evaluated, job, dataset):
    content = (job.folder / "model.tflite").read_bytes()
    images = dataset.test.images[:37]
    singly = tflite_outputs(content, images, batch=1)
    assert singly.dtype == np.int8
    assert np.array_equal(singly, tflite_outputs(content, images, batch=16))
    assert np.array_equal(singly, tflite_outputs(content, images, batch=64))


def test_accuracy_counts(evaluated, job, dataset):
    content = (job.folder / "model.tflite").read_bytes()
    images = dataset.test.images[:30]
    found = tflite_outputs(content, images).argmax(axis=1)
    assert tflite_accuracy(content, Split(images, found)) == 1
    wrong = found.copy()
    wrong[:6] = (wrong[:6] + 1) % 10
    assert tflite_accuracy(content, Split(images, wrong)) == pytest.approx(0.8)


def test_a_damaged_file_is_one_line(dataset):
    for content in (b"", b"no model", bytes(400)):
        with pytest.raises(SearchError, match="LiteRT cannot run the TFLite file") as caught:
            tflite_accuracy(content, dataset.test)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_twin_has_the_operators_of_the_trained_model(evaluated, job, stored, precision, dataset):
    from ai_edge_litert.interpreter import Interpreter

    twin = CompileCandidate(job.arch_json, stored, precision)(silent)
    scores = tflite_outputs(twin, dataset.test.images[:3])
    assert scores.dtype == {"float32": np.float32, "int8": np.int8}[precision]
    if precision == "int8":
        trained = (job.folder / "model.tflite").read_bytes()
        ops = [
            [op["op_name"] for op in Interpreter(model_content=content)._get_ops_details()]
            for content in (twin, trained)
        ]
        assert ops[0] == ops[1]


def test_a_training_that_diverges_says_so(arch, dataset):
    from mnas.training.train import train

    recipe = Recipe(epochs=2, learning_rate=1e30, optimizer="sgd", warmup_share=0)
    with pytest.raises(SearchError, match=r"training diverged in epoch 1 of 2: the loss is nan; lower"):
        train(search_spaces.build_model(arch, SHAPE, 10), CLASSIFICATION, dataset, recipe, seed=0)


def test_fewer_images_than_a_batch_train(arch, dataset):
    from mnas.training.train import train

    few = dataclasses.replace(dataset, train=Split(dataset.train.images[:5], dataset.train.labels[:5]))
    recipe = Recipe(epochs=12, batch_size=32, optimizer="sgd", learning_rate=0.02, label_smoothing=0)
    losses = train(search_spaces.build_model(arch, SHAPE, 10, dropout=0), CLASSIFICATION, few, recipe, seed=0).losses
    assert len(losses) == 12
    assert losses[-1] < losses[0] / 2


def test_calibration_inputs_come_from_the_train_split(dataset):
    images = calibration_inputs(dataset.train, 3)
    known = {image.tobytes() for image in dataset.train.images}
    assert len(images) == 48
    assert all(image.tobytes() in known for image in images)
    assert np.array_equal(images, calibration_inputs(dataset.train, 3))


@pytest.mark.parametrize("looked_at", [0, 3])
def test_a_candidate_keeps_the_best_of_its_last_epochs_if_asked(dataset, arch, looked_at):
    """With a learning rate so high that accuracies go up and down."""
    recipe = Recipe(epochs=5, learning_rate=0.03, warmup_share=0.0, decay="exponential", best_of_last=looked_at)
    model, seen = search_spaces.build_model(arch, SHAPE, 10, dropout=0.0, seed=1), []
    train(
        model,
        CLASSIFICATION,
        dataset,
        recipe,
        seed=0,
        on_epoch=lambda *_: seen.append(float_accuracy(model, dataset.validation)),
    )
    assert float_accuracy(model, dataset.validation) == (max(seen[-looked_at:]) if looked_at else seen[-1])
    assert len(set(seen[-3:])) > 1


def test_a_number_of_epochs_below_none_is_refused():
    with pytest.raises(SearchError, match="best_of_last of 0 epochs or more"):
        Recipe(best_of_last=-1)
