"""The result lines of `benchmark_model`, in every dialect of TFLite's and LiteRT's tools of that name.

Every tool prints its mean twice, by different routes. A result counts only when both are there and agree, so that a
cut, mixed or garbled output gives an error and not another number.
"""

import json
import math
import re
from dataclasses import dataclass

from device_bench.errors import RunnerError

_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"
_PREFIX = re.compile(r"^(?:(?:INFO|WARN|WARNING|ERROR|VERBOSE): )?(?:\[[^\]\n]*:\d+\] )?", re.MULTILINE)
_COUNT = re.compile(r"^count=(\d+)((?: [a-z0-9]+=[^\s()]+)*)(\(all same\))?[ \t]*$", re.MULTILINE)
_TIMINGS = re.compile(
    rf"^(?:Inference timings in us: Init: (?P<init>{_NUMBER}), First inference: {_NUMBER}, "
    rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): (?P<mean>{_NUMBER})"
    rf"|Average inference timings in us: Warmup: {_NUMBER}, Init: (?P<old_init>{_NUMBER}), "
    rf"(?:Inference|no stats): (?P<old_mean>{_NUMBER}))[ \t]*$",
    re.MULTILINE,
)
_SUMMARY = re.compile(rf"^Inference \(avg\):[ \t]+({_NUMBER}) ms \((\d+) runs\)[ \t]*$", re.MULTILINE)
_SUMMARY_INIT = re.compile(rf"^Model initialization:[ \t]+({_NUMBER}) ms[ \t]*$", re.MULTILINE)
_PEAK = re.compile(
    rf"^(?:(?:Peak memory footprint|Memory footprint delta from the start of the tool) \(MB\): "
    rf"init={_NUMBER} overall=({_NUMBER})|Overall footprint:[ \t]+({_NUMBER}) MB)[ \t]*$",
    re.MULTILINE,
)
_SIX_DIGITS = 1e-5  # both numbers are printed with six significant digits
_HUNDREDTH_US = 5.0 + 1e-6  # half of the last digit of a summary in ms with two decimals


@dataclass(frozen=True, slots=True)
class Lines:
    """What the lines say.

    Attributes:
        mean_us: Mean of the timed inferences.
        runs: How many they were.
        init_ms: Time to load and prepare the model, where told.
        peak_mb: Memory footprint in MB, where told.
    """

    mean_us: float
    runs: int
    init_ms: float | None
    peak_mb: float | None


def plain(text: str) -> str:
    """The text without the prefixes that newer builds put before each line."""
    return _PREFIX.sub("", text.replace("\r\n", "\n"))


def read_lines(text: str) -> Lines:
    """Reads `plain` output of either tool.

    Raises:
        RunnerError: The result is missing, is there only once, or does not agree with itself.
    """
    if results := _json_result(text):
        mean_us, runs = _python_tool(text, results)
    else:
        mean_us, runs = _last_count(text)
        _confirm(text, mean_us, runs)
    if not 0 < mean_us < math.inf:
        raise RunnerError(f"benchmark_model reports a mean of {mean_us:g} us over {runs} runs")
    return Lines(float(f"{mean_us:.6g}"), runs, _init_ms(text), _peak_mb(text))


def _last_count(text: str) -> tuple[float, int]:
    """The last line that starts with `count=` is the measurement's; those before are the warm-up's."""
    begun = [line for line in text.splitlines() if line.lstrip().startswith("count")]
    found = _COUNT.fullmatch(begun[-1].rstrip()) if begun else None
    if found is None:
        raise RunnerError(f"benchmark_model printed no result: {_excerpt(begun[-1] if begun else text)}")
    runs, same = int(found[1]), bool(found[3])
    if not runs:
        raise RunnerError("benchmark_model timed no inference")
    values = _statistics(found[2], begun[-1])
    if (same or runs == 1) and "curr" in values and "avg" not in values:
        return values["curr"], runs
    missing = [key for key in ("first", "curr", "min", "max", "avg", "std") if key not in values]
    if missing:
        raise RunnerError(f"benchmark_model's result lacks {', '.join(missing)}: {_excerpt(begun[-1])}")
    low, high = values["min"] * (1 - _SIX_DIGITS), values["max"] * (1 + _SIX_DIGITS)
    inside = all(low <= values[key] <= high for key in ("first", "curr", "avg", "p5", "median", "p95") if key in values)
    if not inside or values["std"] > high - low + 1:
        raise RunnerError(f"benchmark_model's result contradicts itself: {_excerpt(begun[-1])}")
    return values["avg"], runs


def _statistics(words: str, line: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for word in words.split():
        key, _, number = word.partition("=")
        if key in values or not re.fullmatch(_NUMBER, number):
            raise RunnerError(f"benchmark_model's result is garbled: {_excerpt(line)}")
        values[key] = float(number)
    return values


def _confirm(text: str, mean_us: float, runs: int) -> None:
    """Holds the mean against every other line that tells it; there must be one."""
    confirmed = 0
    for found in _TIMINGS.finditer(text):
        told = float(found["mean"] or found["old_mean"])
        confirmed += 1
        if told != float(f"{mean_us:.6g}"):
            raise RunnerError(f"benchmark_model reports a mean of both {mean_us:g} us and {told:g} us")
    for found in _SUMMARY.finditer(text):
        told = float(found[1]) * 1e3
        confirmed += 1
        if abs(told - mean_us) > _HUNDREDTH_US + mean_us * _SIX_DIGITS or int(found[2]) != runs:
            raise RunnerError(f"benchmark_model reports both {mean_us:g} us over {runs} runs and {found[0]!r}")
    if len(re.findall(r"Inference \(avg\)|Average inference timings", text)) != confirmed:
        raise RunnerError("benchmark_model's summary is garbled")
    if not confirmed:
        raise RunnerError("benchmark_model's output ends before its summary")


def _json_result(text: str) -> dict[str, object] | None:
    """The result that litert-benchmark writes with --result_json=/dev/stdout."""
    begin = text.find('{\n  "model"')
    if begin < 0:
        return None
    try:
        values, _ = json.JSONDecoder().raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise RunnerError(f"litert-benchmark's JSON is garbled: {error}") from error
    return values if isinstance(values, dict) else None


def _python_tool(text: str, results: dict[str, object]) -> tuple[float, int]:
    found = _SUMMARY.findall(text)
    latency = results.get("latency")
    try:
        told = (float(latency["avg_ms"]), int(latency["num_runs"]))  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        raise RunnerError("litert-benchmark's JSON lacks avg_ms or num_runs") from error
    if len(found) != 1 or (float(found[0][0]), int(found[0][1])) != told:
        raise RunnerError(f"litert-benchmark reports both {told} and {found}")
    return told[0] * 1e3, told[1]


def _init_ms(text: str) -> float | None:
    for found in _TIMINGS.finditer(text):
        return float(found["init"] or found["old_init"]) / 1e3
    found_ms = _SUMMARY_INIT.search(text)
    return float(found_ms[1]) if found_ms else None


def _peak_mb(text: str) -> float | None:
    """The growth that the tool saw; 0 is no growth but a tool that was started by a larger process."""
    found = _PEAK.search(text)
    return (float(found[1] or found[2]) or None) if found else None


def _excerpt(text: str) -> str:
    return repr(text.strip()[-100:]) if text.strip() else "it printed nothing"
