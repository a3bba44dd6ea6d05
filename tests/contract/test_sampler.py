"""Samplers, ours and some of Optuna's, are held to what a search needs of them, and ours to what Optuna expects."""

import pytest
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase, RelativeSamplerTestCase

from mnas import ControllerSampler
from mnas.controllers.algorithms import Assignment, algorithm
from mnas.controllers.evolution import Evolution, EvolutionSampler
from mnas.testing import SamplerTestCase
from search_spaces import SpaceChoice

SAMPLERS = {
    "evolution": lambda: EvolutionSampler(evolution=Evolution(population=3, tournament=2), seed=0),
    "ppo": lambda: ControllerSampler(seed=0),
    "ppo-paper": lambda: ControllerSampler(algorithm="ppo-paper", seed=0),
    "reinforce": lambda: ControllerSampler(algorithm="reinforce", seed=0),
    "ppo-gp": lambda: ControllerSampler(algorithm="ppo-gp", seed=0),
}


class TestOptunasExpectations(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=SAMPLERS)
    def sampler(self, request):
        return SAMPLERS[request.param]


def opener(name, space, rewards, batch):
    return lambda seed, path: algorithm(name).samplers(Assignment(space, tuple(rewards), batch, seed, path))


class TestOurs(SamplerTestCase):
    @pytest.fixture(params=SAMPLERS)
    def open_samplers(self, request, space, rewards, batch):
        return opener(request.param, space, rewards, batch)


class TestOptunas(SamplerTestCase):
    resumes_within_a_trial = False

    @pytest.fixture(params=["NSGAIISampler", "TPESampler", "RandomSampler"])
    def open_samplers(self, request, space, rewards, batch):
        return opener(request.param, space, rewards, batch)


class TestProgressive(SamplerTestCase):
    @pytest.fixture
    def space(self):
        return SpaceChoice.of("pnas", {"blocks": 2, "repeats": 1, "filters": 4, "ops": "enas"}).space((16, 16, 1))

    @pytest.fixture
    def open_samplers(self, space, rewards, batch):
        def opened(seed, path):
            return algorithm("pnas").samplers(Assignment(space, tuple(rewards), batch, seed, path, 14))

        return opened
