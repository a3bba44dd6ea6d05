"""Every figure is drawn, says what it must and is written whole in each format."""

import json
import re
import zlib

import numpy as np
import optuna
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from reports import ReportError, frame, hypervolume, rewards
from reports.drawings import drawing_of
from reports.figures import (
    devices,
    latency_against_macs,
    networks,
    pareto,
    predicted_against_measured,
    progress,
    save,
)
from reports.frames import frames
from reports.runs import read_run
from reports.write import gallery
from search_spaces import to_json
from search_spaces.mnasnet.block_strings import from_block_strings


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


def all_figures(runs):
    run = runs.data(runs.trials(40), [runs.reference()])
    return gallery([run], frame(run))


def test_the_gallery_of_a_run_is_drawn_in_every_format(runs, tmp_path):
    drawn = all_figures(runs)
    expected = {"pareto", "progress", "accuracy_against_macs", "latency_against_macs", "float_against_int8", "networks"}
    assert set(drawn) == expected
    for name, figure in drawn.items():
        save(figure, tmp_path / f"{name}.png")
        assert ink(tmp_path / f"{name}.png") > 0.01
    save(drawn["networks"], tmp_path / "networks.pdf")
    assert (tmp_path / "networks.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("nets", [0, 2])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_every_figure_stands_a_run_with_little_in_it(runs, tmp_path, rows, nets):
    run = runs.data([*runs.trials(rows), runs.failed()], [runs.reference(f"_net{number}") for number in range(nets)])
    for name, figure in gallery([run], frame(run)).items():
        save(figure, tmp_path / f"{name}.png")


def test_progress_ends_at_the_hypervolume_and_the_best_reward(runs):
    table = frame(runs.data(runs.trials(50)))
    area, best = progress(table, reference=(0.0, 10.0)).axes
    assert area.lines[0].get_ydata()[-1] == pytest.approx(hypervolume(table, (0.0, 10.0)))
    assert best.lines[0].get_ydata()[-1] == table["reward"].max()


def test_prediction_figure_counts_who_is_within_the_band():
    measured = np.array([10.0, 20.0, 30.0, 40.0])
    table = pd.DataFrame({"latency_ms": measured, "predicted_ms": measured * [1.0, 1.04, 1.09, 1.30]})
    text = words(predicted_against_measured(table, title="a phone"))
    for word in ("75% within ±10%", "50% within ±5%", "largest error 30.0%", "4 networks", "a phone"):
        assert word in text


def test_prediction_figure_leaves_out_rows_without_both():
    table = pd.DataFrame({"latency_ms": [1.0, np.nan, 0.0], "predicted_ms": [1.0, 1.0, 1.0]})
    assert "1 network" in words(predicted_against_measured(table))
    with pytest.raises(ReportError, match="no row of the frame has both"):
        predicted_against_measured(table[1:])


def test_device_figure_names_devices_models_and_what_varies():
    rows = [
        {"model": model, "device": device, "threads": threads, "latency_ms": 10.0 / threads}
        for model in ("a", "_b")
        for device in ("Pixel 7", "Galaxy")
        for threads in (1, 4)
    ]
    figure = devices(pd.DataFrame(rows).assign(latency_low_ms=np.nan, latency_high_ms=50.0))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Pixel 7, 1 thr.", "Pixel 7, 4 thr.", "Galaxy, 1 thr.", "Galaxy, 4 thr."]
    assert [text.get_text().strip() for text in figure.axes[0].get_legend().get_texts()] == ["a", "_b"]


@pytest.mark.parametrize(
    ("draw", "table", "message"),
    [
        (devices, pd.DataFrame({"model": ["a"], "latency_ms": [1.0]}), "no column 'device'"),
        (devices, pd.DataFrame({"model": ["a"], "device": ["b"], "latency_ms": [0.0]}), "no row"),
        (devices, pd.DataFrame({"model": ["a"], "device": ["b"], "latency_ms": ["x"]}), "must hold numbers"),
        (latency_against_macs, pd.DataFrame({"latency_ms": [1.0]}), "no column 'macs'"),
        (progress, pd.DataFrame({"accuracy": [1.0]}), "no column 'latency_ms'"),
        (pareto, pd.DataFrame({"latency_ms": [1.0]}), "no column 'accuracy'"),
    ],
)
def test_a_missing_column_is_named(draw, table, message):
    with pytest.raises(ReportError, match=message):
        draw(table)


def drawn(attributes, facts):
    """The drawing of a trial of a study with these user attributes."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for key, value in facts.items():
        study.set_user_attr(key, value)
    study.add_trial(optuna.trial.create_trial(values=[0.5, 1.0], user_attrs=attributes))
    run = read_run(study)
    return drawing_of(run.records[0], run)


def test_networks_show_layers_repeats_and_shapes():
    blocks = ["r1_k3_s11_e1_i32_o16_noskip", "r3_k5_s22_e3_i16_o40_se0.25", "r2_k3_s22_e6_i40_o80_conv"]
    arch = json.loads(to_json(from_block_strings(blocks)))
    boxes = drawn({"arch": arch}, {"input_shape": [224, 224, 3], "classes": 10})
    text = words(networks({"net": boxes})).replace("\N{MULTIPLICATION SIGN}", "x")
    for word in (
        "SepConv k3x3",
        "MBConv3 k5x5, SE",
        "x3",
        "Conv k3x3",
        "224x224x3",
        "112x112x16",
        "56x56x40",
        "28x28x80",
    ):
        assert word in text


@pytest.mark.parametrize("drawings", [{}, {"net": ()}])
def test_networks_of_which_nothing_is_known_are_refused(drawings):
    with pytest.raises(ReportError, match="nothing to draw"):
        networks(drawings)


@pytest.mark.parametrize(
    ("attributes", "facts", "names"),
    [
        (
            {"arch": {"type": "nasnet"}, "blocks": ["cell a", "cell b"]},
            {"input_shape": [32, 32, 3]},
            ["cell a", "cell b"],
        ),
        ({"arch": None, "blocks": ["r1_k3_what"]}, {}, ["r1_k3_what"]),
        ({"arch": {"type": "toy", "kernel": 3, "filters": 8, "pool": "max"}}, {"input_shape": [8, 8, 3]}, ["Toy of 8"]),
    ],
)
def test_a_network_is_drawn_by_its_family_or_else_by_its_notation(attributes, facts, names):
    boxes = drawn(attributes, facts)
    assert [box.name for box in boxes[-1 - len(names) : -1]] == names
    assert boxes[-1].name == "pooling, FC"


def test_a_network_of_which_nothing_is_stored_is_not_drawn():
    assert drawn({"arch": {"type": "mnasnet"}}, {"input_shape": [32, 32, 3]}) == ()
    assert drawn({}, {"input_shape": "32"}) == ()
