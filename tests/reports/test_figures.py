"""Every figure is drawn, says what it must and is written whole in each format."""

import re
import zlib

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from reports import ReportError, frame, rewards
from reports.figures import pareto, save
from reports.frames import frames


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def ink(path):
    return float((np.asarray(Image.open(path).convert("L")) < 250).mean())


def pdf_objects(data):
    streams = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    return data + b"".join(zlib.decompressobj().decompress(part) for part in streams if part[:1] == b"x")


def test_pareto_figure_names_target_references_front_and_rewards(runs, tmp_path):
    run = runs.data(runs.trials(60), [runs.reference(), runs.reference("mobilenet-v2", 0.68, 3.6)])
    table = frame(run)
    figure = pareto(table, target_ms=4.0, reward=rewards.of_run(run), title="demo")
    assert isinstance(figure, Figure)
    text = words(figure)
    for word in (
        "target 4 ms",
        "mnasnet-a1",
        "mobilenet-v2",
        f"front ({table['on_front'].sum()})",
        "reward 0.",
        "demo",
    ):
        assert word in text
    save(figure, tmp_path / "p.png")
    assert ink(tmp_path / "p.png") > 0.01


def test_the_front_in_the_figure_is_the_front(runs):
    table = frame(runs.data())
    figure = pareto(table)
    (line,) = [line for line in figure.axes[0].lines if str(line.get_label()).startswith("front")]
    expected = table[table["on_front"]].sort_values("latency_ms")
    assert np.array_equal(line.get_xdata(), expected["latency_ms"])
    assert np.array_equal(line.get_ydata(), expected["accuracy"])


def test_pdf_embeds_its_fonts(runs, tmp_path):
    save(pareto(frame(runs.data())), tmp_path / "p.pdf")
    content = pdf_objects((tmp_path / "p.pdf").read_bytes())
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_same_data_same_file(runs, tmp_path, kind):
    for name in ("a", "b"):
        save(pareto(frame(runs.data())), tmp_path / f"{name}.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_names_are_text_not_formulas(runs, tmp_path):
    table = frame(runs.data(references=[runs.reference("$x<script>$")]))
    save(pareto(table, title="$\\frac$"), tmp_path / "p.svg")
    assert "<script>" not in (tmp_path / "p.svg").read_text()


def test_two_runs_are_laid_over_each_other(runs):
    table = frames([runs.study(runs.trials(10), name="ppo"), runs.study(runs.trials(10, seed=1), name="_random")])
    legend = pareto(table).axes[0].get_legend()
    assert [text.get_text().split(" (")[0] for text in legend.get_texts()] == ["front of ppo", "front of _random"]


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_or_one_point_is_drawn(runs, tmp_path, rows):
    save(pareto(frame(runs.data(runs.trials(rows))), target_ms=4.0), tmp_path / "p.png")
    assert ink(tmp_path / "p.png") > 0.002


def test_a_bare_frame_with_the_two_columns_is_enough(tmp_path):
    save(pareto(pd.DataFrame({"accuracy": [0.5, 0.6], "latency_ms": [1.0, 20.0]})), tmp_path / "p.svg")


def test_a_failed_write_leaves_nothing(runs, tmp_path):
    figure = pareto(frame(runs.data()))
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot write"):
        save(figure, tmp_path / "file" / "p.png")
    with pytest.raises(ReportError, match=r"\.png, \.svg or \.pdf"):
        save(figure, tmp_path / "p")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
