"""What there is to see in a classifier's predictions: which classes it mixes up, how surely, and on which images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnas.tasks.findings import Cell, Column, Curve, Findings, Gallery, Matrix, Picture, Point, Predictions, Table
from mnas.tasks.shares import paired_difference, wilson

MOST_ROWS = 24
"""Classes that a matrix and a table show at most: those of the most mistakes."""

_PICTURES = 24
_PICTURES_PER_CELL = 12
_BINS = 15
_TOP = 5


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Predictions, image by image.

    Attributes:
        truth: int64 `[count]`: the right class.
        said: int64 `[count]`: the most probable class.
        confidence: float `[count]`: its probability.
        indices: int64 `[count]`: the place of each image in the split.
        names: One per class.
    """

    truth: np.ndarray
    said: np.ndarray
    confidence: np.ndarray
    indices: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, predictions: Predictions, labels: Sequence[str]) -> Judged:
        """From the outputs; classes beyond the labels are called by their numbers."""
        outputs = np.nan_to_num(predictions.outputs)
        names = tuple(labels[one] if one < len(labels) else f"class {one}" for one in range(outputs.shape[1]))
        confidence = np.clip(outputs.max(axis=1, initial=0), 0, 1).astype(float)
        return cls(predictions.targets, outputs.argmax(axis=1), confidence, predictions.indices, names)

    @property
    def right(self) -> np.ndarray:
        """Of each image, whether the most probable class is the right one: bool `[count]`."""
        return self.said == self.truth

    @property
    def mistakes(self) -> np.ndarray:
        """int64 `[classes]`: the images of each class that were missed, and those that were taken for it."""
        wrong = ~self.right
        ends = np.concatenate([self.truth[wrong], self.said[wrong]])
        return np.bincount(ends, minlength=len(self.names))

    def picture(self, place: int) -> Picture:
        """One image, in words."""
        true, said = self.names[self.truth[place]], self.names[self.said[place]]
        words = true if true == said else f"{true}, taken for {said}"
        return Picture(int(self.indices[place]), words, float(self.confidence[place]))


def class_findings(predictions: Predictions, labels: Sequence[str]) -> Findings:
    """Figures per class, the confusion matrix, the most confident mistakes, and how well confidence is calibrated.

    Args:
        predictions: Probabilities `[count, classes]` and labels `[count]`.
        labels: Names of the classes.
    """
    judged = Judged.of(predictions, labels)
    if not len(judged.truth):
        return Findings()
    return Findings(
        _facts(judged, predictions.outputs),
        confusion(judged),
        most_confident_mistakes(judged),
        per_class(judged),
        calibration(judged),
    )


def difference_of_shares(one: Predictions, other: Predictions) -> tuple[float, float]:
    """The 95 % interval of the first one's accuracy less the second one's, on the same images."""
    first, second = (found.outputs.argmax(axis=1) == found.targets for found in (one, other))
    return paired_difference(first, second)


def _facts(judged: Judged, outputs: np.ndarray) -> dict[str, str]:
    table = {column.name: np.asarray(column.values) for column in _columns(judged)}
    facts = {"accuracy": _with_ends(judged.right)}
    if len(judged.names) > 2 * _TOP:
        facts[f"right among the {_TOP} most probable"] = _with_ends(_rank(outputs, judged.truth) < _TOP)
    known = table["images"] > 0
    facts["mean recall of the classes"] = f"{table['recall'][known].mean():.1%}"
    facts["mean F1 of the classes"] = f"{table['F1'][known].mean():.1%}"
    facts["mean confidence"] = f"{judged.confidence.mean():.1%}"
    facts["calibration error"] = f"{100 * calibration_error(calibration(judged).points):.1f} points"
    return facts


def _with_ends(right: np.ndarray) -> str:
    share = float(right.mean())
    low, high = wilson(share, len(right))
    return f"{share:.1%} ({100 * low:.1f}\N{EN DASH}{100 * high:.1f})"


def _rank(outputs: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many classes stand before the right one, `[count]`; among equals, the first one stands first as in argmax."""
    own = np.take_along_axis(outputs, truth[:, None], axis=1)
    equals = (outputs == own) & (np.arange(outputs.shape[1]) < truth[:, None])
    return np.count_nonzero((outputs > own) | equals, axis=1)


def per_class(judged: Judged) -> Table:
    """Precision, recall and F1 of each class, the worst first."""
    columns = _columns(judged)
    figures = {column.name: np.asarray(column.values, float) for column in columns}
    order = np.lexsort((-judged.mistakes, np.nan_to_num(figures["F1"], nan=2.0)))
    shown = order[:MOST_ROWS]
    note = (
        "Precision: of the images that were taken for the class, the share that belongs to it. "
        "Recall: of the images of the class, the share that was recognized. F1 is their harmonic mean. "
        "The worst class stands first."
    )
    if len(shown) < len(order):
        note += f" The {len(shown)} worst of {len(order):,} classes are shown."
    return Table(
        "Class by class",
        note,
        "class",
        [judged.names[one] for one in shown],
        [_picked(column, shown) for column in columns],
    )


def _picked(column: Column, rows: np.ndarray) -> Column:
    values, low, high = (
        None if one is None else [float(one[row]) for row in rows] for one in (column.values, column.low, column.high)
    )
    return Column(column.name, values or [], low, high, column.share)


def _columns(judged: Judged) -> list[Column]:
    """Over all classes; what a class without images, or one that nothing was taken for, has not, is NaN."""
    count = len(judged.names)
    support = np.bincount(judged.truth, minlength=count)
    taken = np.bincount(judged.said, minlength=count)
    hits = np.bincount(judged.truth[judged.right], minlength=count)
    return [
        Column("precision", *_shares(hits, taken)),
        Column("recall", *_shares(hits, support)),
        Column("F1", _ratio(2 * hits, support + taken)),
        Column("images", support.tolist(), share=False),
    ]


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> list[float]:
    return [float(part / whole) if whole else np.nan for part, whole in zip(parts, wholes, strict=True)]


def _shares(parts: np.ndarray, wholes: np.ndarray) -> tuple[list[float], list[float], list[float]]:
    """Shares and the ends of their intervals."""
    shares = _ratio(parts, wholes)
    ends = [wilson(share, int(whole)) for share, whole in zip(shares, wholes, strict=True)]
    return shares, [low for low, _ in ends], [high for _, high in ends]


def confusion(judged: Judged) -> Matrix:
    """What is taken for what, with the images behind each cell."""
    count = len(judged.names)
    shown = np.arange(count)
    note = (
        "Each row is a true class; the columns say what its images were taken for. Recognized ones lie on the diagonal."
    )
    labels = list(judged.names)
    if count > MOST_ROWS:
        shown = np.sort(np.argsort(-judged.mistakes, kind="stable")[:MOST_ROWS])
        labels = [*(judged.names[one] for one in shown), f"{count - MOST_ROWS:,} others"]
        note += f" The {MOST_ROWS} of {count:,} classes with the most mistakes are shown, the others together."
    place = np.full(count, len(shown))
    place[shown] = np.arange(len(shown))
    rows, columns = place[judged.truth], place[judged.said]
    totals = np.bincount(rows, minlength=len(labels))
    keys, starts = np.unique(rows * len(labels) + columns, return_inverse=True)
    groups = np.split(np.argsort(starts, kind="stable"), np.cumsum(np.bincount(starts))[:-1])
    cells = {}
    for key, places in zip(keys.tolist(), groups, strict=True):
        row, column = divmod(key, len(labels))
        cells[row, column] = _cell(judged, row, column, places, labels, int(totals[row]))
    return Matrix("What is taken for what", note, "true class", "taken for", labels, cells)


def _cell(judged: Judged, row: int, column: int, places: np.ndarray, labels: Sequence[str], total: int) -> Cell:
    others = row == column == MOST_ROWS
    right = judged.right[places]
    # Of mistakes the surest says most, of what was recognized the least sure; where both meet, mistakes come first.
    order = np.lexsort((np.where(right, 1, -1) * judged.confidence[places], right))
    if others:
        caption = f"{labels[row]}, among themselves"
    elif row == column:
        caption = f"{labels[row]}, recognized"
    else:
        caption = f"{labels[row]}, taken for {labels[column]}"
    return Cell(
        row,
        column,
        len(places),
        len(places) / total,
        "mixed" if others else "right" if row == column else "wrong",
        caption,
        [judged.picture(one) for one in places[order[:_PICTURES_PER_CELL]]],
    )


def most_confident_mistakes(judged: Judged) -> Gallery:
    """The images on which the network was surest and wrong."""
    wrong = np.flatnonzero(~judged.right)
    surest = wrong[np.argsort(-judged.confidence[wrong], kind="stable")[:_PICTURES]]
    note = (
        f"The {len(surest)} of {len(wrong):,} mistakes of which the network was surest. "
        "Look here for wrong labels, for images of two things, and for what the training images lack."
        if len(wrong)
        else "There is none: every image was recognized."
    )
    return Gallery("Most confident mistakes", note, [judged.picture(one) for one in surest])


def calibration(judged: Judged) -> Curve:
    """The share of right answers against how sure the network was, in bins of equal width (Guo et al., ICML 2017)."""
    bins = np.minimum((judged.confidence * _BINS).astype(int), _BINS - 1)
    points = []
    for number in np.unique(bins):
        inside = bins == number
        share = float(judged.right[inside].mean())
        count = int(inside.sum())
        points.append(Point(float(judged.confidence[inside].mean()), share, count, *wilson(share, count)))
    error = 100 * calibration_error(points)
    lead = float(judged.confidence.mean() - judged.right.mean())
    word = "as sure as it may be" if abs(lead) < 0.005 else "too sure" if lead > 0 else "less sure than it could be"
    note = (
        f"Of images on which the network is 80% sure, 80% should be right: then the points lie on the diagonal. On "
        f"average it is {word}: its mean confidence is {judged.confidence.mean():.1%}, and "
        f"{judged.right.mean():.1%} are right. The expected calibration error over {_BINS} bins is {error:.1f} points."
    )
    return Curve("Can its confidence be trusted?", note, "confidence", "share that is right", points)


def calibration_error(points: Sequence[Point]) -> float:
    """The mean distance of the points from the diagonal, by their counts (ECE; Guo et al., ICML 2017, equation 3)."""
    total = sum(point.count for point in points)
    return sum(point.count * abs(point.y - point.x) for point in points) / total
