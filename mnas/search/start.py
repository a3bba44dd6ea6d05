"""How a search begins when it does not begin from nothing: published networks, or the trials of earlier runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from device_bench.terminal import counted
from mnas.config import Config, differences
from mnas.controllers.warm_start import adopt, enqueue
from mnas.errors import SearchError, quoted
from mnas.objectives import Objectives
from mnas.records import FinishedTrial, Network, StudyRecord
from mnas.reward import Reward, rewarded
from mnas.run import Run, note
from mnas.search.inheritance import asked_parent, check_parents
from mnas.search.session import Session
from search_spaces import Arch, Shape, Space, SpaceChoice, SpaceError, family_of, published_names

_ANOTHER_SEARCH = ("search", "reward", "latency.target_ms", "latency.cache", "references", "confirm", "study")
"""What may differ from an earlier run without making its metrics and latencies another measurement's."""


def check_networks(config: Config, space: Space[Arch], shape: Shape) -> None:
    """Refuses published networks that lie outside the space.

    Raises:
        SearchError: One does.
    """
    for name in config.search.start:
        if name in published_names():
            try:
                space.encode(_published(name, config.space.choice, shape))
            except SpaceError as error:
                raise SearchError(f"search.start {quoted(name)} cannot start the search: {error}") from error


def check_start(config: Config) -> None:
    """Refuses what a search cannot begin with, before anything is on disk.

    Raises:
        SearchError: Neither a published network nor a run, or a run without trials or of another space, data, recipe
            or device.
    """
    for name in config.search.start:
        if name in published_names():
            continue
        if not _is_directory(name):
            known = ", ".join(published_names())
            raise SearchError(f"search.start {quoted(name)} is neither a run directory nor one of {known}")
        earlier = Run.open(Path(name))
        earlier.study()
        differing = differences(config.to_dict(), earlier.config.to_dict())
        changed = [key for key in differing if not key.startswith(_ANOTHER_SEARCH)]
        if changed:
            raise SearchError(f"search.start {quoted(name)} is a run of another kind ({', '.join(changed)})")
        check_parents(asked_parent(config), name)


def _is_directory(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # too long a name, a folder that may not be looked into
        return False


def begin(session: Session, names: Sequence[str], choice: SpaceChoice, shape: Shape) -> None:
    """Gives a study its first trials; one that was killed while it did so does the rest.

    Args:
        session: The search.
        names: What it begins with, published networks and run directories.
        choice: The family and its parameters.
        shape: Of an input.

    Raises:
        SearchError: A network outside the space.
    """
    run, study = session.run, session.study
    if run.facts(study).begun:
        return
    for name in names:
        if name in published_names():
            enqueue(study, session.space, [_published(name, choice, shape)])
            session.display.say(f"beginning with {name}")
        else:
            earlier = Run.open(Path(name))
            complete = [trial for trial in earlier.study().trials if trial.state == TrialState.COMPLETE]
            records = [earlier.finished(trial) for trial in complete]
            for record in records:
                _link(earlier, run, record.arch_hash)
            trials = [
                _rewarded(trial, number, record, session.rewards, run)
                for number, (trial, record) in enumerate(zip(complete, records, strict=True))
            ]
            adopted = counted(adopt(study, session.space, trials), "trial")
            session.display.say(f"beginning with {adopted} of {name}")
    note(study, StudyRecord(begun=True).stored(run.task))


def _published(name: str, choice: SpaceChoice, shape: Shape) -> Arch:
    arch = choice.reference(name, shape)
    return family_of(arch).respell(arch)


def _rewarded(
    trial: FrozenTrial, number: int, record: FinishedTrial, rewards: tuple[Reward, ...], run: Run
) -> FrozenTrial:
    network = {name: value for name, value in record if name in Network.model_fields}
    again = FinishedTrial(**network, **rewarded(rewards, number, *Objectives.of(trial)))
    return optuna.trial.create_trial(
        params=trial.params,
        distributions=trial.distributions,
        values=trial.values,
        user_attrs=again.stored(run.task),
    )


def _link(earlier: Run, run: Run, arch_hash: str) -> None:
    """The candidate's files, whole, shared where the file system can, for nothing in them ever changes."""
    target = run.candidate(arch_hash)
    if target.exists():
        return
    aside = target.with_name(f".{arch_hash}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        shutil.copytree(earlier.candidate(arch_hash), aside, copy_function=os.link)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(earlier.candidate(arch_hash), aside)
    aside.rename(target)
