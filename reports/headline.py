"""One sentence that anyone understands: what a search has found, against the best of the networks it was given.

It claims a difference only where the careful sentences of `reports.summary` would, which follow it, and names the split
of its accuracies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from reports.intervals import Interval, ratio, share_difference
from reports.runs import RunData, images
from reports.summary import Network, Split, count_words, network
from reports.tables import milliseconds, percent

_ABOUT = 1.05


def headline(run: RunData, table: pd.DataFrame) -> str:
    """The sentence; a second one where the best network is over the target or its timing is in doubt.

    Args:
        run: the run.
        table: `frame(run)`.
    """
    measured = table["accuracy"].notna() & table["latency_ms"].notna()
    done = table[measured & (table["kind"] == "candidate")]
    if done.empty:
        return _nothing(run)
    best = _best(run, done)
    found = "The best network found" if run.final is not None else "The best network found so far"
    nets = table[measured & (table["kind"] == "reference")]
    if nets.empty:
        sentence = _alone(run, best)
    else:
        worth = "reward" if nets["reward"].notna().any() else "accuracy"
        sentence = _against(run, best, nets.loc[nets[worth].idxmax()])
    return f"{found} {sentence}.{_doubts(run, best)}"


def _nothing(run: RunData) -> str:
    failed = run.count("FAIL")
    if failed:
        return f"No network has been found yet: {count_words(failed, 'trial')} failed and none has succeeded."
    return "No network has been found yet: no trial has finished."


def _best(run: RunData, done: pd.DataFrame) -> pd.Series:
    """The network that the ended search names, else the one of the highest reward, else the most accurate."""
    named = (run.final or {}).get("best")
    chosen = done[done["number"] == named.get("number")] if isinstance(named, Mapping) else done.iloc[:0]
    if len(chosen):
        return chosen.iloc[0]
    worth = "reward" if done["reward"].notna().any() else "accuracy"
    return done.sort_values([worth, "latency_ms"], ascending=[False, True]).iloc[0]


def _alone(run: RunData, best: pd.Series) -> str:
    split: Split = "test" if np.isfinite(best["test_accuracy"]) else "validation"
    net = network(best, run, split)
    right = f"is right on {percent(net.accuracy.value)} of the {_images(net, split)}"
    return f"{right} and takes {milliseconds(net.latency.value)}{_where(run, best)}"


def _against(run: RunData, best: pd.Series, reference: pd.Series) -> str:
    tested = np.isfinite([best["test_accuracy"], reference["test_accuracy"]]).all()
    split: Split = "test" if tested else "validation"
    ours, theirs = network(best, run, split), network(reference, run, split)
    faster, pace = _pace(ratio(theirs.latency, ours.latency), theirs.name + _where(run, best))
    better, words = _accuracy(ours, theirs, images(run, split), split)
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


def _accuracy(ours: Network, theirs: Network, count: int | None, split: Split) -> tuple[int, str]:
    """Whether it is more accurate (1), less (-1) or neither (0), and the words for it."""
    gain = share_difference(ours.accuracy, theirs.accuracy)
    numbers = f"{percent(ours.accuracy.value)} against {percent(theirs.accuracy.value)}"
    if gain.excludes(0):
        sign = 1 if gain.value > 0 else -1
        return sign, f"{'more' if sign > 0 else 'less'} accurate ({numbers} on {_images(ours, split)})"
    if gain.known:
        return 0, f"as accurate, as far as {count} {_images(ours, split)} can tell ({numbers})"
    return 0, f"measured at {numbers} accuracy"


def _images(net: Network, split: Split) -> str:
    return f"{split} images" if net.split else "images"


def _where(run: RunData, best: pd.Series) -> str:
    """What timed it, in words."""
    timing = run.trials[int(best["number"])].user_attrs.get("latency")
    timing = timing if isinstance(timing, Mapping) else {}
    conditions = timing.get("conditions")
    model = conditions.get("model") if isinstance(conditions, Mapping) else None
    if best["predicted"]:
        return " by a latency table's prediction"
    if timing.get("device") == "host":
        return " on this machine"
    return f" on {model}" if model else ""


def _doubts(run: RunData, best: pd.Series) -> str:
    doubts = ""
    if run.target_ms is not None and best["latency_ms"] > run.target_ms:
        doubts += f" It is slower than the target of {milliseconds(run.target_ms)}."
    if best["verdict"] not in ("", "valid"):
        doubts += f" Its timing is {best['verdict']}."
    return doubts
