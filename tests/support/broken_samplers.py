"""Samplers with one fault each, and the tests of the conformance suite that must find it (`fails`)."""

import pytest
from optuna.samplers import RandomSampler

from mnas.testing import SamplerTestCase


class ToldSamplerTestCase(SamplerTestCase):
    @pytest.fixture
    def open_samplers(self):
        return self.samplers


class First(RandomSampler):
    def sample_independent(self, study, trial, name, distribution):
        return distribution.choices[0]


class TestSamplerOfChance(ToldSamplerTestCase):
    samplers = staticmethod(lambda seed, path: lambda number: RandomSampler())
    fails = ("test_the_seed_is_the_only_source_of_chance",)


class TestSamplerThatStartsAgain(ToldSamplerTestCase):
    samplers = staticmethod(lambda seed, path: (lambda one: lambda number: one)(RandomSampler(seed)))
    fails = (
        "test_a_search_in_two_processes_proposes_what_one_does",
        "test_a_search_does_not_need_what_was_kept",
        "test_an_open_trial_is_taken_up_with_what_it_has",
    )


class TestStubbornSampler(ToldSamplerTestCase):
    samplers = staticmethod(lambda seed, path: lambda number: First(seed))
    fails = ("test_candidates_differ", "test_the_seed_is_the_only_source_of_chance")
