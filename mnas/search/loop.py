"""The search: proposals, training, timing, telling, batch by batch, until the trials asked for are done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from device_bench.terminal import counted
from mnas.config import Config, RewardSection, SearchSection, differences
from mnas.controllers.algorithms import check_algorithm
from mnas.errors import RunFailed, SearchError
from mnas.executors import Executor, Listener
from mnas.latency.cache import open_cache
from mnas.latency.source import open_latency
from mnas.latency.timer import Timer
from mnas.records import FORMAT, StudyRecord
from mnas.reward import Reward
from mnas.run import Run, check_directory, note
from mnas.search.batches import evaluate_trials
from mnas.search.display import Display
from mnas.search.finish import finish
from mnas.search.inheritance import asked_parent, kept_parent
from mnas.search.references import check_targets, evaluate_references, reference_architectures, target_of
from mnas.search.session import Session
from mnas.search.shared import SharedSearch, check_sharing
from mnas.search.standalone import StandaloneEvaluator
from mnas.search.start import begin, check_networks, check_start
from mnas.tasks import Data, Metric, task_facts
from mnas.training.jobs import CandidateJobs
from mnas.training.workers import open_workers
from search_spaces import Arch, Space


def run_search(config: Config, display: Display) -> Run:
    """Searches until `search.trials` trials are finished; resumes what the run directory holds.

    Args:
        config: Everything about the search.
        display: Receives what happens.

    Returns:
        The run, its front tested and its best candidate written.

    Raises:
        CandidatesWait: The device was lost, or not fit for as long as `latency.patience_s`; their trials stay open.
        SearchError: Input that cannot be used, or a run that cannot be resumed.
        SpaceError: An unknown space, or images too small for it.
        BenchError: The device cannot be used.
    """
    searched, arches, targets = checked(config)
    run, cache = _existing_run(config), open_cache(config.latency)
    with ExitStack() as stack:
        latency = open_latency(config.latency, display.timing, display.say)
        stack.callback(latency.close)
        data = run.task.open(run.path / "data") if run else config.data.load(config.task.record, config.search.seed)
        for line in data.summary:
            display.say(line)
        asked = asked_parent(config)
        # Nothing is on disk before everything that can be checked is checked.
        if run is None:
            Run(config.search.run, config).check_storage()
        run = run or Run.create(config.search.run, config, data)
        stack.enter_context(run.locked())
        study = run.open_study(_facts(config, data).stored(run.task))
        stack.enter_context(run.storage_errors(RunFailed))
        seed = config.search.seed
        about = {"input": list(data.input_shape), **task_facts(run.task, data)}
        timer = Timer(latency, config.latency, cache=cache, about=about, folder=run.path, seed=seed)
        parent = kept_parent(run, asked)
        jobs = CandidateJobs(run.path / "data", config.train, seed, config.latency.precision, run.task.name, parent)
        workers = _workers(stack, config.search, run.path / "logs", display.event)
        evaluator = StandaloneEvaluator(jobs, timer, workers, display.say)
        references = evaluate_references(run, arches, evaluator, display)
        rewards = _rewards(config.reward, run.task.metric, [target_of(target, references) for target in targets])
        note(study, _aims(rewards).stored(run.task))
        session = Session(run, searched, rewards, study, evaluator, display, seed)
        if known := study.get_trials(deepcopy=False):
            done = sum(trial.state.is_finished() for trial in known)
            trials = counted(config.search.trials, "trial is", "trials are")
            display.say(f"resuming {run.path}: {done} of {trials} done")
        begin(session, config.search.start, config.space.choice, data.input_shape)
        if config.search.evaluate == "shared":
            SharedSearch(session, config, data, timer, workers).evaluate()
        else:
            evaluate_trials(session, config.search)
        finish(session, config.confirm, references)
    return run


def _rewards(section: RewardSection, metric: Metric, targets: Sequence[float]) -> tuple[Reward, ...]:
    return tuple(
        Reward(section.kind, target, section.alpha, section.beta, metric.merit, metric.maximize) for target in targets
    )


def checked(
    config: Config,
) -> tuple[Space[Arch], dict[str, Arch], tuple[float | str, ...]]:
    """Checks what needs neither the device nor the images.

    Returns:
        The space, the references by name and the targets.

    Raises:
        SearchError: A key that no search can be run with; the line names it.
        SpaceError: A space or a network that cannot be, or images too small for it.
    """
    targets = config.latency.target_ms if isinstance(config.latency.target_ms, tuple) else (config.latency.target_ms,)
    check_directory(config.search.run)
    shape = (config.data.image_size, config.data.image_size, config.data.channels)
    searched = config.space.choice.space(shape)
    arches = reference_architectures(config.references.names, config.space.choice, shape)
    check_targets(targets, config.references.names)
    check_algorithm(config.search.algorithm, goals=len(targets), space=searched)
    check_networks(config, searched, shape)
    check_start(config)
    check_sharing(config, shape)
    return searched, arches, targets


def _workers(stack: ExitStack, settings: SearchSection, log_folder: Path, listener: Listener) -> Callable[[], Executor]:
    """The workers, started when they are first needed, for a finished search needs none."""
    started: list[Executor] = []
    lock = threading.Lock()

    def start() -> Executor:
        with lock:  # the thread that times beside the training asks too
            if not started:
                opened = open_workers(
                    settings.workers, log_folder, threads_per_worker=settings.threads_per_worker, listener=listener
                )
                started.append(stack.enter_context(opened))
            return started[0]

    return start


def _existing_run(config: Config) -> Run | None:
    path = config.search.run
    if not (path / "config.json").exists():
        return None
    run = Run.open(path)
    changed = differences(config.to_dict(), run.config.to_dict())
    if changed:
        raise SearchError(
            f"{path} is a run of another configuration ({', '.join(changed)}): "
            "choose another directory with -o search.run=DIR, or undo the change"
        )
    return run


def _facts(config: Config, dataset: Data) -> StudyRecord:
    return StudyRecord(
        format=FORMAT,
        space=config.space.name,
        input_shape=dataset.input_shape,
        task=config.task.name,
        outputs=dataset.outputs,
        data=dataset.name,
        device=config.latency.device,
        precision=config.latency.precision,
        algorithm=config.search.algorithm,
        splits={name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
    )


def _aims(rewards: tuple[Reward, ...]) -> StudyRecord:
    return StudyRecord(
        target_ms=rewards[0].target_ms,
        targets_ms=tuple(reward.target_ms for reward in rewards),
        reward=rewards[0].to_dict(),
    )
