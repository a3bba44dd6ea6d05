"""A finished search beside a table: do both order its candidates alike, and is the front the same?

    make demo && python bench/table_agreement.py        (or: table_agreement.py RUN TABLE)

Cost: seconds, behind the demo. Expect for the demo and the table that ships: rank correlation above 0.95, most of the
front shared.
"""

import sys
from pathlib import Path

import numpy as np

from device_bench import LatencyTable
from device_bench.latency_table.scores import score
from mnas.run import Run


def main(run_path: Path, table_path: Path) -> None:
    table, run = LatencyTable.load(table_path), Run.open(run_path)
    rows = []
    for trial in run.open_study({}).get_trials(deepcopy=False):
        if trial.state.name == "COMPLETE":
            model = run.candidate(trial.user_attrs["arch_hash"]) / "model.tflite"
            rows.append((*trial.values, table.predict(model.read_bytes()).median_ms))
    if not rows:
        sys.exit(f"{run_path} has no finished trial")
    accuracy, measured, predicted = np.array(rows).T
    ours = score(predicted.tolist(), measured.tolist())
    fronts = front(accuracy, measured), front(accuracy, predicted)
    shared = len(fronts[0] & fronts[1])
    print(f"{len(rows)} candidates of {run_path}, measured on {run.config['latency']['device']}")
    print(f"rank correlation {ours.spearman:.3f}, mean absolute error {ours.mape:.1%}, bias {ours.bias:.1%}")
    print(f"pairs more than 5 % apart in the right order: {'-' if ours.pairs is None else f'{ours.pairs:.1%}'}")
    print(f"front by measurement {len(fronts[0])}, by the table {len(fronts[1])}, shared {shared}")


def front(accuracy: np.ndarray, latency: np.ndarray) -> set[int]:
    """Candidates that no other one beats in both."""
    return {
        index
        for index in range(len(accuracy))
        if not np.any(
            (accuracy >= accuracy[index])
            & (latency <= latency[index])
            & ((accuracy > accuracy[index]) | (latency < latency[index]))
        )
    }


if __name__ == "__main__":
    TABLES = sorted(Path(__file__).parents[1].glob("configs/tables/*-digits32.json"))
    RUN = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
    if RUN.exists():
        main(RUN, Path(sys.argv[2]) if len(sys.argv) > 2 else TABLES[0])
    else:
        print(f"{RUN} is not there: make demo first")
