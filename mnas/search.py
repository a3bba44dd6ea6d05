"""The search: proposals, training, timing, telling, batch by batch, until the trials asked for are done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mnas.beginning import begin, check_start
from mnas.candidates import Candidate, Evaluator, Failed
from mnas.config import Config, differences
from mnas.data import Dataset, load_data, open_dataset
from mnas.errors import RunFailed, SearchError
from mnas.executors import ProcessExecutor
from mnas.finish import finish
from mnas.latency import open_latency
from mnas.open_trials import Proposal, batch_of, first_open, open_proposals
from mnas.progress import Display
from mnas.references import check_targets, evaluate_references, reference_architectures, target_of
from mnas.reward import Reward, rewarded
from mnas.run import Run, storage_errors
from mnas.samplers import batch_size, check_algorithm, sampler_factory
from mnas.standing import Finished
from search_spaces import Arch, Space, describe

if TYPE_CHECKING:
    import optuna


def run_search(config: Config, display: Display) -> Run:
    """Searches until `search.trials` trials are finished; goes on with what the run directory holds.

    Args:
        config: Everything about the search.
        display: Receives what happens.

    Returns:
        The run, its front tested and its best candidate written.

    Raises:
        SearchError: Input that cannot be used, or a run that cannot go on.
        SpaceError: An unknown space, or images too small for it.
        BenchError: The device cannot be used or was lost; the search can be resumed.
    """
    run = _existing_run(config)
    dataset = open_dataset(run.path / "data") if run else _load(config)
    searched = _space(config, dataset)
    arches = reference_architectures(config.references.names, config.space.choice, dataset.input_shape)
    targets = config.latency.target_ms if isinstance(config.latency.target_ms, tuple) else (config.latency.target_ms,)
    check_targets(targets, config.references.names)
    check_algorithm(config.search.algorithm, goals=len(targets))
    check_start(config)
    with ExitStack() as stack:
        latency = open_latency(config.latency, display.timing, display.say)
        stack.callback(latency.close)
        # Nothing is on disk before everything that can be checked is checked.
        run = run or Run.create(config.search.run, config.to_dict(), dataset)
        stack.enter_context(run.locked())
        evaluator = Evaluator(run, config, _workers(stack, run, config, display), latency, dataset)
        references = evaluate_references(run, arches, evaluator, display)
        section = config.reward
        rewards = tuple(
            Reward(section.kind, target_of(target, references), section.alpha, section.beta) for target in targets
        )
        study = run.open_study(_facts(config, dataset, rewards))
        stack.enter_context(storage_errors(run.storage_url, RunFailed))
        if study.get_trials(deepcopy=False):
            display.say(f"resuming {run.path}: {first_open(study)} of {config.search.trials} trials are done")
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
        finished = [Finished.of(trial) for trial in _complete(self.study)]
        self.display.begin(section.trials, finished)
        batch = batch_size(section.algorithm, section.batch)
        sampler_of = sampler_factory(
            section.algorithm,
            self.space,
            self.rewards,
            batch=batch,
            seed=section.seed,
            checkpoint=self.run.checkpoint,
        )
        while (first := first_open(self.study)) < section.trials:
            self._batch(open_proposals(self.study, self.space, batch_of(first, batch, section.trials), sampler_of))
        self._leave_last_update()

    def _batch(self, proposals: list[Proposal]) -> None:
        outcomes = self.evaluator.evaluate(
            {one.arch_hash: (one.arch, self.run.candidate(one.arch_hash)) for one in proposals},
            seed=proposals[0].trial.number,
        )
        for proposal in proposals:
            self._tell(proposal, outcomes[proposal.arch_hash])

    def _tell(self, proposal: Proposal, outcome: Candidate | Failed) -> None:
        """Records a trial; a failed one keeps its reason and has no value that the controller could learn from."""
        import optuna

        trial = proposal.trial
        attrs = describe(proposal.arch)
        if isinstance(outcome, Failed):
            attrs["error"] = outcome.reason
        else:
            attrs |= outcome.facts()
            attrs |= rewarded(self.rewards, trial.number, outcome.accuracy, outcome.latency_ms)
        for key, value in attrs.items():
            trial.set_user_attr(key, value)
        if isinstance(outcome, Failed):
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            self.display.failed(trial.number, outcome.reason)
            return
        self.study.tell(trial, [outcome.accuracy, outcome.latency_ms])
        self.display.done(
            Finished(trial.number, proposal.arch_hash, outcome.accuracy, outcome.latency_ms, attrs["reward"])
        )

    def _leave_last_update(self) -> None:
        from mnas.controllers.sampler import ControllerSampler

        if isinstance(self.study.sampler, ControllerSampler):
            self.study.sampler.sync(self.study)


def _workers(stack: ExitStack, run: Run, config: Config, display: Display) -> Callable[[], ProcessExecutor]:
    """The workers, started when they are first needed, for a finished search needs none."""

    @cache
    def start() -> ProcessExecutor:
        return stack.enter_context(
            ProcessExecutor(
                config.search.workers,
                threads_per_worker=config.search.threads_per_worker,
                listener=display.event,
                preload=("mnas.training",),
                log_folder=run.path / "logs",
            )
        )

    return start


def _existing_run(config: Config) -> Run | None:
    path = config.search.run
    if not (path / "config.json").exists():
        return None
    run = Run.open(path)
    changed = differences(config.to_dict(), run.config)
    if changed:
        raise SearchError(
            f"{path} is a run of another configuration ({', '.join(changed)}): "
            "choose another directory with -o search.run=DIR, or undo the change"
        )
    return run


def _load(config: Config) -> Dataset:
    section = config.data
    return load_data(
        section.source,
        image_size=section.image_size,
        channels=section.channels,
        validation_share=section.validation_share,
        test_share=section.test_share,
        seed=config.search.seed,
        limit=section.limit,
    )


def _space(config: Config, dataset: Dataset) -> Space[Arch]:
    return config.space.choice.space(dataset.input_shape)


def _facts(config: Config, dataset: Dataset, rewards: tuple[Reward, ...]) -> dict[str, object]:
    return {
        "space": config.space.name,
        "input_shape": list(dataset.input_shape),
        "classes": dataset.classes,
        "data": dataset.name,
        "device": config.latency.device,
        "precision": config.latency.precision,
        "target_ms": rewards[0].target_ms,
        "targets_ms": [reward.target_ms for reward in rewards],
        "reward": rewards[0].to_dict(),
        "algorithm": config.search.algorithm,
        "splits": {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
    }


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    import optuna

    return study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
