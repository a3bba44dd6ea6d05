"""Networks of cells and layered ones as they are drawn: boxes that do not overlap, lines between them, skips."""

import json
from itertools import combinations

import pytest
from optuna.trial import create_trial

from mnas.tasks import task
from reports.drawings import cells_of, packed_cells, packed_skips, with_ends
from reports.figures import networks
from reports.graph_layout import layout, ports
from reports.html import write_page
from reports.runs import read_run
from search_spaces import Box, describe, drawing, published, published_names, to_json
from search_spaces.drawing import reads_of

SIZES = {"nasnet-a-large": 331, "amoebanet-a": 331, "pnasnet-5-large": 331}


def whole(name):
    side = SIZES.get(name, 32)
    return with_ends(drawing(published(name), (side, side, 3)), task("classification"), (side, side, 3), 10)


def graphs():
    found = {cell.inside: f"{name}: {cell.name}" for name in published_names() for cell in cells_of(whole(name))}
    return [pytest.param(inside, id=name) for inside, name in found.items()]


def crossed(line, place):
    """Whether a line meets a box where it passes the row of the box: it runs straight down there."""
    return any(y == place[1] and abs(x - place[0]) < 0.5 for x, y in line[1:-1])


@pytest.mark.parametrize("inside", graphs())
def test_boxes_do_not_overlap_and_lines_pass_between_them(inside):
    laid = layout(inside)
    for (x, y), (other_x, other_y) in combinations(laid.places, 2):
        assert y != other_y or abs(x - other_x) >= 1
    for line in ports(laid):
        assert [y for _, y in line] == sorted({y for _, y in line}), "from row to row, downwards"
        assert not any(crossed(line, place) for place in laid.places)
    read = {(number, one) for number, box in enumerate(inside) for one in box.reads}
    assert {(end, start) for start, end, _ in laid.lines} == read
    assert all(laid.left <= x - 0.5 <= x + 0.5 <= laid.right for x, _ in laid.places)


def test_a_chain_is_a_straight_line():
    laid = layout((Box("in", "end", reads=()), Box("op", "conv", reads=(0,)), Box("out", "other", reads=(1,))))
    assert [x for x, _ in laid.places] == [laid.places[0][0]] * 3
    assert [y for _, y in laid.places] == [0, 1, 2]


def test_lines_that_could_cross_do_not():
    crossing = (*(Box(name, "end", reads=()) for name in "ab"), *(Box("op", "conv", reads=(one,)) for one in (1, 0)))
    laid = layout(crossing)
    (a, b, of_b, of_a) = (x for x, _ in laid.places)
    assert (a < b) == (of_a < of_b)


def test_a_layout_is_the_same_every_time_and_of_nothing_is_nothing():
    inside = cells_of(whole("amoebanet-a"))[0].inside
    assert layout(inside) == layout(inside)
    assert layout(()).rows == 0


def test_skips_count_from_the_image():
    stack = whole("nas-cnn-v1")
    assert reads_of(stack)[1] == (0,), "the first layer reads the image"
    assert reads_of(stack)[3] == (1, 2)
    assert {number: read for number, *read in packed_skips(stack)}[3] == [1, 2]
    assert packed_skips(whole("mnasnet-a1")) == []


def test_equal_cells_are_drawn_once():
    assert [cell.name for cell in cells_of(whole("nasnet-a-mobile"))] == ["Reduction cell", "Normal cell"]
    assert [name for name, *_ in packed_cells(whole("pnasnet-5-mobile"))] == ["Cell"]


@pytest.mark.parametrize("name", ["nasnet-a-mobile", "darts-v2", "nas-cnn-v1", "enas-macro", "mnasnet-a1"])
def test_a_figure_has_every_box_and_no_words_that_overlap(name):
    stack = whole(name)
    figure = networks({name: stack})
    (axis,) = figure.axes
    said = [text.get_text() for text in axis.texts]
    for box in [*stack, *(box for cell in cells_of(stack) for box in cell.inside)]:
        assert box.name in said
    figure.canvas.draw()
    extents = [text.get_window_extent() for text in axis.texts if text.get_text()]
    assert not [pair for pair in combinations(extents, 2) if pair[0].overlaps(pair[1])]
    page = figure.bbox
    assert all(page.x0 <= one.x0 and one.x1 <= page.x1 and page.y0 <= one.y0 and one.y1 <= page.y1 for one in extents)


def test_networks_of_cells_stand_one_below_the_other():
    one, two = (networks({name: whole("enas-micro") for name in names}) for names in (["a"], ["a", "b"]))
    assert two.get_figheight() > 1.8 * one.get_figheight()
    assert two.get_figwidth() == one.get_figwidth()
    beside = networks({"a": whole("mnasnet-a1"), "b": whole("mnasnet-a1")})
    assert beside.get_figwidth() > 1.8 * networks({"a": whole("mnasnet-a1")}).get_figwidth()


@pytest.fixture(scope="module")
def page_path(runs, tmp_path_factory):
    made = []
    for trial, name in zip(runs.trials(2), ["nasnet-a-cifar", "enas-macro"], strict=True):
        arch = published(name)
        known = {"arch": json.loads(to_json(arch)), "blocks": describe(arch)["blocks"]}
        made.append(
            create_trial(
                values=trial.values,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs | known,
            )
        )
    path = runs.directory(tmp_path_factory.mktemp("cells") / "run", made)
    write_page([read_run(path)], path / "report.html")
    return path / "report.html"


@pytest.mark.xdist_group("browser")
def test_the_page_draws_cells_and_skips(browser, page_path):
    page = browser.open(page_path)
    kinds = []
    for button in range(2):
        page.all(".networks tbody .pick")[button].click()
        graphs = [figure.text for figure in page.all("figure.cell figcaption")]
        boxes, skips = len(page.all(".cellgraph rect")), len(page.all(".network .skip"))
        kinds.append((graphs, boxes, skips > 60))
    assert sorted(kinds) == [([], 0, True), (["Normal cell", "Reduction cell"], 36, False)]
    assert page.complaints() == []
    assert page.run("document.documentElement.scrollWidth") <= 1280
