"""What becomes of a candidate when the device, or the machine, is not fit to evaluate it."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import pytest
from told_latency import CRASHED, THROTTLED, UNFIT, EndlessLatency, ToldLatency, timing

import mnas.search.standalone
from device_bench.errors import DeviceLost
from device_bench.timing.timing import Timing
from mnas.config import Config
from mnas.config_file import load_config
from mnas.data import load_data
from mnas.errors import CandidatesWait, RunFailed, SearchError
from mnas.executors import Executor, Job, ProcessExecutor, WorkerLost
from mnas.latency.cache import LatencyCache
from mnas.latency.source import LatencySource
from mnas.latency.timer import Timer
from mnas.reward import Reward
from mnas.run import Run
from mnas.search.batches import evaluate_trials
from mnas.search.display import PlainDisplay
from mnas.search.evaluator import Candidate, Evaluator, Failed, Waiting
from mnas.search.session import Session
from mnas.search.standalone import StandaloneEvaluator, rests
from mnas.shipping.architecture import chosen
from mnas.tasks import task_facts
from mnas.training.jobs import CandidateJobs
from search_spaces import arch_hash, space

T = TypeVar("T")
SHAPE = (16, 16, 1)
SPACE = space("mnasnet", SHAPE, width=0.25, depth=0.25, stem_filters=8, head_filters=8)
CONFIG = """
[search]
run = "run"
trials = 4
batch = 2
[data]
source = "digits"
[train]
epochs = 1
[latency]
target_ms = 1.0
patience_s = 1
"""


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with ProcessExecutor(1, preload=("mnas.training.train",)) as executor:
        yield executor


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("config") / "search.toml"
    path.write_text(CONFIG)
    return load_config(path)


@pytest.fixture(scope="module")
def whole(config: Config, workers: Executor, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A search that nothing disturbed."""
    run = new_run(tmp_path_factory.mktemp("whole"), config)
    search(run, config, workers, ToldLatency(lambda name, call: by_name(name)))
    return run


@pytest.fixture
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnas.search.standalone, "_FIRST_REST_S", 0.4)


def by_name(name: str) -> Timing:
    return timing("valid", ms=int(name[:4], 16) / 65536 + 0.1)


def new_run(folder: Path, config: Config) -> Run:
    data = load_data("digits", image_size=16, channels=1, limit=150)
    return Run.create(folder / "run", config, data)


def evaluator(
    run: Run,
    config: Config,
    workers: Executor,
    latency: LatencySource,
    say: Callable[[str], None] = print,
    cache: LatencyCache | None = None,
) -> Evaluator:
    from mnas.data import open_dataset

    data = open_dataset(run.path / "data")
    about = {"input": list(data.input_shape), **task_facts(run.task, data)}
    seed, section = config.search.seed, config.latency
    timer = Timer(latency, section, cache=cache, about=about, folder=run.path, seed=seed)
    jobs = CandidateJobs(run.path / "data", config.train, seed, section.precision, run.task.name)
    return StandaloneEvaluator(jobs, timer, lambda: workers, say)


def search(run: Run, config: Config, workers: Executor, latency: LatencySource) -> None:
    study = run.open_study({})
    at_work = evaluator(run, config, workers, latency)
    session = Session(run, SPACE, (Reward("soft", 1.0),), study, at_work, PlainDisplay(), config.search.seed)
    evaluate_trials(session, config.search)


@pytest.fixture
def trained(whole: Run, config: Config, tmp_path: Path) -> Run:
    """A new run in which every training of the whole one is found, and no timing."""
    run = new_run(tmp_path, config)
    shutil.copytree(whole.path / "candidates", run.path / "candidates", ignore=shutil.ignore_patterns("latency.json"))
    return run


def asked(run: Run, whole: Run) -> dict:
    arches = [SPACE.decode(SPACE.tokens(trial.params)) for trial in whole.study().trials[:2]]
    return {arch_hash(arch): (arch, run.candidate(arch_hash(arch))) for arch in arches}


@pytest.mark.parametrize("unfit", [THROTTLED, UNFIT], ids=lambda told: told.verdict)
def test_a_device_that_was_not_fit_is_asked_again_and_nothing_is_trained_again(
    unfit: Timing, whole: Run, trained: Run, config: Config, workers: Executor, short_rests: None
) -> None:
    latency, said = ToldLatency(lambda name, call: unfit if call < 4 else by_name(name)), list[str]()
    files = {path: path.stat().st_mtime_ns for path in trained.path.rglob("*.npz")}
    outcomes = evaluator(trained, config, workers, latency, said.append).evaluate(asked(trained, whole), seed=0)
    assert all(isinstance(one, Candidate) for one in outcomes.values())
    assert {path: path.stat().st_mtime_ns for path in trained.path.rglob("*.npz")} == files
    assert latency.calls == 5
    assert len(said) == 2
    assert unfit.reason in said[0]


def test_only_those_that_wait_are_timed_again(
    whole: Run, trained: Run, config: Config, workers: Executor, short_rests: None
) -> None:
    names = list(asked(trained, whole))
    latency = ToldLatency(
        lambda name, call: THROTTLED if name == names[1] and call < 3 else timing("valid", ms=call + 1)
    )
    outcomes = evaluator(trained, config, workers, latency).evaluate(asked(trained, whole), seed=0)
    assert [outcomes[name].timing.median_ms for name in names] == [1, 4]  # type: ignore[union-attr]


def test_a_model_that_crashes_its_runner_fails_for_good(
    whole: Run, trained: Run, config: Config, workers: Executor, short_rests: None
) -> None:
    latency = ToldLatency(lambda name, call: CRASHED)
    outcomes = evaluator(trained, config, workers, latency).evaluate(asked(trained, whole), seed=0)
    assert set(outcomes.values()) == {Failed("latency failed: exit code 139")}
    assert latency.calls == 2


def test_a_latency_of_another_device_of_the_same_name_is_not_taken(
    whole: Run, trained: Run, config: Config, workers: Executor, tmp_path: Path
) -> None:
    calls = []
    for model in ("one", "one", "another"):
        latency = ToldLatency(lambda name, call: by_name(name))
        latency.identity = {"model": model}
        shared = evaluator(trained, config, workers, latency, cache=LatencyCache(tmp_path / "cache.jsonl"))
        shared.evaluate(asked(trained, whole), seed=0)
        calls.append(latency.calls)
        for path in trained.path.rglob("latency.json"):
            path.unlink()
    assert calls == [1, 0, 1]


def test_a_lost_device_leaves_the_rest_for_later_without_a_rest(
    whole: Run, trained: Run, config: Config, workers: Executor
) -> None:
    def lost(name: str, call: int) -> Timing:
        raise DeviceLost("no device is left to time on")

    latency, said = ToldLatency(lost), list[str]()
    outcomes = evaluator(trained, config, workers, latency, said.append).evaluate(asked(trained, whole), seed=0)
    assert set(outcomes.values()) == {Waiting("no device is left to time on")}
    assert (latency.calls, said) == (1, [])


class Losing:
    """An executor that loses its worker under the first few jobs."""

    workers = 1

    def __init__(self, inner: Executor, losses: int) -> None:
        self._inner, self._losses = inner, losses

    def submit(self, job: Job[T], name: str) -> Future[T]:
        if not self._losses:
            return self._inner.submit(job, name)
        self._losses -= 1
        future: Future[T] = Future()
        future.set_exception(WorkerLost(f"worker 0 was killed by SIGKILL while it ran {name}"))
        return future

    def close(self, *, cancel: bool = False) -> None:
        """The inner one is somebody else's."""


def test_a_machine_on_which_no_training_ends_is_not_held_against_the_networks(
    whole: Run, trained: Run, config: Config, workers: Executor
) -> None:
    candidates = asked(trained, whole)
    for _, folder in candidates.values():
        (folder / "evaluation.json").unlink()
    with pytest.raises(RunFailed, match=r"short of memory\? worker 0 was killed by SIGKILL"):
        evaluator(trained, config, Losing(workers, 4), ToldLatency(lambda name, call: by_name(name))).trained(
            candidates
        )


@pytest.mark.parametrize(("losses", "kind"), [(1, Candidate), (2, Failed)])
def test_a_training_whose_worker_dies_is_tried_once_more(
    losses: int, kind: type, whole: Run, trained: Run, config: Config, workers: Executor
) -> None:
    candidates = asked(trained, whole)
    name, (_, folder) = next(iter(candidates.items()))
    (folder / "evaluation.json").unlink()
    latency = ToldLatency(lambda name, call: by_name(name))
    outcomes = evaluator(trained, config, Losing(workers, losses), latency).evaluate(candidates, seed=0)
    assert isinstance(outcomes.pop(name), kind)
    assert all(isinstance(one, Candidate) for one in outcomes.values())


def test_patience_is_bounded(whole: Run, trained: Run, config: Config, workers: Executor) -> None:
    assert list(rests(0)) == []
    assert list(rests(5)) == [5]
    assert list(rests(120)) == [5, 10, 20, 40, 45]
    at_once = config.model_copy(update={"latency": config.latency.model_copy(update={"patience_s": 0})})
    latency = ToldLatency(lambda name, call: THROTTLED)
    outcomes = evaluator(trained, at_once, workers, latency).evaluate(asked(trained, whole), seed=0)
    assert all(isinstance(one, Waiting) for one in outcomes.values())
    assert latency.calls == 2
    assert not list(trained.path.rglob("latency.json"))


def test_open_trials_are_timed_later_and_the_search_takes_the_course_of_an_undisturbed_one(
    whole: Run, trained: Run, config: Config, workers: Executor, short_rests: None
) -> None:
    hot = ToldLatency(lambda name, call: THROTTLED if call else by_name(name))
    with pytest.raises(CandidatesWait, match=r"2 of 2 candidates .* \(trials 2, 3: .*1\.40 times.*; no trial failed"):
        search(trained, config, workers, hot)
    assert [trial.state.name for trial in trained.study().trials] == ["COMPLETE"] * 2 + ["RUNNING"] * 2
    with pytest.raises(SearchError, match=r"trial 2 of .* is still open: run its search again"):
        chosen(trained.path, "2")
    search(trained, config, workers, ToldLatency(lambda name, call: by_name(name)))
    ours, theirs = (run.study().trials for run in (trained, whole))
    assert [(trial.params, trial.values) for trial in ours] == [(trial.params, trial.values) for trial in theirs]


@pytest.mark.parametrize("training", [True, False])
def test_ctrl_c_waits_for_the_phone_to_be_given_back(
    training: bool, whole: Run, trained: Run, config: Config, workers: Executor
) -> None:
    endless, candidates = EndlessLatency(), asked(trained, whole)
    if training:
        next(iter(candidates.values()))[1].joinpath("evaluation.json").unlink()

    def interrupt() -> None:
        endless.begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        evaluator(trained, config, workers, endless).evaluate(candidates, seed=0)
    assert endless.given_back


def test_a_lost_machine_ends_the_search_beside_a_phone(whole: Run, config: Config, tmp_path: Path) -> None:
    run, endless = new_run(tmp_path, config), EndlessLatency()
    broken = ProcessExecutor(1, preload=("no_such_module",), log_folder=tmp_path)
    with broken, pytest.raises(RunFailed, match="while it started, 3 times in a row"):
        evaluator(run, config, broken, endless).evaluate(asked(run, whole), seed=0)
