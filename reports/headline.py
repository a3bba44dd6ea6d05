"""One sentence that anyone understands: what a search has found, against the best of the networks it was given.

It claims a difference only where the careful sentences of `reports.summary` would, which follow it, and names the split
of its values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from device_bench.terminal import counted
from reports.intervals import Interval, difference, ratio
from reports.runs import RunData, examples
from reports.summary import Network, Split, network
from reports.tables import milliseconds

_ABOUT = 1.05


def headline(run: RunData, table: pd.DataFrame) -> str:
    """The sentence; a second one where the best network is over the target or its timing is in doubt.

    Args:
        run: the run.
        table: `frame(run)`.
    """
    measured = table[run.metric.key].notna() & table["latency_ms"].notna()
    done = table[measured & (table["kind"] == "candidate")]
    if done.empty:
        return _nothing(run)
    best = _best(run, done)
    found = "The best network found" if run.final is not None else "The best network found so far"
    nets = table[measured & (table["kind"] == "reference")]
    if nets.empty:
        sentence = _alone(run, best)
    else:
        sentence = _against(run, best, nets.loc[_worth(run, nets).idxmax()])
    return f"{found} {sentence}.{_doubts(run, best)}"


def _nothing(run: RunData) -> str:
    failed = run.count("FAIL")
    if failed:
        return f"No network has been found yet: {counted(failed, 'trial')} failed and none has succeeded."
    return "No network has been found yet: no trial has finished."


def _best(run: RunData, done: pd.DataFrame) -> pd.Series:
    """The network that the ended search names, else the one of the highest reward, else the best in the metric."""
    if run.final is not None:
        chosen = done[done["number"] == run.final.best.number]
        if len(chosen):
            return chosen.iloc[0]
    ranked = done.assign(worth=_worth(run, done)).sort_values(["worth", "latency_ms"], ascending=[False, True])
    return done.loc[ranked.index[0]]


def _worth(run: RunData, nets: pd.DataFrame) -> pd.Series:
    """By what networks are ranked: the reward where there is one."""
    return nets["reward"] if nets["reward"].notna().any() else run.metric.sign * nets[run.metric.key]


def _alone(run: RunData, best: pd.Series) -> str:
    split: Split = "test" if np.isfinite(best[run.metric.test_key]) else "validation"
    net = network(best, run, split)
    claim = run.metric.claimed(net.metric.value, _examples(run, net, split))
    return f"{claim} and takes {milliseconds(net.latency.value)}{_where(run, best)}"


def _against(run: RunData, best: pd.Series, reference: pd.Series) -> str:
    tested = np.isfinite([best[run.metric.test_key], reference[run.metric.test_key]]).all()
    split: Split = "test" if tested else "validation"
    ours, theirs = network(best, run, split), network(reference, run, split)
    faster, pace = _pace(ratio(theirs.latency, ours.latency), theirs.name + _where(run, best))
    better, words = _compared(run, ours, theirs, split)
    joint = " but " if faster * better < 0 else " and "
    verb = "is " if pace.startswith("takes") else ""
    return f"{pace}{joint}{verb}{words}"


def _pace(speed: Interval, than: str) -> tuple[int, str]:
    """Whether it is faster (1), slower (-1) or neither (0), and the words for it."""
    if speed.excludes(1) and speed.value > 1:
        return 1, f"is {speed.value:.2f} times as fast as {than}"
    if speed.excludes(1):
        return -1, f"takes {1 / speed.value:.2f} times as long as {than}"
    if speed.known:
        return 0, f"is as fast as {than}, as far as the timing can tell,"
    if 1 / _ABOUT < speed.value < _ABOUT:
        return 0, f"is about as fast as {than}"
    if speed.value > 1:
        return 1, f"is about {speed.value:.1f} times as fast as {than}"
    return -1, f"takes about {1 / speed.value:.1f} times as long as {than}"


def _compared(run: RunData, ours: Network, theirs: Network, split: Split) -> tuple[int, str]:
    """Whether it is better in the metric (1), worse (-1) or neither (0), and the words for it."""
    metric, gain = run.metric, difference(ours.metric, theirs.metric)
    numbers = f"{metric.words(ours.metric.value)} against {metric.words(theirs.metric.value)}"
    if gain.excludes(0):
        better = metric.gain(gain.value) > 0
        return 1 if better else -1, f"{metric.compared(better)} ({numbers} on {_examples(run, ours, split)})"
    if gain.known:
        seen = f"{examples(run, split)} {_examples(run, ours, split)}"
        return 0, f"{metric.as_good}, as far as {seen} can tell ({numbers})"
    return 0, f"measured at {numbers} {metric.name}"


def _examples(run: RunData, net: Network, split: Split) -> str:
    return f"{split} {run.task.examples}" if net.split else run.task.examples


def _where(run: RunData, best: pd.Series) -> str:
    """What timed it, in words."""
    if best["predicted"]:
        return " by a latency table's prediction"
    timing = run.records[int(best["number"])].latency
    if timing is None:
        return ""
    if timing.device == "host":
        return " on this machine"
    model = timing.conditions.get("model")
    return f" on {model}" if model else ""


def _doubts(run: RunData, best: pd.Series) -> str:
    doubts = ""
    if run.target_ms is not None and best["latency_ms"] > run.target_ms:
        doubts += f" It is slower than the target of {milliseconds(run.target_ms)}."
    if best["verdict"] not in ("", "valid"):
        doubts += f" Its timing is {best['verdict']}."
    return doubts
