"""100,000 damaged images, configurations, latency tables and TFLite files: none may end in a traceback or get lost.

    python bench/input_fuzz.py [--count 100000] [--processes 2] [--seed 0] [--kinds images,tables] [--keep FOLDER]
    python bench/input_fuzz.py --replay FOLDER/FILE

Each input goes to the entry that the product uses, in a process that may die. It is accepted with a sane result, or
refused in one line that names the file; anything else is a fault: another exception, a warning, a hang, a crash, too
much memory, an image that is neither read nor counted. Of each distinct fault the smallest input is kept in a folder,
to be replayed, and the exit code is 1. Takes about 10 minutes on 2 cores that do nothing else.
"""

import argparse
import collections
import contextlib
import io
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from fuzzing.cases import Case, load, save
from fuzzing.configurations import CONFIGURATIONS
from fuzzing.images import IMAGES
from fuzzing.judge import Verdict, judged, verdict_of
from fuzzing.latency_tables import TABLES
from fuzzing.tflite import TFLITE
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

KINDS = {"images": IMAGES, "configurations": CONFIGURATIONS, "tables": TABLES, "tflite": TFLITE}
_BATCH = 250
_OUTCOMES = ("accepted", "refused", "fault")


def drawn(kind: str, count: int, seed_: int) -> list[Case]:
    """Damaged inputs; equal seeds give equal ones."""
    cases: list[Case] = []

    def keep(case: Case) -> None:
        cases.append(case)

    run = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    seed(seed_)(run(given(KINDS[kind].cases)(keep)))()
    return cases


def fuzz(kind: str, count: int, seed_: int) -> tuple[str, collections.Counter, list[tuple[Verdict, Case]], float]:
    """Judges `count` damaged inputs, or the sound ones where it is 0.

    Returns:
        The kind, how many had each outcome, those that had not the right one, and the seconds of the slowest.
    """
    outcomes: collections.Counter = collections.Counter()
    faults, slowest_s = [], 0.0
    cases = drawn(kind, count, seed_) if count else KINDS[kind].sound()
    start = time.monotonic()
    for case, verdict in zip(cases, judged(KINDS[kind], cases), strict=True):
        slowest_s = max(slowest_s, time.monotonic() - start)
        start = time.monotonic()
        if not count and verdict.outcome == "refused":
            verdict = Verdict("fault", f"a sound input is refused: {case.name} {' '.join(case.words)}", verdict.detail)
        outcomes[verdict.outcome] += 1
        if verdict.outcome == "fault":
            faults.append((verdict, case))
    return kind, outcomes, faults, slowest_s


def warm() -> None:
    """Reads what a process reads once, so that its children need not."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for kind in KINDS.values():
            for case in kind.sound():
                verdict_of(kind, case)


def report(kind: str, group: str, faults: list[tuple[Verdict, Case]], keep: Path) -> None:
    """Prints a distinct fault, and keeps its smallest input."""
    verdict, case = min(faults, key=lambda one: len(one[1].content))
    label = re.sub(r"[^A-Za-z0-9]+", "-", group).strip("-")[:100]
    path = keep / f"{kind}-{label}"
    save(case, path)
    print(f"--- {kind}: {group}: {len(faults)} times\n    {case.words} {path}\n    {verdict.detail.strip()[-1500:]}")


def replay(path: Path) -> bool:
    """Judges a kept input again, and says all about it."""
    case = load(path)
    [verdict] = judged(KINDS[case.kind], [case])
    print(f"{case.kind} {case.name!r} {case.words}: {verdict.outcome} {verdict.group}\n{verdict.detail}")
    return verdict.outcome == "fault"


def main(words: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "input-fuzz")
    parser.add_argument("--replay", type=Path)
    arguments = parser.parse_args(words)
    if arguments.replay:
        return replay(arguments.replay)
    kinds = arguments.kinds.split(",")
    each = -(-arguments.count // len(kinds))
    sizes = [0, *(min(_BATCH, each - first) for first in range(0, each, _BATCH))]
    jobs = [(kind, size, hash((arguments.seed, number))) for number, size in enumerate(sizes) for kind in kinds]
    outcomes: collections.Counter = collections.Counter()
    slowest_s: dict[str, float] = dict.fromkeys(kinds, 0.0)
    faults: dict[tuple[str, str], list[tuple[Verdict, Case]]] = {}
    with ProcessPoolExecutor(arguments.processes, get_context("fork"), initializer=warm) as pool:
        for kind, counted, bad, took_s in pool.map(fuzz, *zip(*jobs, strict=True)):
            outcomes.update({(kind, outcome): number for outcome, number in counted.items()})
            slowest_s[kind] = max(slowest_s[kind], took_s)
            for verdict, case in bad:
                faults.setdefault((kind, verdict.group), []).append((verdict, case))
    for kind in kinds:
        told = "  ".join(f"{outcome} {outcomes[kind, outcome]:6}" for outcome in _OUTCOMES)
        print(f"{kind:15} {told}  slowest {slowest_s[kind]:.1f} s")
    for (kind, group), found in sorted(faults.items(), key=lambda one: (one[0][0], -len(one[1]))):
        report(kind, group, found, arguments.keep)
    print(f"inputs {outcomes.total()}, distinct faults {len(faults)}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
