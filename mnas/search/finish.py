"""The end of a search: the front on the test split, touched only here, and the best candidate as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from device_bench.terminal import counted
from mnas.config import ConfirmSection
from mnas.errors import RunFailed
from mnas.executors import JobError
from mnas.files import write_bytes
from mnas.records import Best, Confirmation, Final, ReferenceRecord, Row, Target, Tested
from mnas.reward import Reward
from mnas.run import Run
from mnas.search.ranking import Verdict
from mnas.search.retrain import confirm, confirmation, sentence
from mnas.search.session import Session
from mnas.search.standing import Finished, failures, front
from search_spaces import from_json


def finish(session: Session, settings: ConfirmSection, references: Mapping[str, ReferenceRecord]) -> None:
    """Names the best by each target, tests it, the front and the references, and writes what a run ends with.

    `final.json` holds everything; `best.json` and `best.tflite` are the best by the first target, and with several
    targets `best-TARGETms.tflite` is the best by each. Networks tested at an earlier end keep their result.

    Args:
        session: The search.
        settings: How the best are trained again.
        references: Name -> record.

    Raises:
        RunFailed: No trial has succeeded, or a stored model cannot be tested.
    """
    run, study = session.run, session.study
    complete = session.complete()
    if not complete:
        raise RunFailed(f"no trial of {run.path} has succeeded; {failures(study)}")
    finished = [Finished.of(*one, run.task.metric) for one in complete]
    records = {trial.number: record for trial, record in complete}
    arches = {one.arch_hash: from_json(json.dumps(one.arch)) for one in records.values()}

    def winner(reward: Reward) -> Winner:
        return Winner.of(reward, confirm(session, finished, arches, settings, reward), finished)

    winners = [winner(reward) for reward in session.rewards]
    members = front(finished)
    folders = {one.arch_hash: run.candidate(one.arch_hash) for one in members}
    folders |= {one.leader.arch_hash: run.candidate(one.leader.arch_hash) for one in winners}
    folders |= {f"reference {name}": run.reference(name) for name in references}
    tested = _test(session, folders)
    best = _row(winners[0].leader, tested)
    targets = tuple(
        Target(target_ms=one.target_ms, best=_row(one.leader, tested), confirmation=one.confirmation())
        for one in winners
    )
    Final(
        tested=tested,
        trials=len(finished),
        best=best,
        front=tuple(_row(one, tested) for one in members),
        confirmation=winners[0].confirmation(),
        targets=targets,
        references=tuple(
            Tested(name=name, test_value=tested[f"reference {name}"], latency_ms=record.latency_ms)
            for name, record in references.items()
        ),
    ).write(run.path / "final.json", run.task)
    of_trial = records[best.number].model_dump(exclude_unset=True)
    Best(**{**of_trial, **dict(best)}).write(run.path / "best.json", run.task)
    _write_models(run, winners)
    for one in winners:
        session.display.say(one.words(tested))
    session.display.say(
        f"front: {len(members)} of {counted(len(finished), 'candidate')}; the best: {run.path}/best.tflite; "
        f"{failures(study)}"
    )


@dataclass(frozen=True, slots=True)
class Winner:
    """The best by one target."""

    target_ms: float
    leader: Finished
    ranking: Verdict

    @classmethod
    def of(cls, reward: Reward, ranking: Verdict, finished: Sequence[Finished]) -> Self:
        """The trial that a ranking names, with its reward by this target."""
        leader = next(one for one in finished if one.arch_hash == ranking.standings[0].name)
        return cls(reward.target_ms, replace(leader, reward=reward(leader.value, leader.latency_ms)), ranking)

    def confirmation(self) -> Confirmation:
        """How sure that is, for `final.json`."""
        return confirmation(self.ranking, self.leader)

    def words(self, tested: Mapping[str, float]) -> str:
        """Two lines for the user."""
        leader, metric = self.leader, self.leader.metric
        return (
            f"{sentence(self.ranking, leader)}\nbest for {self.target_ms:.3g} ms: trial {leader.number}, "
            f"{leader.latency_ms:.3g} ms, {metric.name} {metric.exact_words(leader.value)} (validation), "
            f"{metric.exact_words(tested[leader.arch_hash])} (test)"
        )


def _row(one: Finished, tested: Mapping[str, float]) -> Row:
    return Row(
        number=one.number,
        hash=one.arch_hash,
        value=one.value,
        test_value=tested[one.arch_hash],
        latency_ms=one.latency_ms,
        reward=one.reward,
    )


def _write_models(run: Run, winners: Sequence[Winner]) -> None:
    files = {"best.tflite": winners[0]}
    if len(winners) > 1:
        files |= {f"best-{one.target_ms:.4g}ms.tflite": one for one in winners}
    for name, one in files.items():
        write_bytes(run.path / name, (run.candidate(one.leader.arch_hash) / "model.tflite").read_bytes())


def _test(session: Session, folders: Mapping[str, Path]) -> dict[str, float]:
    earlier = session.run.final
    tested = dict(earlier.tested) if earlier else {}
    missing = {name: folder for name, folder in folders.items() if name not in tested}
    if missing:
        session.display.say(f"test split: {counted(len(missing), 'network')}")
    for name, future in session.evaluator.tested(missing).items():
        try:
            tested[name] = float(future.result())
        except JobError as error:
            raise RunFailed(f"cannot test {name}: {error}") from error
    return tested
