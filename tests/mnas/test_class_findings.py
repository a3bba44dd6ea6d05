"""What is found in a classifier's predictions: figures against scikit-learn's, and what a test split can be."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from mnas.tasks import task
from mnas.tasks.class_findings import MOST_ROWS, calibration_error, class_findings
from mnas.tasks.findings import Findings, Point, Predictions
from mnas.tasks.shares import paired_difference


def predictions(outputs, targets):
    outputs, targets = np.asarray(outputs, np.float32), np.asarray(targets)
    value = float((outputs.argmax(axis=1) == targets).mean()) if len(targets) else 0.0
    return Predictions(value, outputs, targets, np.arange(len(targets)))


def drawn(count, classes, seed=0, right=1.5):
    """Probabilities of a network that is often right."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, count)
    scores = rng.normal(0, 1, (count, classes))
    scores[np.arange(count), targets] += right
    outputs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return predictions(outputs, targets)


NAMES = tuple("abcdefg")


def column(table, name):
    return np.array(next(one.values for one in table.columns if one.name == name))


def test_figures_per_class_are_those_of_scikit_learn():
    made = drawn(400, 7)
    table = class_findings(made, NAMES).table
    expected = precision_recall_fscore_support(made.targets, made.outputs.argmax(axis=1), labels=range(7))
    order = [NAMES.index(label) for label in table.labels]
    for name, values in zip(("precision", "recall", "F1", "images"), expected, strict=True):
        np.testing.assert_allclose(column(table, name), values[order])
    assert (np.diff(column(table, "F1")) >= 0).all()


def test_the_confusion_matrix_is_that_of_scikit_learn_and_each_cell_has_its_images():
    made = drawn(400, 7)
    matrix = class_findings(made, NAMES).matrix
    said = made.outputs.argmax(axis=1)
    expected = confusion_matrix(made.targets, said)
    assert {place: cell.count for place, cell in matrix.cells.items()} == {
        (row, column): count for (row, column), count in np.ndenumerate(expected) if count
    }
    for (row, column), cell in matrix.cells.items():
        assert cell.kind == ("right" if row == column else "wrong")
        assert 1 <= len(cell.pictures) <= 12
        assert all((made.targets[one.index], said[one.index]) == (row, column) for one in cell.pictures)
        surest = [one.confidence for one in cell.pictures]
        assert surest == sorted(surest, reverse=row != column)


def test_the_most_confident_mistakes_come_first():
    outputs = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]
    gallery = class_findings(predictions(outputs, [1, 1, 1, 0]), ("cat", "dog")).gallery
    assert [(one.index, one.caption) for one in gallery.pictures] == [
        (0, "dog, taken for cat"),
        (3, "cat, taken for dog"),
        (2, "dog, taken for cat"),
    ]
    assert [one.confidence for one in gallery.pictures] == pytest.approx([0.9, 0.7, 0.6])


def test_the_calibration_error_is_the_weighted_distance_from_the_diagonal():
    sure, unsure = [[0.9, 0.1]] * 4, [[0.6, 0.4]] * 6
    found = class_findings(predictions(sure + unsure, [0, 0, 0, 1, 0, 0, 0, 1, 1, 1]), ("a", "b"))
    assert [(round(one.x, 6), one.y, one.count) for one in found.curve.points] == [(0.6, 0.5, 6), (0.9, 0.75, 4)]
    assert calibration_error(found.curve.points) == pytest.approx(0.6 * 0.1 + 0.4 * 0.15)
    assert found.facts["calibration error"] == "12.0 points"
    assert "too sure" in found.curve.note
    assert all(one.low <= one.y <= one.high for one in found.curve.points)
    assert calibration_error([Point(1.0, 1.0, 3)]) == 0


def test_among_the_five_most_probable_ties_are_broken_as_by_argmax():
    outputs = np.zeros((2, 12), np.float32)
    facts = class_findings(predictions(outputs, [4, 5]), ()).facts
    assert facts["right among the 5 most probable"].startswith("50.0% ")


def test_a_class_without_images_and_one_that_nothing_is_taken_for_have_no_figures():
    table = class_findings(predictions([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1]], [0, 1]), ("a", "b", "c")).table
    figures = {name: dict(zip(table.labels, column(table, name), strict=True)) for name in ("precision", "recall")}
    assert np.isnan(figures["precision"]["b"])
    assert figures["recall"]["b"] == 0
    assert np.isnan([figures[name]["c"] for name in figures]).all()
    assert table.labels == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ([[1.0]], [0]),
        ([[0.3, 0.7]], [1]),
        ([[0.3, 0.7]], [0]),
        ([[np.nan, np.nan]], [1]),
        (np.zeros((3, 2)), [1, 1, 1]),
    ],
)
def test_one_class_one_image_and_a_network_of_no_numbers_are_shown_too(outputs, targets):
    found = class_findings(predictions(outputs, targets), ("only",))
    assert sum(cell.count for cell in found.matrix.cells.values()) == len(targets)
    assert found.table.labels
    assert found.curve.points


def test_no_images_give_no_findings():
    assert class_findings(predictions(np.zeros((0, 3)), np.zeros(0, int)), ()).facts == Findings().facts


def test_a_thousand_classes_are_shown_in_part_and_it_is_said():
    made = drawn(3000, 1000, right=4)
    found = class_findings(made, ())
    assert len(found.matrix.labels) == MOST_ROWS + 1
    assert found.matrix.labels[-1] == "976 others"
    assert sum(cell.count for cell in found.matrix.cells.values()) == 3000
    assert found.matrix.cells[MOST_ROWS, MOST_ROWS].kind == "mixed"
    assert len(found.table.labels) == MOST_ROWS
    assert "24 of 1,000 classes" in found.matrix.note
    assert "24 worst of 1,000 classes" in found.table.note
    assert len(found.gallery.pictures) == 24
    wrong = made.targets != made.outputs.argmax(axis=1)
    assert wrong[[one.index for one in found.matrix.cells[MOST_ROWS, MOST_ROWS].pictures]].all()


def test_pictures_name_places_in_the_split():
    made = drawn(50, 3)
    moved = Predictions(made.value, made.outputs, made.targets, made.indices + 100)
    assert min(one.index for one in class_findings(moved, ()).gallery.pictures) >= 100


def test_the_interval_of_a_paired_difference_knows_that_the_images_are_the_same():
    rng = np.random.default_rng(0)
    first = rng.random(10_000) < 0.9
    second = first.copy()
    second[:20] = ~second[:20]
    low, high = paired_difference(first, second)
    assert low <= first.mean() - second.mean() <= high
    assert high - low < 0.002  # independent shares: 0.017
    assert paired_difference(second, first) == pytest.approx((-high, -low))
    assert paired_difference(first, first) == pytest.approx((-0.00028, 0.00028), abs=1e-5)


def test_the_interval_of_a_paired_difference_covers_it():
    """Of networks that differ by one point on 500 images, 95 % of the intervals hold that point."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        kind = rng.choice(4, 500, p=(0.85, 0.03, 0.02, 0.10))  # both right, the first alone, the second alone, none
        low, high = paired_difference(kind < 2, (kind == 0) | (kind == 2))
        held += low <= 0.01 <= high
    assert 0.92 <= held / 400 <= 0.98


def test_the_task_hands_them_out():
    made = drawn(100, 7)
    classification = task("classification")
    assert classification.findings(made, NAMES).matrix.labels == list(NAMES)
    assert classification.difference(made, made)[0] < 0 < classification.difference(made, made)[1]
