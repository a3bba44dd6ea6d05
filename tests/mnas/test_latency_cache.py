from pathlib import Path

import pytest

from device_bench.timing.timing import Timing
from mnas.errors import SearchError
from mnas.latency.cache import LatencyCache, cache_key

TIMING = Timing(1.5, 1.4, 1.6, 150, 3, "host", "LiteRT 2.3.0", "int8", 1)


def test_what_one_search_puts_another_gets(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "cache.jsonl"
    first = LatencyCache(path)
    assert first.get("a") is None
    first.put("a", TIMING)
    assert LatencyCache(path).get("a") == TIMING


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    one, other = LatencyCache(path), LatencyCache(path)
    for number in range(10):
        (one if number % 2 else other).put(str(number), TIMING)
    assert all(LatencyCache(path).get(str(number)) for number in range(10))


def test_a_line_cut_short_is_passed_over_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    cache = LatencyCache(path)
    cache.put("a", TIMING)
    cache.put("b", TIMING)
    path.write_bytes(path.read_bytes()[:-20])
    LatencyCache(path).put("c", TIMING)
    again = LatencyCache(path)
    assert (again.get("a"), again.get("b"), again.get("c")) == (TIMING, None, TIMING)


@pytest.mark.parametrize("text", ["hello\n", '{"key": 1}\n', '{"key": "a", "timing": {"median_ms": 1}}\n'])
def test_another_kind_of_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cache.jsonl"
    path.write_text(text)
    with pytest.raises(SearchError, match=":1 is not a cached latency"):
        LatencyCache(path)


def test_keys_do_not_depend_on_the_order_of_conditions() -> None:
    assert cache_key("h", {"a": 1, "b": 2}) == cache_key("h", {"b": 2, "a": 1})
    assert cache_key("h", {"a": 1}) != cache_key("h", {"a": 2})
