"""The tables of cells: every network of a small space, by whichever spelling a search proposes it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mnas.controllers.evolution import Evolution, EvolutionSampler
from search_spaces.catalog import cost

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from quality import make_cells
from quality.cells import CELL_TABLES, DIGITS_CELLS, spellings
from quality.experiment import Task, run
from quality.searches import evolve, in_a_study
from quality.tables import load


@pytest.fixture(params=CELL_TABLES)
def about(request):
    return CELL_TABLES[request.param]


def written(about, folder):
    """A table of invented accuracies: what is told of a network is a function of its tokens."""
    path = folder / about.path.name
    networks = sorted(set(spellings(about.space()).values()), key=lambda tokens: (len(tokens), tokens))
    invented = {tokens: [0.5 + 0.01 * sum(tokens), 0.5 + 0.02 * sum(tokens)] for tokens in networks}
    make_cells.write(about, invented, path)
    return path, invented


def test_every_spelling_of_a_network_leads_to_its_row(about, tmp_path):
    path, invented = written(about, tmp_path)
    table, space = load(path), about.space()
    assert len(table.accuracy) == len(invented)
    for tokens, row in table.rows.items():
        np.testing.assert_allclose(table.seeds[row], invented[space.canonical(tokens)], atol=1e-4)


def test_the_cost_of_a_network_is_its_macs(about, tmp_path):
    path, invented = written(about, tmp_path)
    table, shape = load(path), (about.image_size, about.image_size, 1)
    for tokens in list(invented)[:: len(invented) // 9]:
        assert table.cost[table.rows[tokens]] == cost(about.space().decode(tokens), shape, 10).macs


def test_a_space_that_grows_has_its_small_networks_in_the_table_too(tmp_path):
    path, invented = written(DIGITS_CELLS, tmp_path)
    table = load(path)
    assert sum(len(tokens) == 4 for tokens in invented) == 21
    assert {len(tokens) for tokens in table.rows} == {4, 8}
    assert len(table.steps.sizes) == 8


@pytest.mark.parametrize("algorithm", ["random", "evolution", "ppo", "pnas"])
def test_searches_run_on_a_table_of_cells(algorithm, tmp_path):
    path, _ = written(DIGITS_CELLS, tmp_path)
    curves = run(Task(path, algorithm, "soft", 0.5, 0, (10, 30)))
    assert curves.regret[0] >= curves.regret[1] >= 0


def test_a_training_of_a_table_is_repeatable():
    tokens = (0, 1, 2, 1)
    first, again = (make_cells.run(make_cells.Task("cells-digits", tokens, 5)) for _ in range(2))
    assert first == again
    assert 0.5 < first < 1


def test_a_sampler_in_a_study_of_a_table_evaluates_what_it_asked_for(tmp_path):
    path, _ = written(DIGITS_CELLS, tmp_path)
    table, found = load(path), []

    def evaluate(tokens):
        found.append(tokens)
        return float(table.accuracy[table.rows[tokens]])

    in_a_study(EvolutionSampler(table.space, seed=4), table.space, evaluate, 30)
    alone = []
    evolve(Evolution(), table.steps, lambda tokens: alone.append(tokens) or evaluate(tokens), 4, 30)
    assert found[:30] == alone
