import numpy as np
import optuna
import pytest

from mnas.objectives import Objectives, directions
from mnas.search.standing import Finished, best, failures, front
from mnas.tasks import DEFAULT, task

ACCURACY = task(DEFAULT).metric


def trials(points: list[tuple[float, float]]) -> list[Finished]:
    return [
        Finished(number, f"{number:016x}", *point, reward=point[0], metric=ACCURACY)
        for number, point in enumerate(points)
    ]


def test_front_agrees_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    points = trials([tuple(point) for point in rng.integers(0, 12, (300, 2)).astype(float)])
    kept = {(one.value, one.latency_ms) for one in front(points)}
    brute = {
        (a.value, a.latency_ms)
        for a in points
        if not any(
            b.value >= a.value and b.latency_ms <= a.latency_ms and (b.value, b.latency_ms) != (a.value, a.latency_ms)
            for b in points
        )
    }
    assert kept == brute


def test_equal_points_keep_the_earliest() -> None:
    assert [one.number for one in front(trials([(0.5, 1.0), (0.5, 1.0), (0.4, 1.0)]))] == [0]


def test_best_is_the_earliest_of_equals() -> None:
    leader = best(trials([(0.4, 1.0), (0.9, 2.0), (0.9, 1.0)]))
    assert leader is not None
    assert leader.number == 1
    assert best([]) is None
    assert front([]) == []


def test_failures_are_counted_by_reason_whatever_their_numbers() -> None:
    study = optuna.create_study()
    assert failures(study) == "no trial failed"
    first = optuna.create_study()
    first.tell(first.ask(), state=optuna.trial.TrialState.FAIL)
    assert failures(first) == "1 of 1 trial failed: 1 x unknown reason"
    reasons = [f"training diverged in epoch {epoch} of 8: the loss is nan" for epoch in (3, 5)] + ["exit code 139"]
    for reason in reasons:
        trial = study.ask()
        trial.set_user_attr("error", reason)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    study.ask()
    assert failures(study) == (
        "3 of 4 trials failed: 2 x training diverged in epoch 3 of 8: the loss is nan; 1 x exit code 139"
    )


@pytest.mark.parametrize("maximize", [True, False])
def test_a_study_keeps_the_objectives_in_the_order_of_their_directions(maximize: bool) -> None:
    study = optuna.create_study(directions=directions(maximize=maximize))
    study.tell(study.ask(), Objectives(0.971, 12.34))
    assert [trial.values[1] for trial in study.best_trials] == [12.34]
    found = Objectives.of(study.trials[0])
    assert (found.value, found.latency_ms) == (0.971, 12.34)
    assert found.words(ACCURACY) == "accuracy 97.10%, 12.3 ms"
