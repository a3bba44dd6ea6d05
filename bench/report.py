"""What a report of 10,000 candidates of the full MnasNet space takes: figure, page, and work in the browser.

    python bench/report.py

The candidates are real points of the space with their real parameters and MACs; accuracy and latency are drawn at
random around a rising curve, for this times the report and not a search. Needs Chromium for the last three lines.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial

from reports import frame
from reports.figures import pareto, save
from reports.html import write_page
from reports.runs import read_run
from search_spaces import cost, describe, space

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from browser import Browser, missing

_CANDIDATES = 10_000
_ACTIONS = {
    "table sorted by latency": "document.querySelector('[data-key=latency_ms] button').click()",
    "table and charts filtered by words": (
        "const text = document.getElementById('filter').elements.text;"
        "text.value = 'k5 se0.25'; text.dispatchEvent(new Event('input'))"
    ),
}
T = TypeVar("T")


def timed(words: str, action: Callable[[], T]) -> T:
    """Runs an action and prints its seconds."""
    start = time.perf_counter()
    result = action()
    print(f"{words:44} {time.perf_counter() - start:7.2f} s", flush=True)
    return result


def candidates() -> list[FrozenTrial]:
    """Finished trials on random points of the space."""
    searched, rng = space("mnasnet"), np.random.default_rng(0)
    distributions = {one.name: CategoricalDistribution(one.choices) for one in searched.decisions}
    made = []
    for _ in range(_CANDIDATES):
        tokens = searched.sample(rng)
        arch = searched.decode(tokens)
        facts = describe(arch)
        latency = float(rng.gamma(8, 6))
        accuracy = float(np.clip(0.55 + 0.06 * np.log(latency) + rng.normal(0, 0.02), 0, 1))
        timing = {"median_ms": latency, "low_ms": 0.98 * latency, "high_ms": 1.02 * latency, "verdict": "valid"}
        facts |= {"accuracy_float": accuracy + 0.004, "reward": accuracy * (latency / 48) ** -0.07, "latency": timing}
        counted = cost(arch, (224, 224, 3), 1000)
        facts |= {"params": counted.params, "macs": counted.macs, "size_bytes": counted.params}
        choices = {one.name: one.choices[token] for one, token in zip(searched.decisions, tokens, strict=True)}
        made.append(
            create_trial(values=[accuracy, latency], params=choices, distributions=distributions, user_attrs=facts)
        )
    return made


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize", "minimize"], study_name="10,000 candidates")
    for key, value in {"target_ms": 48.0, "input_shape": [224, 224, 3], "classes": 1000}.items():
        study.set_user_attr(key, value)
    study.add_trials(candidates())
    run = read_run(study)
    table = timed("frame", lambda: frame(run))
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("png", "svg", "pdf"):
            timed(f"Pareto figure, {kind}", lambda: save(pareto(table, target_ms=48), Path(folder) / f"p.{kind}"))  # noqa: B023
        page = Path(folder) / "report.html"
        timed("page", lambda: write_page([run], page))
        print(f"{'page, size':44} {page.stat().st_size / 1e6:7.2f} MB")
        if reason := missing():
            print(reason)
            return
        browser = Browser(Path(folder) / "profile")
        try:
            timed("page opened in Chromium, charts drawn", lambda: browser.open(page))
            for words, script in _ACTIONS.items():
                spent = browser.run(
                    f"(() => {{ const t = performance.now(); {script}; return performance.now() - t }})()"
                )
                print(f"{words:44} {spent:7.1f} ms")
        finally:
            browser.driver.quit()


if __name__ == "__main__":
    main()
