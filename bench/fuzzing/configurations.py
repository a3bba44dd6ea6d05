"""Damaged configurations with words that override them, read and checked as `mnas search CONFIG -o ...` does."""

import copy
import datetime
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import optuna
from hypothesis import strategies as st

import mnas.controllers.evolution
import mnas.controllers.sampler  # noqa: F401
from device_bench.errors import BenchError
from fuzzing.cases import TOKEN, Case, Kind, Refused, Wrong, named_by_caller
from fuzzing.damage import ODD_VALUES, damaged_bytes, damaged_tree, encoded
from mnas.config import Config, config_of
from mnas.config_file import load_config
from mnas.controllers.algorithms import ALGORITHMS, Assignment, algorithm
from mnas.data import load_data
from mnas.errors import SearchError
from mnas.latency.source import device_names, open_latency
from mnas.reward import Reward
from mnas.search.loop import checked
from mnas.search.trials import open_proposals
from search_spaces import Arch, Space
from search_spaces.errors import SpaceError

optuna.logging.set_verbosity(optuna.logging.WARNING)

_PLAIN: dict[str, Any] = {
    "search": {"run": "runs/x", "trials": 20},
    "data": {"source": "digits", "image_size": 32},
    "latency": {"target_ms": 1.0},
}
_DEVICES = tuple("host,host adb: adb:1:2:3 adb::: table: table:~nobody/x table:\0 adb-server: , x".split())
_ALGORITHMS = (
    *("GridSampler", "BaseSampler", "NSGAIISampler", "NSGAIIISampler", "BruteForceSampler", "PartialFixedSampler"),
    *("TPESampler", "QMCSampler", "GPSampler", "RandomSampler", "CmaEsSampler", "nsgaii", "_base", "os", "__class__"),
    *(*ALGORITHMS, "PPO", ""),
)
_SOURCES = tuple("folder: npz: keras: keras:os folder:~nobody/x npz:~nobody/x folder:\0 digits: DIGITS".split())
_PATHS = ("~/x", "~nobody/x", "~", "a/../..", "a?b", "a#b%20", ".", "/", "", "a\0b", "x" * 300, "é", "a b", "runs/old")
_URLS = ("sqlite://", "sqlite:///x?y", "mysql://x", "x", "sqlite:///\0", "redis://x")
_NAMES = ("mnasnet-a1", ["mnasnet-a1", "mnasnet-a1"], ["mobilenet-v2"], ["mnasnet-a1", 1.5], ["x"], [], ["runs/old"])
_CORES = ("big", "little", "all", "30", "0x30", "-1", "zz", "f0,f", 30, "")
_DATES = (datetime.date(2026, 11, 25), datetime.time(1, 2), 2026)
_WHOLE = (0, 1, 2, 3, 7, 8, 33, 1000, 10**6, 10**9, 10**18, 2**63, -1)
_NUMBERS = (*_WHOLE, 1e-300, 1e-9, 0.01, 0.5, 0.99, 1.0, 1.5, 100.0, 1e9, 1e300, -0.5)
_LIKELY: dict[tuple[str, str], tuple[Any, ...]] = {
    ("search", "run"): _PATHS + _DATES,
    ("search", "algorithm"): _ALGORITHMS,
    ("search", "start"): (*_NAMES, *([one] for one in _PATHS)),
    ("latency", "cache"): _PATHS + _DATES,
    ("latency", "device"): _DEVICES,
    ("latency", "cores"): _CORES,
    ("latency", "target_ms"): (*_NAMES, *_NUMBERS, [1.0, 2.0, 3.0], [1.0, 1.0], [1e-300, 1e300]),
    ("references", "names"): _NAMES,
    ("data", "source"): _SOURCES,
    ("study", "storage"): _URLS,
    ("study", "name"): (*_PATHS, *_DATES),
}
_ODD = (*_DEVICES, *_ALGORITHMS, *_SOURCES, *_PATHS, *_URLS, *_NAMES, *_CORES, *_DATES, *_NUMBERS)


@cache
def _full() -> dict[str, Any]:
    """The plain configuration with every key that has a default, as TOML can write it."""
    values = Config.model_validate(_PLAIN).to_dict()
    return {name: {key: one for key, one in part.items() if one is not None} for name, part in values.items()}


def use(case: Case, folder: Path) -> None:
    """Reads the configuration and checks all that a search checks before it opens data and device."""
    path = folder / case.name
    path.write_bytes(case.content)
    try:
        config = load_config(path, case.words)
    except SearchError as error:
        if str(error).startswith("override"):
            raise Refused from error
        raise
    _sane(config)
    with named_by_caller(SearchError, SpaceError, BenchError):
        _propose(config, _checked(config), folder / "controller.npz")


def _checked(config: Config) -> Space[Arch]:
    """What `run_search` checks before it trains anything; its messages name keys."""
    searched, _, _ = checked(config)
    if config.data.source.startswith(("folder:", "npz:")):
        load_data(config.data.source, image_size=config.data.image_size)
    if config.latency.device.startswith("table:"):
        open_latency(config.latency, lambda what: None, lambda line: None)
    else:
        device_names(config.latency.device)
    return searched


def _targets(config: Config) -> tuple[float | str, ...]:
    one = config.latency.target_ms
    return one if isinstance(one, tuple) else (one,)


def _propose(config: Config, searched: Space[Arch], checkpoint: Path) -> None:
    """The first proposal, which nothing may keep from being made once the references are trained."""
    kind, alpha, beta = config.reward.kind, config.reward.alpha, config.reward.beta
    rewards = tuple(Reward(kind, 1.0 if isinstance(one, str) else one, alpha, beta) for one in _targets(config))
    chosen, seed = algorithm(config.search.algorithm), config.search.seed
    sampler_of = chosen.samplers(Assignment(searched, rewards, config.search.batch or chosen.batch, seed, checkpoint))
    open_proposals(optuna.create_study(directions=["maximize", "minimize"]), searched, range(1), sampler_of)


def _sane(config: Config) -> None:
    """Values that a search can keep and use: finite, and paths that can be opened."""
    values = config.to_dict()
    try:
        text = json.dumps(values, allow_nan=False)
    except ValueError as error:
        raise Wrong(f"a number that is not finite: {error}") from error
    if config_of(config.space.name).model_validate(json.loads(text)) != config:
        raise Wrong(f"another configuration when it is read again: {text}")
    for key, path in (("search.run", config.search.run), ("latency.cache", config.latency.cache)):
        if path is not None and (str(path).startswith("~") or "\0" in str(path)):
            raise Wrong(f"{key} cannot be a path: {str(path)!r}")


def toml(tree: Any) -> str:
    """A tree as TOML; a table in a table is written in place."""
    if not isinstance(tree, dict):
        return f"x = {_value(tree)}\n"
    plain = "".join(f"{_key(key)} = {_value(one)}\n" for key, one in tree.items() if not isinstance(one, dict))
    parts = (f"[{_key(key)}]\n{_lines(one)}" for key, one in tree.items() if isinstance(one, dict))
    return plain + "".join(parts)


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(one)}\n" for key, one in table.items())


def _key(key: Any) -> str:
    return json.dumps(str(key))


def _value(value: Any) -> str:
    match value:
        case None:
            return '"None"'
        case bool():
            return str(value).lower()
        case float() if not math.isfinite(value):
            return str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return f"{{{', '.join(f'{_key(key)} = {_value(one)}' for key, one in value.items())}}}"
    return json.dumps(value)


@st.composite
def _word(draw: st.DrawFn) -> str:
    """An override: often well formed, with a value as people and scripts write them."""
    section = draw(st.sampled_from([*_full(), "", "x", "search.x"]))
    key = draw(st.sampled_from([*_full().get(section, ()), "", "x"]))
    value = draw(st.sampled_from([*ODD_VALUES, *_ODD]))
    text = draw(
        st.sampled_from([_value(value), str(value), str(value), f"'{value}'", f"{value} # x", f"{value}\ny = 1", ""])
    )
    return draw(st.sampled_from([f"{section}.{key}={text}"] * 9 + [f"{section}{key}", f"{section}.{key} = {text} "]))


@st.composite
def _likely(draw: st.DrawFn) -> dict[str, Any]:
    """A sound configuration but for one or two values, each of a kind that its key could take."""
    tree = copy.deepcopy(draw(st.sampled_from([_PLAIN, _full()])))
    places = [(section, key) for section, part in Config.model_validate(_PLAIN).to_dict().items() for key in part]
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(_LIKELY)) | st.sampled_from(places))
        section, key = place
        whole = isinstance(_full()[section].get(key), int)
        tree.setdefault(section, {})[key] = draw(st.sampled_from(_LIKELY.get(place, _WHOLE if whole else _NUMBERS)))
    return tree


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    words: list[str] = []
    match draw(st.sampled_from(["likely", "likely", "likely", "tree", "tree", "bytes", "words"])):
        case "likely":
            content = toml(draw(_likely())).encode()
        case "tree":
            content = draw(encoded(toml(draw(damaged_tree(_full(), _ODD)))))
        case "bytes":
            content = draw(damaged_bytes(draw(encoded(toml(_full())))))
        case _:
            content = toml(draw(st.sampled_from([_PLAIN, _full()]))).encode()
            words = draw(st.lists(_word(), min_size=1, max_size=2))
    return Case("configurations", f"{TOKEN}.toml", content, tuple(words))


def sound() -> list[Case]:
    """The seeds."""
    return [Case("configurations", f"{TOKEN}.toml", toml(tree).encode()) for tree in (_PLAIN, _full())]


CONFIGURATIONS = Kind(_cases(), sound, use)
