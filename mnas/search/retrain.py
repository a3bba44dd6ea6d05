"""The end of a search trains its top few again with new seeds, so that luck alone does not name the best."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mnas.config import ConfirmSection
from mnas.records import Confirmation, Place
from mnas.reward import Reward
from mnas.search.evaluator import Failed
from mnas.search.ranking import Contender, Plan, Verdict, contenders, next_runs, seed_of, verdict
from mnas.search.session import Session
from mnas.search.standing import Finished
from search_spaces import Arch


def confirm(
    session: Session, finished: list[Finished], arches: Mapping[str, Arch], settings: ConfirmSection, reward: Reward
) -> Verdict:
    """Ranks the top few by all their trainings; those of an earlier end of the same run are used again.

    Args:
        session: The search; its run keeps the trainings, in `candidates/HASH/again-K/`.
        finished: The search's trials, at least one.
        arches: Hash -> architecture.
        settings: How many to train again, and how often.
        reward: Of the task's metric and the latency that was measured once.
    """
    by_hash = {one.arch_hash: one for one in sorted(finished, key=lambda one: -one.number)}
    plan = Plan(max(settings.top, 1), settings.rounds if settings.top else 0, settings.keep)
    found = {name: reward(one.value, one.latency_ms) for name, one in reversed(by_hash.items())}
    field = contenders(found, plan)
    while names := next_runs(field, plan):
        runs = {name: len(next(one.again for one in field if one.name == name)) for name in names}
        folders = {name: session.run.candidate(name) / f"again-{index + 1}" for name, index in runs.items()}
        if not all((folder / "evaluation.json").exists() for folder in folders.values()):
            session.display.say(f"training the top {len(names)} again, with new seeds")
        trained = session.evaluator.trained(
            {name: (arches[name], folder) for name, folder in folders.items()},
            {name: seed_of(session.seed, name, index) for name, index in runs.items()},
        )
        rewards: dict[str, float] = {}
        for name, result in trained.items():
            if isinstance(result, Failed):
                session.display.say(f"{name} failed when trained again: {result.reason}")
            else:
                rewards[name] = reward(result.value, by_hash[name].latency_ms)
        # A network that cannot be trained twice is no winner.
        field = [
            Contender(one.name, one.found, (*one.again, rewards[one.name])) if one.name in rewards else one
            for one in field
            if one.name not in trained or one.name in rewards
        ] or contenders({field[0].name: field[0].found}, Plan(1, 0))
        if not rewards:
            break
    return verdict(field)


def sentence(found: Verdict, leader: Finished) -> str:
    """The verdict in words, the leader by its trial."""
    return found.sentence.replace(leader.arch_hash, f"trial {leader.number}")


def confirmation(found: Verdict, leader: Finished) -> Confirmation:
    """The verdict as `final.json` holds it; what is not known is null."""
    return Confirmation(
        sentence=sentence(found, leader),
        noise=_known(found.noise),
        loss=_known(found.loss),
        standings=tuple(
            Place(
                name=one.name,
                reward=one.reward,
                error=_known(one.error),
                runs=one.runs,
                probability=_known(one.probability),
            )
            for one in found.standings
        ),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
