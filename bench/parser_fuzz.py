"""100,000 damaged outputs of the benchmark tools: how many are refused, how many still give the right number.

    python bench/parser_fuzz.py [--count 100000] [--processes 2] [--seed 0]

Takes about 4 minutes on 2 cores. Expect `wrong 0`; any other result is printed with its text and exits with 1.
"""

import argparse
import collections
import functools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from mutations import mutated
from tiny_model import tiny_model
from tool_outputs import OUTPUTS, Output

from device_bench.errors import RunnerError
from device_bench.local import LocalTransport
from device_bench.runners.benchmark_lines import plain, read_lines
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.runners.native_runner import install_native
from device_bench.runners.runner import BenchSpec
from device_bench.transport import Completed


@dataclass(frozen=True)
class Dialect:
    name: str
    whole: str
    parse: Callable[[str], float]
    right_us: float
    tolerance_us: float

    def verdict(self, text: str) -> str:
        try:
            told_us = self.parse(text)
        except RunnerError:
            return "refused"
        return "right" if abs(told_us - self.right_us) <= self.tolerance_us else "wrong"


def mean_of(output: Output, text: str) -> float:
    return BenchmarkModel("b", output.tool).parse(output.spec, Completed(0, text, "")).center_us


def captured() -> Iterator[Dialect]:
    """What the two tools that run here print, with the number that is right."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.tflite"
        model.write_bytes(tiny_model(operators=60, side=224))
        transport = LocalTransport("host")
        runner = install_native(transport)
        spec = BenchSpec(runs=9, warmup_runs=2)
        line = transport.shell(runner.argv(spec, str(model)), timeout_s=60).stdout
        transport.close()
        tool = str(Path(sys.executable).with_name("litert-benchmark"))
        words = [tool, f"--model={model}", "--num_runs=20", "--result_json=/dev/stdout"]
        report = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    ours = lambda text: runner.parse(spec, Completed(0, text, "")).center_us  # noqa: E731
    theirs = lambda text: read_lines(plain(text)).mean_us  # noqa: E731
    yield Dialect("litert_bench", line, ours, statistics.median(json.loads(line)["samples_us"]), 0.02)
    yield Dialect("litert-benchmark", report, theirs, theirs(report), 0.0)


def dialects() -> Iterator[Dialect]:
    for name, output in OUTPUTS.items():
        parse = functools.partial(mean_of, output)
        yield Dialect(name, output.stdout + output.stderr, parse, output.mean_us, output.tolerance_us)
    yield from captured()


def damaged(whole: str, run: settings, seed_: int) -> list[str]:
    texts: list[str] = []

    def keep(text: str) -> None:
        texts.append(text)

    seed(seed_)(run(given(mutated([whole]))(keep)))()
    return texts


def fuzz(count: int, seed_: int) -> tuple[collections.Counter, list[tuple]]:
    """Damage `count` outputs of each dialect; give how each turned out, and the wrong ones."""
    outcomes = collections.Counter()
    wrong = []
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    run = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=checks,
    )
    for dialect in dialects():
        for text in damaged(dialect.whole, run, seed_):
            verdict = dialect.verdict(text)
            outcomes[dialect.name, verdict] += 1
            if verdict == "wrong":
                wrong.append((dialect.name, dialect.parse(text), dialect.right_us, text))
    return outcomes, wrong


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    each = -(-arguments.count // (arguments.processes * (len(OUTPUTS) + 2)))
    outcomes, wrong = collections.Counter(), []
    with ProcessPoolExecutor(arguments.processes) as pool:
        seeds = [arguments.seed * 1000 + number for number in range(arguments.processes)]
        for counted, bad in pool.map(fuzz, [each] * arguments.processes, seeds):
            outcomes += counted
            wrong += bad
    for name in sorted({name for name, _ in outcomes}):
        row = {verdict: outcomes[name, verdict] for verdict in ("right", "refused", "wrong")}
        print(f"{name:18}", *(f"{verdict} {number:6}" for verdict, number in row.items()))
    print(f"damaged outputs: {outcomes.total()}, wrong {len(wrong)}")
    for name, told_us, right_us, text in wrong[:5]:
        print(f"--- {name}: {told_us} instead of {right_us}\n{text}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
