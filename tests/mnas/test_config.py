import pwd
from pathlib import Path

import pytest

from mnas.config import differences
from mnas.config_file import load_config
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


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("search.run=2026-11-25", Path("2026-11-25")),
        ("search.run=2026", Path("2026")),
        ("search.run=1e3", Path("1e3")),
        ("search.run=true", Path("true")),
        ("search.run=[a]", Path("[a]")),
        ("search.run=[1]", Path("[1]")),
        ("search.run={}", Path("{}")),
        ("search.run=12:30:00", Path("12:30:00")),
        ('search.run="2026"', Path("2026")),
        ("latency.cores=30", "30"),
        ("latency.cores=0xf0", "0xf0"),
        ("latency.cores=0b11", "0b11"),
        ("latency.cache=7", Path("7")),
        ("study.name=7", "7"),
        ("study.name=nan", "nan"),
        ("data.source=2026-11-25", "2026-11-25"),
        ("search.start=runs/old", ("runs/old",)),
        ("search.start=2026-11-25", ("2026-11-25",)),
        ("search.start=[2026, 'x']", ("2026", "x")),
        ("references.names=mnasnet-a1", ("mnasnet-a1",)),
        ("references.names=[]", ()),
        ("search.trials=7", 7),
        ("latency.target_ms=[20, 'mnasnet-a1']", (20, "mnasnet-a1")),
    ],
)
def test_an_override_is_what_its_key_takes(file: Path, override: str, value: object) -> None:
    section, key = override.partition("=")[0].split(".")
    assert getattr(getattr(load_config(file, [override]), section), key) == value


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("search.run=~/a", "{home}/a"),
        ("search.run=~", "{home}"),
        ("search.run=$HOME/a", "{home}/a"),
        ("search.run=${{HOME}}/a", "{home}/a"),
        ("search.run=./~", "~"),
        ("search.run=$HOMER/a", "$HOMER/a"),
        ("search.run=a~/b", "a~/b"),
        ("search.run=~root/a", "{root}/a"),
        ("latency.cache=~/a.jsonl", "{home}/a.jsonl"),
        ("search.start=~/a", "('{home}/a',)"),
        ("data.source=folder:~/a", "folder:{home}/a"),
        ("data.source=npz:~/a.npz", "npz:{home}/a.npz"),
        ("latency.device=table:~/a.json", "table:{home}/a.json"),
        ("study.storage=sqlite:///~/a.db", "sqlite:///{home}/a.db"),
    ],
)
def test_a_home_directory_is_put_in_for_its_short_form(
    file: Path, override: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    section, key = override.partition("=")[0].split(".")
    found = getattr(getattr(load_config(file, [override.format()]), section), key)
    assert str(found) == value.format(home="/home/me", root=pwd.getpwnam("root").pw_dir)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("search.run=~nobody-here/a", "there is no user 'nobody-here'"),
        ("search.run=", "the path is empty"),
        (r'search.run="a\u0000b"', "null character"),
        ("latency.cache=", "the path is empty"),
    ],
)
def test_what_is_no_path_is_refused(file: Path, override: str, words: str) -> None:
    with pytest.raises(SearchError, match=words) as caught:
        load_config(file, [override])
    assert override.partition("=")[0] in str(caught.value)


def test_a_run_that_was_started_with_the_short_form_can_be_resumed(file: Path) -> None:
    ours = load_config(file, ["data.source=folder:~/a"]).to_dict()
    theirs = {**ours, "data": {**ours["data"], "source": "folder:~/a"}}
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
def test_the_encoding_that_a_mark_names_is_read(file: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    file.write_bytes((mark + CONFIG.replace("runs/test", "runs/\u00e9")).encode(encoding))
    assert load_config(file).search.run == Path("runs/\u00e9")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CONFIG.replace("runs/test", "runs/\u00e9").encode("latin-1"), r"not text in UTF-8 \(line 3: byte 0xe9\)"),
        (CONFIG.encode("utf-16-le"), "looks like UTF-16 without its mark"),
        (b"\xff\xfeodd", "not text in UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "not text in UTF-8"),
    ],
)
def test_another_encoding_is_named(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(SearchError, match=words) as caught:
        load_config(file)
    assert str(file) in str(caught.value)
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


def test_what_is_nested_deeper_than_parsers_go_is_one_line(file: Path) -> None:
    file.write_text(f"a = {'[' * 5000}{']' * 5000}")
    with pytest.raises(SearchError, match="nested too deeply"):
        load_config(file)


@pytest.mark.parametrize("word", ["latency.precision=" + "x" * 3000, "x" * 3000, "search.batch=1000000"])
def test_a_message_quotes_the_beginning_of_what_is_long(file: Path, word: str) -> None:
    with pytest.raises(SearchError) as caught:
        load_config(file, [word])
    assert len(str(caught.value)) < 400
