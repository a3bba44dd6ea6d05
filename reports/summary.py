"""What a search found, in sentences with numbers that claim no more than both axes' uncertainty allows.

Between two networks the accuracy differs if the 95 % interval of the difference leaves out 0, and the latency if the
interval of the ratio leaves out 1; otherwise the sentence says that they cannot be told apart. Where the search has
ended, networks are compared on the test split, which chose none of them. Each accuracy names its
split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reports.intervals import Interval, ratio, share, share_difference
from reports.runs import RunData, images, number
from reports.tables import digits, milliseconds

_FEWEST_RANKED = 10
_NEARLY_SURE = 0.995
Split = Literal["validation", "test"]
_TO, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Network:
    """One network.

    Attributes:
        name: in the tables.
        split: where its accuracy was measured, such as " on the test split"; empty where a run does not say.
        accuracy: with its interval.
        latency: with its interval, in milliseconds.
        chosen_by: its accuracy on the validation split.
    """

    name: str
    split: str
    accuracy: Interval
    latency: Interval
    chosen_by: float


def words(run: RunData, table: pd.DataFrame) -> list[str]:
    """The findings of one run, the most important first; never empty.

    Args:
        run: the run.
        table: `frame(run)`.
    """
    done = table[(table["kind"] == "candidate") & table["accuracy"].notna() & table["latency_ms"].notna()]
    if done.empty:
        return [_nothing(run)]
    return [
        *_best_under_target(run, done),
        *_named_best(run),
        *_against_references(run, table, done),
        *_quantization(run, done),
        *_predicted(run, done),
        _basis(run),
    ]


def _nothing(run: RunData) -> str:
    failed, running = run.count("FAIL"), run.count("RUNNING", "WAITING")
    if not failed:
        return "No trial has finished yet." + (f" {count_words(running, 'trial')} open." if running else "")
    reasons = Counter(
        str(trial.user_attrs.get("error", "unknown reason")) for trial in run.trials if trial.state.name == "FAIL"
    )
    failures = count_words(failed, "trial")
    return f"No trial has succeeded; {failures} failed, most often with: {reasons.most_common(1)[0][0]}"


def _best_under_target(run: RunData, done: pd.DataFrame) -> list[str]:
    target = run.target_ms
    under = done if target is None else done[done["latency_ms"] <= target]
    if target is not None and under.empty:
        fastest = network(done.loc[done["latency_ms"].idxmin()], run, "validation")
        return [f"No candidate is under the target of {milliseconds(target)}; the fastest is {_whole(fastest)}."]
    row = under.loc[under.sort_values(["accuracy", "latency_ms"], ascending=[False, True]).index[0]]
    best = network(row, run, "validation")
    place = "Under the target of " + milliseconds(target) if target is not None else "Of all candidates"
    text = f"{place} the most accurate is {_whole(best)}."
    if target is not None and best.latency.known and best.latency.high > target:
        text += " Its latency interval reaches over the target."
    if row["verdict"] not in ("", "valid"):
        text += f" Its timing is {row['verdict']}."
    if np.isfinite(row["test_accuracy"]):
        text += f" On the test split it reaches {share_words(share(row['test_accuracy'], images(run, 'test')))}."
    return [text, *_equals(run, under, row, best)]


def _equals(run: RunData, under: pd.DataFrame, chosen: pd.Series, best: Network) -> list[str]:
    """Who cannot be told apart from the most accurate one, and may be much faster."""
    others = under[(under.index != chosen.name) & ~under["repeated"]]
    if not best.accuracy.known or others.empty:
        return []
    close = [
        other
        for _, row in others.iterrows()
        if share_difference(best.accuracy, (other := network(row, run, "validation")).accuracy).low <= 0
    ]
    if not close:
        return [f"Every other candidate there is less accurate beyond the noise{best.split}."]
    fastest = min(close, key=lambda net: net.latency.value)
    speed = ratio(best.latency, fastest.latency)
    text = f"{count_words(len(close), 'other candidate')} there cannot be told apart from it in accuracy{best.split}"
    if speed.low > 1:
        text += f"; the fastest of them is {_whole(fastest)}, {_times(speed)} as fast"
    return [text + "."]


def _named_best(run: RunData) -> list[str]:
    """The network that the ended search names, by reward, and how sure it is after training the top few again."""
    final = run.final or {}
    best, confirmation = final.get("best"), final.get("confirmation")
    if not isinstance(best, Mapping) or not isinstance(confirmation, Mapping):
        return []
    standings = confirmation.get("standings") or []
    chance = number(standings[0].get("probability")) if standings and isinstance(standings[0], Mapping) else None
    text = f"By reward the search names #{best.get('number')} the best"
    if chance is None or number(confirmation.get("noise")) is None:
        return [f"{text}; nothing was trained again, so how much of that is luck is not known."]
    odds = f"{chance:.0%}" if chance < _NEARLY_SURE else "more than 99%"
    return [f"{text}: with probability {odds} among the top {len(standings)}, which were trained again."]


def _against_references(run: RunData, table: pd.DataFrame, done: pd.DataFrame) -> list[str]:
    nets = table[(table["kind"] == "reference") & table["accuracy"].notna() & table["latency_ms"].notna()]
    texts = []
    for _, row in nets.iterrows():
        tested = np.isfinite(row["test_accuracy"]) and done["test_accuracy"].notna().any()
        split: Split = "test" if tested else "validation"
        rivals = done[done["test_accuracy"].notna()] if tested else done
        net = network(row, run, split)
        texts.append(_at_equal_latency(run, net, rivals, split))
        texts.append(_at_equal_accuracy(run, net, rivals, split))
    return texts


def _at_equal_latency(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> str:
    """Points of accuracy between the reference and the best candidate that is not slower."""
    rivals = rivals[rivals["latency_ms"] <= net.latency.value]
    if rivals.empty:
        return f"No candidate is as fast as {net.name} ({milliseconds(net.latency.value)})."
    # Chosen by validation accuracy even where the test split compares: choosing on it would flatter the winner.
    other = network(rivals.loc[rivals["accuracy"].idxmax()], run, split)
    gain = share_difference(other.accuracy, net.accuracy)
    place = f"At no more latency than {net.name} ({milliseconds(net.latency.value)}),"
    points = f"{abs(100 * gain.value):.1f} points {'more' if gain.value > 0 else 'less'} accurate"
    if gain.excludes(0):
        return f"{place} {other.name} is {points} ({_points(gain)}){net.split}."
    if not gain.known:
        return f"{place} {other.name} reads {points}{net.split}; how many images that rests on is not known."
    return f"{place} {other.name} cannot be told apart from it in accuracy ({_points(gain)} points{net.split})."


def _at_equal_accuracy(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> str:
    """Latency between the reference and the fastest candidate that reads at least as accurate."""
    other = _fastest_as_accurate(run, net, rivals, split)
    if other is None:
        return f"No candidate reads as accurate as {net.name} ({100 * net.accuracy.value:.1f}%){net.split}."
    speed = ratio(net.latency, other.latency)
    gain = share_difference(other.accuracy, net.accuracy)
    place = f"At no less accuracy than {net.name} ({100 * net.accuracy.value:.1f}%{net.split}"
    place += f", difference {_points(gain)} points)," if gain.known else "),"
    if speed.excludes(1) and speed.value < 1:
        slower = ratio(other.latency, net.latency)
        longer = f"takes {_times(slower)} as long: {milliseconds(other.latency.value)}"
        return f"{place} the fastest is {other.name}, which {longer}."
    if speed.excludes(1):
        return f"{place} {other.name} is {_times(speed)} as fast: {milliseconds(other.latency.value)}."
    if not speed.known:
        return f"{place} {other.name} reads {speed.value:.2f} times as fast, without an interval."
    return f"{place} {other.name} cannot be told apart from it in latency ({_times(speed)} as fast)."


def _fastest_as_accurate(run: RunData, net: Network, rivals: pd.DataFrame, split: Split) -> Network | None:
    """By validation accuracy, and not refuted by the test split where that compares."""
    floor = net.chosen_by
    for _, row in rivals[rivals["accuracy"] >= floor].sort_values("latency_ms").iterrows():
        other = network(row, run, split)
        gain = share_difference(other.accuracy, net.accuracy)
        if gain.value >= 0 or not gain.excludes(0):
            return other
    return None


def _quantization(run: RunData, done: pd.DataFrame) -> list[str]:
    change = (done["accuracy"] - done["accuracy_float"]).dropna()
    if change.empty:
        return []
    worst = change.idxmin()
    return [
        f"Against the float networks, int8 changes accuracy by {_signed(100 * change.median())} points in the median "
        f"and {_signed(100 * change[worst])} at worst ({done.loc[worst, 'name']}){_on(run, 'validation')}."
    ]


def _predicted(run: RunData, done: pd.DataFrame) -> list[str]:
    """A table's latency must not be taken for a measured one."""
    if not done["predicted"].any():
        return []
    source = str(run.facts.get("device") or "a table")
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
    sizes = {split: images(run, split) for split in ("validation", "test")}
    counts = ", ".join(f"{size} {split} images" for split, size in sizes.items() if size)
    text = "In brackets: 95% intervals" + (f" ({counts})" if counts else "")
    text += ". They cover the images and the timing, not the luck of a single training."
    if run.final is None:
        return text + " Accuracies are of the validation split, on which the search chose: they flatter the chosen."
    return text + " Tables and charts show the accuracy on the validation split, where they do not say test."


def network(row: pd.Series, run: RunData, split: Split) -> Network:
    """A row of `frame(run)` with its intervals, its accuracy on the split named."""
    value = row["test_accuracy"] if split == "test" else row["accuracy"]
    latency = Interval(row["latency_ms"], row["latency_low_ms"], row["latency_high_ms"])
    return Network(row["name"], _on(run, split), share(float(value), images(run, split)), latency, row["accuracy"])


def _on(run: RunData, split: Split) -> str:
    return f" on the {split} split" if isinstance(run.facts.get("splits"), Mapping) else ""


def _whole(net: Network) -> str:
    time = milliseconds(net.latency.value)
    if net.latency.known:
        time += f" ({digits(net.latency.low)}{_TO}{digits(net.latency.high)})"
    return f"{net.name}: {share_words(net.accuracy)}{net.split} at {time}"


def share_words(accuracy: Interval) -> str:
    """An accuracy with its interval, where it is known."""
    text = f"{100 * accuracy.value:.1f}%"
    return f"{text} ({100 * accuracy.low:.1f}{_TO}{100 * accuracy.high:.1f})" if accuracy.known else text


def _points(gain: Interval) -> str:
    return f"{_signed(100 * gain.low)} to {_signed(100 * gain.high)}"


def _signed(value: float) -> str:
    text = f"{abs(value):.1f}"
    return text if float(text) == 0 else ("+" if value > 0 else _MINUS) + text


def _times(speed: Interval) -> str:
    return f"{speed.value:.2f} times ({speed.low:.2f}{_TO}{speed.high:.2f})"


def count_words(many: int, noun: str) -> str:
    """Such as "1 trial" or "3 trials"."""
    return f"{many} {noun}{'' if many == 1 else 's'}"
