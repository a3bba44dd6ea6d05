import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from reports import frame
from reports.frames import frames
from reports.tables import count, digits, fronts, latency_with_ends, percent, terminal, write_csv


def shown(table, width=80):
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(terminal(table))
    return console.export_text()


def test_the_terminal_table_holds_front_and_references_fastest_first(runs):
    run = runs.data(references=[runs.reference()])
    table = frame(run)
    text = shown(table)
    expected = pd.concat([fronts(table), table[table["kind"] == "reference"]]).sort_values("latency_ms")["name"]
    assert [line.split()[0] for line in text.splitlines()[3:] if line.strip()] == list(expected)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_names_with_brackets_are_no_style(runs):
    table = frame(runs.data(runs.trials(3), [runs.reference("[red]net[/red]")]))
    assert "[red]net[/red]" in shown(table, width=120)


def test_several_runs_have_a_column_of_their_own(runs):
    table = frames([runs.study(runs.trials(5), name="a"), runs.study(runs.trials(5, seed=1), name="b")])
    assert {line.split()[0] for line in shown(table, 120).splitlines()[3:] if line.strip()} == {"a", "b"}


def test_csv_reads_back(runs, tmp_path):
    table = fronts(frame(runs.data()))
    write_csv(table, tmp_path / "front.csv")
    back = pd.read_csv(tmp_path / "front.csv")
    assert np.allclose(back["accuracy"], table["accuracy"])
    assert back["blocks"].str.split().map(tuple).tolist() == table["blocks"].tolist()


def test_an_empty_run_has_an_empty_table_and_csv(runs, tmp_path):
    table = frame(runs.data([]))
    write_csv(fronts(table), tmp_path / "front.csv")
    assert len(pd.read_csv(tmp_path / "front.csv")) == 0
    assert len(shown(table).splitlines()) <= 4


@pytest.mark.parametrize(
    ("value", "words"), [(3_887_038, "3.89M"), (311_579_072, "312M"), (52_100, "52.1k"), (7, "7"), (pd.NA, "-")]
)
def test_counts(value, words):
    assert count(value) == words


def test_digits_percent_and_intervals():
    assert [digits(value) for value in (123.4, 12.34, 1.234, 0.06634, np.nan)] == ["123", "12.3", "1.23", "0.0663", "-"]
    assert (percent(0.8349), percent(np.nan)) == ("83.5%", "-")
    row = pd.Series({"latency_ms": 1.5, "latency_low_ms": 1.4, "latency_high_ms": np.nan})
    assert latency_with_ends(row) == "1.50"
    assert latency_with_ends(row.fillna(1.6)) == "1.50 (1.40-1.60)"
