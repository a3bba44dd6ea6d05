"""What a search found, in sentences with numbers that claim no more than both axes' uncertainty allows.

Between two networks the metric differs if the 95 % interval of the difference leaves out 0, and the latency if the
interval of the ratio leaves out 1; otherwise the sentence says that they cannot be told apart. Where the search has
ended, networks are compared on the test split, which chose none of them. Each value of the metric names its split.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from device_bench.terminal import counted
from mnas.search.standing import failure
from mnas.tasks import Metric
from reports.intervals import Interval, difference, measured, ratio
from reports.metrics import capitalized
from reports.runs import RunData, examples
from reports.tables import digits, milliseconds

_FEWEST_RANKED = 10
_NEARLY_SURE = 0.995
Split = Literal["validation", "test"]
_UNKNOWN = "how many {} that rests on is not known"
_TO, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Network:
    """One network.

    Attributes:
        name: in the tables.
        split: where its metric was measured, such as " on the test split"; empty where a run does not say.
        metric: with its interval.
        latency: with its interval, in milliseconds.
        chosen_by: its metric on the validation split.
    """

    name: str
    split: str
    metric: Interval
    latency: Interval
    chosen_by: float


def words(run: RunData, table: pd.DataFrame) -> list[str]:
    """The findings of one run, the most important first; never empty.

    Args:
        run: the run.
        table: `frame(run)`.
    """
    done = table[(table["kind"] == "candidate") & table[run.metric.key].notna() & table["latency_ms"].notna()]
    if done.empty:
        return [_nothing(run)]
    return [
        *_best_under_target(run, done),
        *_named_best(run),
        *_against_references(run, table, done),
        *_quantization(run, done),
        *_predicted(run, done),
        *_shared_weights(run),
        _basis(run),
    ]


def _nothing(run: RunData) -> str:
    failed, running = run.count("FAIL"), run.count("RUNNING", "WAITING")
    if not failed:
        return "No trial has finished yet." + (f" {counted(running, 'trial')} open." if running else "")
    reasons = Counter(failure(trial) for trial in run.trials if trial.state.name == "FAIL")
    return f"No trial has succeeded; {counted(failed, 'trial')} failed, most often with: {reasons.most_common(1)[0][0]}"


def _best_under_target(run: RunData, done: pd.DataFrame) -> list[str]:
    target, metric = run.target_ms, run.metric
    under = done if target is None else done[done["latency_ms"] <= target]
    if target is not None and under.empty:
        fastest = network(done.loc[done["latency_ms"].idxmin()], run, "validation")
        return [
            f"No candidate is under the target of {milliseconds(target)}; the fastest is {_whole(fastest, metric)}."
        ]
    row = under.loc[under.sort_values([metric.key, "latency_ms"], ascending=[not metric.maximize, True]).index[0]]
    best = network(row, run, "validation")
    place = "Under the target of " + milliseconds(target) if target is not None else "Of all candidates"
    text = f"{place} the {metric.best} is {_whole(best, metric)}."
    if target is not None and best.latency.known and best.latency.high > target:
        text += " Its latency interval reaches over the target."
    if row["verdict"] not in ("", "valid"):
        text += f" Its timing is {row['verdict']}."
    if np.isfinite(row[metric.test_key]):
        tested = measured(metric, row[metric.test_key], examples(run, "test"))
        text += f" On the test split it reaches {_with_ends(tested, metric)}."
    return [text, *_equals(run, under, row, best)]


def _equals(run: RunData, under: pd.DataFrame, chosen: pd.Series, best: Network) -> list[str]:
    """Who cannot be told apart from the best in the metric, and may be much faster."""
    metric, others = run.metric, under[(under.index != chosen.name) & ~under["repeated"]]
    if not best.metric.known or others.empty:
        return []
    nets = [network(row, run, "validation") for _, row in others.iterrows()]
    close = [other for other in nets if not difference(best.metric, other.metric).excludes(0)]
    if not close:
        return [f"Every other candidate there is {metric.compared(False)} beyond the noise{best.split}."]
    fastest = min(close, key=lambda net: net.latency.value)
    speed = ratio(best.latency, fastest.latency)
    text = f"{counted(len(close), 'other candidate')} there cannot be told apart from it in {metric.name}{best.split}"
    if speed.low > 1:
        text += f"; the fastest of them is {_whole(fastest, metric)}, {_times(speed)} as fast"
    return [text + "."]


def _named_best(run: RunData) -> list[str]:
    """The network that the ended search names, by reward, and how sure it is after training the top few again."""
    if run.final is None or run.final.confirmation is None:
        return []
    confirmation = run.final.confirmation
    standings = confirmation.standings
    chance = standings[0].probability if standings else None
    text = f"By reward the search names #{run.final.best.number} the best"
    if chance is None or confirmation.noise is None:
        return [f"{text}; nothing was trained again, so how much of that is luck is not known."]
    odds = f"{chance:.0%}" if chance < _NEARLY_SURE else "more than 99%"
    return [f"{text}: with probability {odds} among the top {len(standings)}, which were trained again."]


def _shared_weights(run: RunData) -> list[str]:
    """How far the ranking by shared weights could be trusted; every accuracy above is of a network trained alone."""
    if run.trust is None:
        return []
    text = f"As to {run.trust.words()}."
    if run.trust.reason:
        return [f"{text} The shared weights were not used, for {run.trust.reason}."]
    return [f"{text} They chose what was trained; every {run.metric.name} here is of a network trained alone."]


def _against_references(run: RunData, table: pd.DataFrame, done: pd.DataFrame) -> list[str]:
    key, test_key = run.metric.key, run.metric.test_key
    nets = table[(table["kind"] == "reference") & table[key].notna() & table["latency_ms"].notna()]
    texts = []
    for _, row in nets.iterrows():
        tested = np.isfinite(row[test_key]) and done[test_key].notna().any()
        split: Split = "test" if tested else "validation"
        rivals = done[done[test_key].notna()] if tested else done
        net = network(row, run, split)
        texts.append(_at_equal_latency(run, net, rivals, split))
        texts.append(_at_equal_metric(run, net, rivals, split))
    return texts


def _at_equal_latency(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> str:
    """What lies in the metric between the reference and the best candidate that is not slower."""
    metric, rivals = run.metric, rivals[rivals["latency_ms"] <= net.latency.value]
    if rivals.empty:
        return f"No candidate is as fast as {net.name} ({milliseconds(net.latency.value)})."
    # Chosen on the validation split even where the test split compares: choosing on it would flatter the winner.
    other = network(rivals.loc[(metric.sign * rivals[metric.key]).idxmax()], run, split)
    gain = difference(other.metric, net.metric)
    place = f"At no more latency than {net.name} ({milliseconds(net.latency.value)}),"
    points = f"{metric.difference_words(gain.value)} {metric.compared(metric.gain(gain.value) > 0)}"
    if gain.excludes(0):
        return f"{place} {other.name} is {points} ({_ends(gain, metric)}){net.split}."
    if not gain.known:
        return f"{place} {other.name} reads {points}{net.split}; {_UNKNOWN.format(run.task.examples)}."
    apart = f"{_ends(gain, metric)}{_unit(metric)}{net.split}"
    return f"{place} {other.name} cannot be told apart from it in {metric.name} ({apart})."


def _at_equal_metric(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> str:
    """Latency between the reference and the fastest candidate that reads at least as good."""
    metric, other = run.metric, _fastest_as_good(run, net, rivals, split)
    if other is None:
        return f"No candidate reads {metric.as_good} as {net.name} ({metric.words(net.metric.value)}){net.split}."
    speed = ratio(net.latency, other.latency)
    gain = difference(other.metric, net.metric)
    place = f"At {metric.no_worse} than {net.name} ({metric.words(net.metric.value)}{net.split}"
    place += f", difference {_ends(gain, metric)}{_unit(metric)})," if gain.known else "),"
    if speed.excludes(1) and speed.value < 1:
        slower = ratio(other.latency, net.latency)
        longer = f"takes {_times(slower)} as long: {milliseconds(other.latency.value)}"
        return f"{place} the fastest is {other.name}, which {longer}."
    if speed.excludes(1):
        return f"{place} {other.name} is {_times(speed)} as fast: {milliseconds(other.latency.value)}."
    if not speed.known:
        return f"{place} {other.name} reads {speed.value:.2f} times as fast, without an interval."
    return f"{place} {other.name} cannot be told apart from it in latency ({_times(speed)} as fast)."


def _fastest_as_good(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> Network | None:
    """On the validation split, and not refuted by the test split where that compares."""
    metric = run.metric
    as_good = metric.sign * rivals[metric.key] >= metric.gain(net.chosen_by)
    for _, row in rivals[as_good].sort_values("latency_ms").iterrows():
        other = network(row, run, split)
        gain = difference(other.metric, net.metric)
        if metric.gain(gain.value) >= 0 or not gain.excludes(0):
            return other
    return None


def _quantization(run: RunData, done: pd.DataFrame) -> list[str]:
    metric = run.metric
    change = (done[metric.key] - done[metric.float_key]).dropna()
    if change.empty:
        return []
    worst = (metric.sign * change).idxmin()
    middle, lowest = _signed(change.median(), metric), _signed(change[worst], metric)
    return [
        f"Against the float networks, int8 changes {metric.name} by {middle}{_unit(metric)} in the median "
        f"and {lowest} at worst ({done.loc[worst, 'name']}){_on(run, 'validation')}."
    ]


def _predicted(run: RunData, done: pd.DataFrame) -> list[str]:
    """A table's latency must not be taken for a measured one."""
    if not done["predicted"].any():
        return []
    source = run.facts.device or "a table"
    return [f"Latencies are predicted by {source}, not measured: measure the front before relying on it."]


def operations(table: pd.DataFrame) -> str:
    """How well MACs stand for latency among the networks of `table`, reference networks included."""
    known = table[table["macs"].notna() & table["latency_ms"].notna() & ~table["repeated"]]
    if len(known) < _FEWEST_RANKED:
        return "Latency is measured; MACs are counted."
    macs, latency = known["macs"].to_numpy(dtype=float), known["latency_ms"].to_numpy(dtype=float)
    order = np.argsort(macs)
    macs, latency = macs[order], latency[order]
    spread = 1.0
    for start, end in enumerate(np.searchsorted(macs, macs * 1.05, side="right")):
        spread = max(spread, latency[start:end].max() / latency[start])
        spread = max(spread, latency[start] / latency[start:end].min())
    rank = known["macs"].rank().corr(known["latency_ms"].rank())
    return (
        f"Rank correlation of MACs and latency over {len(known)} networks: {rank:.2f}. "
        f"Two networks within 5% of each other's MACs differ by up to {spread:.2f} times in latency."
    )


def _basis(run: RunData) -> str:
    things, metric = run.task.examples, run.metric
    sizes = {split: examples(run, split) for split in ("validation", "test")}
    counts = ", ".join(f"{size} {split} {things}" for split, size in sizes.items() if size)
    text = "In brackets: 95% intervals" + (f" ({counts})" if counts else "")
    text += f". They cover the {things} and the timing, not the luck of a single training."
    if run.final is None:
        values = capitalized(metric.several)
        return text + f" {values} are of the validation split, on which the search chose: they flatter the chosen."
    return text + f" Tables and charts show the {metric.name} on the validation split, where they do not say test."


def network(row: pd.Series, run: RunData, split: Split) -> Network:
    """A row of `frame(run)` with its intervals, its metric on the split named."""
    metric = run.metric
    value = measured(metric, float(row[metric.test_key if split == "test" else metric.key]), examples(run, split))
    latency = Interval(row["latency_ms"], row["latency_low_ms"], row["latency_high_ms"])
    return Network(row["name"], _on(run, split), value, latency, row[metric.key])


def _on(run: RunData, split: Split) -> str:
    return f" on the {split} split" if run.facts.splits is not None else ""


def _whole(net: Network, metric: Metric) -> str:
    time = milliseconds(net.latency.value)
    if net.latency.known:
        time += f" ({digits(net.latency.low)}{_TO}{digits(net.latency.high)})"
    return f"{net.name}: {_with_ends(net.metric, metric)}{net.split} at {time}"


def _with_ends(found: Interval, metric: Metric) -> str:
    """A value of the metric with its interval, where it is known."""
    text = metric.words(found.value)
    return f"{text} ({metric.digits(found.low)}{_TO}{metric.digits(found.high)})" if found.known else text


def _ends(gain: Interval, metric: Metric) -> str:
    return f"{_signed(gain.low, metric)} to {_signed(gain.high, metric)}"


def _signed(value: float, metric: Metric) -> str:
    text = metric.digits(abs(value))
    return text if float(text) == 0 else ("+" if value > 0 else _MINUS) + text


def _unit(metric: Metric) -> str:
    """Behind the number of a difference."""
    return f" {metric.difference_unit}" if metric.difference_unit else ""


def _times(speed: Interval) -> str:
    return f"{speed.value:.2f} times ({speed.low:.2f}{_TO}{speed.high:.2f})"
