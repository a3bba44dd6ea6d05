"""Parts with one fault each, and the tests of the conformance suites that must find it (`fails`)."""

import itertools
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tiny_model import tiny_model
from told_runner import ToldRunner
from tool_outputs import OUTPUTS
from toy_family import TOY, ToyArch
from toy_task import DISCS, Discs

from device_bench.local import LocalTransport
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.testing import RunnerOutputTestCase, RunnerTestCase, TransportTestCase
from device_bench.timing.timing import Timing
from mnas.executors import ProcessExecutor, SerialExecutor
from mnas.tasks import tasks
from mnas.testing import (
    ExecutorTestCase,
    FamilyFilesTestCase,
    LatencySourceTestCase,
    TaskTestCase,
    WorkersTestCase,
)
from search_spaces import SpaceChoice, families
from search_spaces.testing import FamilyTestCase


class ToyFamilyTestCase(FamilyTestCase):
    """Tries `broken` in the place of the toy family."""

    broken = TOY

    @pytest.fixture
    def choice(self, monkeypatch):
        monkeypatch.setitem(families(), "toy", self.broken)
        return SpaceChoice.of("toy", {})


class TestFamilyThatForgets(ToyFamilyTestCase):
    broken = replace(TOY, from_dict=lambda data: ToyArch(data["kernel"], data["filters"], "none"))
    fails = ("test_json_brings_back_the_architecture", "test_architectures_are_values")


class TestFamilyOfOneNetworkWithTwoNames(ToyFamilyTestCase):
    broken = replace(TOY, lower=lambda arch, shape, head: TOY.lower(replace(arch, pool="none"), shape, head))
    fails = ("test_equal_networks_have_equal_hashes",)


@dataclass(frozen=True)
class Lenient:
    """Attributes:
    factor: Anything.
    """

    factor: int = 1


class TestFamilyThatTakesNonsense(ToyFamilyTestCase):
    broken = replace(TOY, parameters=Lenient)
    fails = ("test_parameters_refuse_nonsense",)


POOLS_IN_TURN = itertools.cycle(["max", "none"])


class TestFamilyOfTwoMinds(FamilyFilesTestCase):
    """Lowers an architecture to another graph each time."""

    fails = ("test_foreseen_signatures_are_those_of_the_file[float32]",)

    @pytest.fixture
    def choice(self, monkeypatch):
        lower = TOY.lower
        fickle = replace(TOY, lower=lambda arch, *rest: lower(replace(arch, pool=next(POOLS_IN_TURN)), *rest))
        monkeypatch.setitem(families(), "toy", fickle)
        return SpaceChoice.of("toy", {})


class ToyTaskTestCase(TaskTestCase):
    """Tries `broken` in the place of the toy task."""

    broken = DISCS

    @pytest.fixture
    def task(self, monkeypatch):
        monkeypatch.setitem(tasks(), "discs", self.broken)
        return self.broken

    @pytest.fixture
    def source(self):
        return "discs:40"

    @pytest.fixture
    def ordered(self):
        return (40.0, 1.0)


def leaking(source, **settings):
    data = DISCS.load(source, **settings)
    return replace(data, test=data.train)


def unseeded(source, *, seed, **settings):
    return DISCS.load(source, seed=np.random.SeedSequence().entropy, **settings)


def unlimited(source, *, limit, **settings):
    return DISCS.load(source, limit=None, **settings)


def cut_short(where):
    data = DISCS.open(where)
    return replace(data, validation=Discs(data.validation.inputs[:1], data.validation.targets[:1]))


def in_place(pictures, radii, recipe, rng):
    pictures += rng.uniform(0, 0.1)
    return pictures, radii


class TestTaskThatTrainsOnItsTestSplit(ToyTaskTestCase):
    broken = replace(DISCS, load=leaking)
    fails = ("test_the_test_split_is_kept_apart",)


class TestTaskOfChance(ToyTaskTestCase):
    broken = replace(DISCS, load=unseeded)
    fails = ("test_the_same_words_give_the_same_data",)


class TestTaskWithoutLimit(ToyTaskTestCase):
    broken = replace(DISCS, load=unlimited)
    fails = ("test_a_limit_is_kept",)


class TestTaskThatLosesData(ToyTaskTestCase):
    broken = replace(DISCS, open=cut_short)
    fails = ("test_stored_data_come_back",)


class TestTaskThatSpoilsItsData(ToyTaskTestCase):
    broken = replace(DISCS, vary=in_place)
    fails = ("test_a_varied_batch_has_the_form_of_the_batch",)


class TestTaskThatRewardsErrors(ToyTaskTestCase):
    broken = replace(DISCS, metric=replace(DISCS.metric, maximize=True))
    fails = ("test_merit_lies_between_0_and_1_and_rises_with_quality",)


class TestTaskThatIsTooSure(ToyTaskTestCase):
    broken = replace(DISCS, metric=replace(DISCS.metric, interval=lambda value, count: (0.9 * value, 0.95 * value)))
    fails = ("test_an_interval_holds_the_value_and_narrows",)


class Careless(LocalTransport):
    """Splits words as a shell does, loses exit codes and modes, and does not remove files."""

    def shell(self, argv, *, timeout_s):
        completed = super().shell(("sh", "-c", " ".join(argv)), timeout_s=timeout_s)
        return replace(completed, exit_code=0)

    def push(self, data, path, *, mode=0o644):
        super().push(data, path)

    def remove(self, path):
        pass


class TestCarelessTransport(TransportTestCase):
    fails = (
        "test_words_arrive_as_they_are",
        "test_a_missing_command_is_exit_code_127",
        "test_a_file_has_the_mode_asked_for[493]",
        "test_an_awkward_path",
    )

    @pytest.fixture
    def transport(self):
        opened = Careless()
        yield opened
        opened.close()


class Trusting(BenchmarkModel):
    """Believes a session whatever its exit code is."""

    def parse(self, spec, completed):
        return super().parse(spec, replace(completed, exit_code=0))


class TestTrustingRunner(RunnerOutputTestCase):
    fails = ("test_a_good_output_alone_is_no_session",)
    output = next(iter(OUTPUTS.values()))

    @pytest.fixture
    def runner(self):
        return Trusting("/x/benchmark_model", self.output.tool)

    @pytest.fixture
    def spec(self):
        return self.output.spec

    @pytest.fixture
    def completed(self):
        return self.output.completed


class TestObedientRunner(RunnerTestCase):
    """Times whatever lies there, on cores that are not."""

    fails = (
        "test_threads_and_cores_are_those_asked_for",
        "test_what_is_not_a_model_is_an_error[]",
        "test_what_is_not_a_model_is_an_error[hello]",
    )

    @pytest.fixture
    def transport(self):
        opened = LocalTransport()
        yield opened
        opened.close()

    @pytest.fixture
    def runner(self, tmp_path):
        return ToldRunner(tmp_path / "told").install()


class Guess:
    """Takes a file's size for its latency, whether it can run or not."""

    identity, beside_training, shares_cores = {}, True, False
    opened = itertools.count()

    def __init__(self):
        self.name = f"guess {next(self.opened)}"

    def predicted(self, keys):
        return None

    def measure(self, models, rng, folder):
        return {name: self.timing(len(model)) for name, model in models.items()}

    def timing(self, ms):
        return Timing(ms, ms, ms, 1, 1, "guess", "guess 1.0", "int8", 1)

    def stop(self):
        pass

    def close(self):
        pass


class TestGuessedLatency(LatencySourceTestCase):
    fails = (
        "test_it_is_the_same_source_whenever_it_is_opened",
        "test_what_was_seen_is_kept",
        "test_what_cannot_run_has_failed_and_harms_no_other",
        "test_a_source_that_was_stopped_measures_nothing",
    )

    @pytest.fixture
    def open_source(self):
        return Guess

    @pytest.fixture
    def models(self):
        return {str(count): tiny_model(operators=count) for count in (1, 9)}


class TestLatencyWithoutOrder(TestGuessedLatency):
    fails = ("test_every_model_gets_a_timing",)

    @pytest.fixture
    def models(self):
        return {str(count): tiny_model(operators=count) for count in (9, 1)}


class Silent(SerialExecutor):
    """Loses errors and tells nothing."""

    def __init__(self, listener):
        super().__init__()

    def submit(self, job, name):
        future = super().submit(job, name)
        if future.exception() is None:
            return future
        fine = Future()
        fine.set_result(None)
        return fine

    def close(self, *, cancel=False):
        pass


class TestSilentExecutor(ExecutorTestCase):
    fails = (
        "test_a_job_reports_and_its_end_is_told",
        "test_a_failed_job_says_why_in_one_line",
        "test_closed_is_closed",
    )

    @pytest.fixture
    def open_executor(self):
        return Silent


class Hasty(ProcessExecutor):
    """Ends what it was told to wait for."""

    def close(self, *, cancel=False):
        super().close(cancel=True)


class TestHastyExecutor(WorkersTestCase):
    fails = ("test_close_waits_for_what_was_submitted",)

    @pytest.fixture
    def open_executor(self):
        return lambda listener: Hasty(1, listener=listener)


class Threads(SerialExecutor):
    """A thread per job instead of processes."""

    def submit(self, job, name):
        future = Future()
        thread = threading.Thread(target=lambda: future.set_result(job(lambda *words: None)))
        thread.start()
        return future


class TestThreadsAsWorkers(WorkersTestCase):
    fails = (
        "test_jobs_run_in_other_processes_that_stay",
        "test_what_cannot_travel_is_told_by_name",
    )

    @pytest.fixture
    def open_executor(self):
        return Threads
