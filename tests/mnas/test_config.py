from pathlib import Path

import pytest

from mnas.config import differences, load_config
from mnas.errors import SearchError

CONFIG = """
[search]
run = "runs/test"
[data]
source = "digits"
[latency]
target_ms = 75
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "search.toml"
    path.write_text(CONFIG)
    return path


def test_defaults_and_overrides(file: Path) -> None:
    config = load_config(
        file, ["search.trials=7", "data.source=folder:/images", "train.epochs=3", "latency.target_ms=a1"]
    )
    assert (config.search.trials, config.train.epochs) == (7, 3)
    assert config.data.source == "folder:/images"
    assert config.latency.target_ms == "a1"
    assert config.search.algorithm == "ppo"
    assert load_config(file).latency.target_ms == 75


def test_values_survive_json(file: Path) -> None:
    import json

    values = load_config(file).to_dict()
    assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("search.trails=3", "unknown key 'search.trails', did you mean 'trials'"),
        ("train.epcohs=3", "unknown key 'train.epcohs', did you mean 'epochs'"),
        ("latencyy.threads=1", "did you mean 'latency'"),
        ("search.trials=0", "greater than or equal to 1"),
        ("search.trials=many", "valid integer"),
        ("latency.precision=int4", "'int8'"),
        ("train.optimizer=lion", "sgd"),
        ("train.epochs=0", "train: a recipe needs"),
        ("data.validation_share=1.5", "less than 1"),
        ("trials=3", "section.key=value"),
        ("search.trials", "section.key=value"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_the_key(file: Path, override: str, words: str) -> None:
    with pytest.raises(SearchError, match=words) as caught:
        load_config(file, [override])
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "search.toml"
    path.write_text(CONFIG.replace('source = "digits"', ""))
    with pytest.raises(SearchError, match=r"'data.source' is missing"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "words"), [("a = [", "not valid TOML"), (None, "cannot read"), ("x = 1", "unknown key 'x'")]
)
def test_an_unusable_file_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "search.toml"
    if text is not None:
        path.write_text(CONFIG.replace("[search]", f"{text}\n[search]", 1))
    with pytest.raises(SearchError, match=words) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_differences_leave_out_what_a_resumed_search_may_change(file: Path) -> None:
    ours = load_config(file, ["search.trials=9", "search.workers=1", "train.epochs=2", "space.width=0.5"]).to_dict()
    assert differences(ours, load_config(file).to_dict()) == ["space.width", "train.epochs"]


@pytest.mark.parametrize("path", sorted(Path("configs").glob("*.toml")), ids=str)
def test_shipped_configurations_are_valid(path: Path) -> None:
    assert load_config(path).search.run.parts[0] == "runs"


def test_the_documentation_lists_every_key_as_it_is() -> None:
    from mnas.config_reference import key_reference

    assert key_reference() in Path("docs/search.md").read_text(), "python -m mnas.config_reference prints the new text"
