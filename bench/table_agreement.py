"""A finished search beside a table: do both order its candidates alike, and is the front the same?

    make demo && python bench/table_agreement.py        (or: table_agreement.py RUN TABLE)

The candidates are also timed once more as a check of a table times networks, which tells what the run's own timing is
worth: no table can agree with it better than a repetition does. Cost: a minute, behind the demo. Expect for the demo
and a table of this machine: rank correlation with the repetition above 0.95, and with the run what the repetition has;
most of the front shared. A table of another machine, as the one that ships may be, is refused with both times.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from device_bench import LatencyTable
from device_bench.latency_table.batch import NETWORK_SPEC
from device_bench.latency_table.check import measure_networks
from device_bench.latency_table.parts import Network
from device_bench.latency_table.samples import lowest_ms
from device_bench.latency_table.scores import score, spearman
from device_bench.timing.protocol import TimingProtocol
from mnas.errors import SearchError
from mnas.latency_tables.at_hand import confirm
from mnas.latency_tables.run import open_for_tables
from mnas.run import Run


def main(run_path: Path, table_path: Path) -> None:
    table, run = LatencyTable.load(table_path), Run.open(run_path)
    try:
        confirm(table, table_path, print, check=True, override="a table of this machine as the second argument")
    except SearchError as error:
        print(error)
        return
    finished = [one for one in run.open_study({}).get_trials(deepcopy=False) if one.state.name == "COMPLETE"]
    if not finished:
        sys.exit(f"{run_path} has no finished trial")
    files = [run.candidate(run.finished(one).arch_hash) / "model.tflite" for one in finished]
    accuracy, measured = np.array([one.values for one in finished]).T
    predicted = np.array([table.predict(file.read_bytes()).median_ms for file in files])
    repeated = timed_again(files, table)

    print(f"{len(files)} candidates of {run_path}, measured on {run.config.latency.device}")
    for title, guess, truth in (
        ("table against the run", predicted, measured),
        ("table against a repetition", predicted, repeated),
        ("run against a repetition", measured, repeated),
    ):
        ours = score(guess.tolist(), truth.tolist())
        pairs = "-" if ours.pairs is None else f"{ours.pairs:.1%}"
        print(
            f"{title:28} rank correlation {spearman(guess, truth):.3f}, mean absolute error {ours.mape:.1%},"
            f" bias {ours.bias:.1%}, pairs more than 5 % apart in order {pairs}"
        )
    fronts = {
        name: front(accuracy, latency)
        for name, latency in (("run", measured), ("table", predicted), ("repetition", repeated))
    }
    print(", ".join(f"front by the {name} {len(one)}" for name, one in fronts.items()), end="; ")
    print(f"run and table share {len(fronts['run'] & fronts['table'])}", end=", ")
    print(f"repetition and table {len(fronts['repetition'] & fronts['table'])}")


def timed_again(files: list[Path], table: LatencyTable) -> np.ndarray:
    """The latency of each file on the table's device, in milliseconds."""
    networks = [Network(str(index), str(file.resolve()), (), 0) for index, file in enumerate(files)]
    spec = replace(NETWORK_SPEC, threads=table.facts["threads"])
    with open_for_tables(table.facts["name"], realtime=False) as device:
        samples = measure_networks(
            device, networks, Path(), spec, TimingProtocol(), sessions=8, rng=np.random.default_rng(0)
        )
    return np.array([lowest_ms(samples[one.name]) for one in networks])


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
