"""The search: proposals, training, timing, telling, batch by batch, until the trials asked for are done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mnas.config import Config, differences
from mnas.controllers.algorithms import Assignment, algorithm, check_algorithm
from mnas.errors import CandidatesWait, RunFailed, SearchError
from mnas.executors import ProcessExecutor
from mnas.latency.cache import LatencyCache
from mnas.latency.source import open_latency
from mnas.records import FORMAT, FinishedTrial, StudyRecord, TrialRecord
from mnas.reward import Reward, rewarded
from mnas.run import Run, check_directory, note
from mnas.search.display import Display
from mnas.search.evaluator import Candidate, Evaluator, Failed, Waiting
from mnas.search.finish import finish
from mnas.search.references import check_targets, evaluate_references, reference_architectures, target_of
from mnas.search.standing import Finished, failures
from mnas.search.start import begin, check_networks, check_start
from mnas.search.trials import Proposal, batch_of, first_open, open_proposals
from mnas.tasks import Data
from search_spaces import Arch, Space, describe

if TYPE_CHECKING:
    import optuna


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
    run = _existing_run(config)
    # A table answers at once, and what was kept of an older one under its name would be wrong.
    keeps = not config.latency.device.startswith("table:")
    cache = LatencyCache(config.latency.cache) if config.latency.cache and keeps else None
    with ExitStack() as stack:
        latency = open_latency(config.latency, display.timing, display.say)
        stack.callback(latency.close)
        dataset = run.task.open(run.path / "data") if run else _load(config)
        for line in dataset.summary:
            display.say(line)
        # Nothing is on disk before everything that can be checked is checked.
        if run is None:
            Run(config.search.run, config).check_storage()
        run = run or Run.create(config.search.run, config, dataset)
        stack.enter_context(run.locked())
        study = run.open_study(_facts(config, dataset).stored(run.task))
        stack.enter_context(run.storage_errors(RunFailed))
        workers = _workers(stack, run, config, display)
        evaluator = Evaluator(run, config, workers, latency, dataset, cache=cache, say=display.say)
        references = evaluate_references(run, arches, evaluator, display)
        section, metric = config.reward, run.task.metric
        rewards = tuple(
            Reward(
                section.kind,
                target_of(target, references),
                section.alpha,
                section.beta,
                metric.merit,
                metric.maximize,
            )
            for target in targets
        )
        note(study, _aims(rewards).stored(run.task))
        if known := study.get_trials(deepcopy=False):
            done = sum(trial.state.is_finished() for trial in known)
            display.say(f"resuming {run.path}: {done} of {config.search.trials} trials are done")
        begin(run, study, searched, dataset.input_shape, config, rewards, display)
        Search(run, config, searched, rewards, study, evaluator, display).go()
        finish(run, study, config, rewards, references, evaluator, display)
    return run


@dataclass(frozen=True, slots=True)
class Search:
    """One search at work."""

    run: Run
    config: Config
    space: Space[Arch]
    rewards: tuple[Reward, ...]
    study: optuna.Study
    evaluator: Evaluator
    display: Display

    def go(self) -> None:
        """Finishes the open trials and all new ones up to `search.trials`."""
        section = self.config.search
        finished = [Finished.of(trial, self.run) for trial in _complete(self.study)]
        self.display.begin(section.trials, finished)
        chosen = algorithm(section.algorithm)
        batch = section.batch or chosen.batch
        sampler_of = chosen.samplers(Assignment(self.space, self.rewards, batch, section.seed, self.run.checkpoint))
        while (first := first_open(self.study)) < section.trials:
            self._batch(open_proposals(self.study, self.space, batch_of(first, batch, section.trials), sampler_of))
        self._leave_last_update()

    def _batch(self, proposals: list[Proposal]) -> None:
        """Evaluates a batch.

        A batch that has to wait ends the search: the next one is a function of what this one teaches.
        """
        outcomes = self.evaluator.evaluate(
            {one.arch_hash: (one.arch, self.run.candidate(one.arch_hash)) for one in proposals},
            seed=proposals[0].trial.number,
        )
        waiting: dict[int, str] = {}
        for proposal in proposals:
            outcome = outcomes[proposal.arch_hash]
            if isinstance(outcome, Waiting):
                waiting[proposal.trial.number] = outcome.reason
            else:
                self._tell(proposal, outcome)
        if waiting:
            numbers, reasons = ", ".join(map(str, waiting)), "; ".join(dict.fromkeys(waiting.values()))
            raise CandidatesWait(
                f"{len(waiting)} of {len(proposals)} candidates are trained and wait for their timing "
                f"(trials {numbers}: {reasons}); {failures(self.study)}"
            )

    def _tell(self, proposal: Proposal, outcome: Candidate | Failed) -> None:
        """Records a trial; a failed one keeps its reason and has no value that the controller could learn from."""
        import optuna

        trial, task = proposal.trial, self.run.task
        described = describe(proposal.arch)
        if isinstance(outcome, Failed):
            _keep(trial, TrialRecord(**described, error=outcome.reason).stored(task))
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            self.display.failed(trial.number, outcome.reason)
            return
        rewards = rewarded(self.rewards, trial.number, outcome.value, outcome.latency_ms)
        record = FinishedTrial(**described, **outcome.facts(), **rewards)
        _keep(trial, record.stored(task))
        self.study.tell(trial, [outcome.value, outcome.latency_ms])
        self.display.done(
            Finished(trial.number, record.arch_hash, outcome.value, outcome.latency_ms, record.reward, task.metric)
        )

    def _leave_last_update(self) -> None:
        from mnas.controllers.sampler import ControllerSampler

        if isinstance(self.study.sampler, ControllerSampler):
            self.study.sampler.sync(self.study)


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
    check_algorithm(config.search.algorithm, goals=len(targets))
    check_networks(config, searched, shape)
    check_start(config)
    return searched, arches, targets


def _workers(stack: ExitStack, run: Run, config: Config, display: Display) -> Callable[[], ProcessExecutor]:
    """The workers, started when they are first needed, for a finished search needs none."""
    started: list[ProcessExecutor] = []
    lock = threading.Lock()

    def start() -> ProcessExecutor:
        with lock:  # the thread that times beside the training asks too
            if not started:
                executor = ProcessExecutor(
                    config.search.workers,
                    threads_per_worker=config.search.threads_per_worker,
                    listener=display.event,
                    preload=("mnas.training.train",),
                    log_folder=run.path / "logs",
                )
                started.append(stack.enter_context(executor))
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


def _load(config: Config) -> Data:
    section = config.data
    loaded: Data = config.task.record.load(
        section.source,
        image_size=section.image_size,
        channels=section.channels,
        validation_share=section.validation_share,
        test_share=section.test_share,
        seed=config.search.seed,
        limit=section.limit,
    )
    return loaded


def _keep(trial: optuna.trial.Trial, attributes: Mapping[str, Any]) -> None:
    for key, value in attributes.items():
        trial.set_user_attr(key, value)


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


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    import optuna

    return study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
