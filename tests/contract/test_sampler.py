"""Optuna's own expectations of a sampler, and what ours promise besides."""

import pytest
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase, RelativeSamplerTestCase

from mnas import ControllerSampler
from mnas.controllers.evolution import Evolution, EvolutionSampler

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
