"""The end of a search: the front on the test split, touched only here, and the best candidate as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mnas.candidates import Evaluator
from mnas.config import Config
from mnas.confirmation import as_json, confirm, sentence
from mnas.errors import RunFailed
from mnas.evaluation import JudgeOnTest
from mnas.executors import JobError
from mnas.files import write_bytes, write_json
from mnas.progress import Display
from mnas.reward import Reward
from mnas.run import Run
from mnas.standing import Finished, front
from search_spaces import from_json

if TYPE_CHECKING:
    import optuna


def finish(
    run: Run,
    study: optuna.Study,
    config: Config,
    reward: Reward,
    references: Mapping[str, Mapping[str, Any]],
    evaluator: Evaluator,
    display: Display,
) -> None:
    """Names the best, tests it, the front and the references; writes `final.json`, `best.json` and `best.tflite`.

    Networks tested at an earlier end of the same run keep their result.

    Raises:
        RunFailed: No trial has succeeded, or a stored model cannot be tested.
    """
    import optuna

    complete = study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    finished = [Finished.of(trial) for trial in complete]
    if not finished:
        raise RunFailed(f"no trial of {run.path} has succeeded: `mnas report {run.path}` lists the reasons")
    arches = {trial.user_attrs["arch_hash"]: from_json(json.dumps(trial.user_attrs["arch"])) for trial in complete}
    ranking = confirm(run, finished, arches, config.confirm, reward, evaluator, display, seed=config.search.seed)
    leader = next(one for one in finished if one.arch_hash == ranking.standings[0].name)
    members = front(finished)
    folders = {one.arch_hash: run.candidate(one.arch_hash) for one in (*members, leader)}
    folders |= {f"reference {name}": run.reference(name) for name in references}
    tested = _test(run, folders, evaluator, display)

    def final(one: Finished) -> dict[str, Any]:
        return {
            "number": one.number,
            "hash": one.arch_hash,
            "accuracy": one.accuracy,
            "test_accuracy": tested[one.arch_hash],
            "latency_ms": one.latency_ms,
            "reward": one.reward,
        }

    write_json(
        run.path / "final.json",
        {
            "tested": tested,
            "trials": len(finished),
            "best": final(leader),
            "front": [final(one) for one in members],
            "confirmation": {"sentence": sentence(ranking, leader), **as_json(ranking)},
            "references": [
                {"name": name, "test_accuracy": tested[f"reference {name}"], "latency_ms": record["latency_ms"]}
                for name, record in references.items()
            ],
        },
    )
    attrs = next(trial.user_attrs for trial in complete if trial.number == leader.number)
    write_bytes(run.path / "best.tflite", (run.candidate(leader.arch_hash) / "model.tflite").read_bytes())
    write_json(run.path / "best.json", {**final(leader), **attrs})
    display.say(sentence(ranking, leader))
    display.say(
        f"best: trial {leader.number}, {leader.latency_ms:.3g} ms, accuracy {leader.accuracy:.2%} (validation), "
        f"{tested[leader.arch_hash]:.2%} (test): {run.path / 'best.tflite'}"
    )
    display.say(f"front: {len(members)} of {len(finished)} candidates; mnas report {run.path}")


def _test(run: Run, folders: Mapping[str, Any], evaluator: Evaluator, display: Display) -> dict[str, float]:
    tested: dict[str, float] = (run.final or {}).get("tested", {})
    missing = {name: folder for name, folder in folders.items() if name not in tested}
    if missing:
        display.say(f"test split: {len(missing)} networks")
    futures = {name: evaluator.submit(JudgeOnTest(folder, run.path / "data"), name) for name, folder in missing.items()}
    for name, future in futures.items():
        try:
            tested[name] = float(future.result())
        except JobError as error:
            raise RunFailed(f"cannot test {name}: {error}") from error
    return tested
