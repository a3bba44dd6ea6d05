"""Labels lie on no point and on no other label: in the page and in the figure, on fronts of every kind."""

import numpy as np
import pandas as pd
import pytest

from reports import frame, rewards
from reports.figures import pareto
from reports.html import write_page

pytestmark = pytest.mark.xdist_group("browser")

LABELS = """[...document.querySelectorAll('#front-chart .netname, #front-chart .hint')].map((node) => {
  const box = node.getBoundingClientRect();
  return [node.textContent, box.left, box.top, box.right, box.bottom];
})"""
POINTS = """(() => {
  const svg = document.querySelector('#front-chart svg').getBoundingClientRect();
  const centre = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const marks = [...document.querySelectorAll('#front-chart path.dot, #front-chart path.net')];
  const path = document.querySelector('#front-chart path.cloud').getAttribute('d');
  const cloud = path.matchAll(/M([\\d.-]+) ([\\d.-]+)h0/g);
  return [...marks.map((mark) => [...centre(mark.getBoundingClientRect()), 4.5]),
          ...[...cloud].map(([, x, y]) => [svg.left + Number(x), svg.top + Number(y), 3])];
})()"""


def nets(runs, count, name="net-{}"):
    return [runs.reference(name.format(k), 0.66 + 0.012 * (k % 5), 2.4 + 0.22 * k) for k in range(count)]


def fronts(runs):
    long = "a-reference-network-with-a-rather-long-name-{}"
    return {
        "few points": runs.data(runs.trials(2), nets(runs, 2)),
        "many networks": runs.data(runs.trials(30), nets(runs, 12)),
        "long names": runs.data(runs.trials(20), nets(runs, 5, long)),
        "dense": runs.data(runs.trials(600), nets(runs, 3)),
        "no reference": runs.data(runs.trials(40)),
        "on each other": runs.data(runs.trials(10), [runs.reference(f"twin-{k}") for k in range(4)]),
    }


KINDS = ("few points", "many networks", "long names", "dense", "no reference", "on each other")


def clashes(labels, points):
    """Pairs of a label and what lies on it; labels as (text, left, top, right, bottom), points as (x, y, radius)."""
    found = []
    for index, (text, left, top, right, bottom) in enumerate(labels):
        for other, left2, top2, right2, bottom2 in labels[:index]:
            if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
                found.append((text, other))
        for x, y, r in points:
            if left < x + r and x - r < right and top < y + r and y - r < bottom:
                found.append((text, (x, y)))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_the_page_lie_on_nothing(browser, runs, tmp_path, kind):
    run = fronts(runs)[kind]
    write_page([run], tmp_path / "page.html")
    for width in (1280, 390, 320):
        page = browser.open(tmp_path / "page.html", width=width)
        labels = page.run(LABELS)
        assert clashes(labels, page.run(POINTS)) == []
        names = {text for text, *_ in labels} | set(page.text("#nameless").replace(":", ",").split(", "))
        assert {net.name for net in run.references} <= names
        if width == 1280:
            assert any(text.startswith("target") for text in names)
        assert page.complaints() == []


def test_labels_make_room_again_after_a_zoom(browser, runs, tmp_path):
    write_page([fronts(runs)["many networks"]], tmp_path / "page.html")
    page = browser.open(tmp_path / "page.html")
    page.one("#axis").click()
    assert clashes(page.run(LABELS), page.run(POINTS)) == []
    assert len(page.run(LABELS)) >= 10


def drawn_labels(figure):
    """The labels inside the axes and the points, in pixels, as `clashes` takes them."""
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [(text.get_text(), *text.get_window_extent().extents) for text in axis.texts if text.get_text()]
    return axis, boxes


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_the_figure_lie_on_nothing(runs, kind):
    run = fronts(runs)[kind]
    table = frame(run)
    axis, labels = drawn_labels(pareto(table, target_ms=run.target_ms, reward=rewards.of_run(run)))
    at = axis.transData.transform(table[["latency_ms", "accuracy"]].to_numpy(dtype=float))
    radius = [4.0 if net else 2.2 for net in table["kind"] == "reference"]
    assert clashes(labels, [(x, y, r) for (x, y), r in zip(at, radius, strict=True)]) == []
    plot, legend = axis.get_window_extent(), axis.get_legend().get_window_extent()
    assert not legend.overlaps(plot)
    assert all(
        plot.x0 <= left and right <= plot.x1 and plot.y0 <= low and high <= plot.y1
        for _, left, low, right, high in labels
    )
    named = {text for text, *_ in labels} | {text.get_text() for text in axis.get_legend().get_texts()}
    assert {net.name for net in run.references} <= named
    assert f"target {run.target_ms:.3g} ms" in named


def test_names_that_find_no_room_are_in_the_legend(runs):
    run = runs.data(runs.trials(5), nets(runs, 6, "_a-name-that-is-wider-than-the-whole-figure-" * 3 + "{}"))
    axis, labels = drawn_labels(pareto(frame(run)))
    assert labels == []
    told = {text.get_text().replace("\n", "") for text in axis.get_legend().get_texts()}
    assert {net.name for net in run.references} <= told
    assert axis.get_window_extent().height > 200


def test_a_plot_full_of_points_has_its_labels_in_the_legend():
    accuracy, latency = np.mgrid[0.5:0.7:60j, 1.0:3.0:60j].reshape(2, -1)
    table = pd.DataFrame({"accuracy": accuracy, "latency_ms": latency, "kind": "candidate", "name": "#0"})
    table.loc[len(table)] = {"accuracy": 0.6, "latency_ms": 2.2, "kind": "reference", "name": "a-net"}
    axis, labels = drawn_labels(pareto(table, target_ms=2.0))
    assert labels == []
    assert {"a-net", "target 2 ms"} <= {text.get_text() for text in axis.get_legend().get_texts()}
