"""A search whose candidates start from a parent belongs to that parent, and to no other."""

from dataclasses import replace

import pytest
from small_search import write_config

from mnas.config_file import load_config
from mnas.data import load_data, save_dataset
from mnas.errors import SearchError
from mnas.executors import silent
from mnas.run import Run
from mnas.search.inheritance import asked_parent, check_parents, kept_parent
from mnas.training.jobs import EvaluateCandidate
from mnas.training.recipe import Recipe
from mnas.training.weight_files import read_weights, save_weights
from search_spaces import build_model, to_json
from search_spaces.mnasnet.block_strings import from_block_strings

ARCH = from_block_strings("r1_k3_s11_e1_i8_o8 r1_k3_s22_e3_i8_o16", stem_filters=8, head_filters=24)
WIDER = replace(ARCH, blocks=(ARCH.blocks[0], replace(ARCH.blocks[1], kernel=5, filters=24)))


@pytest.fixture
def parent(tmp_path):
    save_weights(build_model(ARCH, (12, 12, 1), 10, seed=5), tmp_path / "parent/weights.npz")
    return tmp_path / "parent"


def run_of(tmp_path, parent):
    write_config(tmp_path / "it.toml", train={"epochs": 1, "weights": str(parent)})
    config = load_config(tmp_path / "it.toml")
    (tmp_path / "run").mkdir(exist_ok=True)
    return Run(tmp_path / "run", config)


def test_a_candidate_starts_from_the_pieces_and_says_from_whose(parent, tmp_path):
    save_dataset(load_data("digits", image_size=12, channels=1, limit=200), tmp_path / "data")
    file, digest = parent / "weights.npz", read_weights(parent / "weights.npz").digest
    job = EvaluateCandidate(to_json(WIDER), tmp_path / "data", Recipe(epochs=1), 0, tmp_path / "it", "float32")
    own = replace(job, parent=(file, digest))
    first = own(silent)
    assert own.found() == first
    assert job.found() is None
    assert replace(own, parent=(file, "another")).found() is None
    inherited = read_weights(tmp_path / "it/weights.npz").digest
    job(silent)
    assert read_weights(tmp_path / "it/weights.npz").digest != inherited


def test_a_run_keeps_its_parent_and_refuses_another(parent, tmp_path):
    run = run_of(tmp_path, parent)
    asked = asked_parent(run.config)
    place, digest = kept_parent(run, asked)
    assert read_weights(place).digest == digest == asked.digest
    assert kept_parent(run, asked) == (place, digest)
    check_parents(asked, str(run.path))
    save_weights(build_model(ARCH, (12, 12, 1), 10, seed=6), parent / "weights.npz")
    with pytest.raises(SearchError, match=r"began with other weights than those that train\.weights"):
        kept_parent(run, asked_parent(run.config))
    with pytest.raises(SearchError, match=r"another kind \(train\.weights"):
        check_parents(asked_parent(run.config), str(run.path))


@pytest.mark.parametrize(
    ("source", "words"), [("imagenet", "train a network from them first"), ("nowhere", "no weights 'nowhere'")]
)
def test_what_is_no_parent_is_refused(source, words, tmp_path):
    with pytest.raises(SearchError, match=words):
        asked_parent(run_of(tmp_path, source).config)
