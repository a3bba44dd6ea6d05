"""The page of a card: all of it comes from the card's folder, nothing is loaded, and every cell opens its pictures."""

import re

import numpy as np
import pytest
from cards import dataset, shipped
from page_elements import EVIL, Elements
from report_command import run_report
from selenium.webdriver.common.keys import Keys
from toy_task import DISCS, load

from mnas.shipping.card import Card
from mnas.shipping.card_words import headline
from mnas.shipping.results import THUMBNAILS, judged, read_predictions
from reports import ReportError
from reports.card_page import card_page, write_pages
from reports.curves import across, dots, up

browser_group = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("card") / "out"
    shipped(path, dataset(200), target_ms=1.5, diagnosis=("conv 1.0", "dense 0.9"))
    write_pages(path)
    return path


@pytest.fixture
def copy(tmp_path):
    shipped(tmp_path / "out", dataset())
    return tmp_path / "out"


@pytest.fixture
def page(browser, folder):
    return browser.open(folder / "card.html")


def drawn(path):
    return card_page(Card.open(path), path, path / "card.html")


def curve_of(folder):
    card = Card.open(folder)
    return card.judged_by.findings(read_predictions(folder / "model-int8.predictions.npz"), card.data.labels).curve


def test_the_text_is_there_without_scripts(folder):
    text = re.sub(r"<script.*?</script>", "", (folder / "card.html").read_text(), flags=re.DOTALL)
    card = Card.open(folder)
    plain = re.sub(r"<[^>]*>", "", text)
    for words in (
        headline(card),
        "meets the target of 1.5 ms",
        "200 images of the test split",
        "no clear difference",
        "What is taken for what",
        "Most confident mistakes",
        "Class by class",
        "Can its confidence be trusted?",
        "cat, dog, owl",
        "conv 1.0\ndense 0.9",
        "learning_rate0.004",
        card.files[1].sha256,
        f"tensorflow{card.versions['tensorflow']}",
    ):
        assert words in plain
    assert card.command in re.sub(r"\s+", " ", plain)
    assert text.count('class="look"') == 2


def test_nothing_is_loaded_from_anywhere(folder):
    elements = Elements((folder / "card.html").read_text()).found
    assert not [attrs for _, attrs in elements if {"src", "srcset", "action", "data"} & set(attrs)]
    links = [attrs["href"] for tag, attrs in elements if tag in ("a", "link")]
    assert links == ["data:,", "./model-float32.tflite", "./model-int8.tflite"]
    assert all((folder / link).is_file() for link in links[1:])
    policy = next(attrs["content"] for _, attrs in elements if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_no_markup_from_a_card_survives(tmp_path):
    tags = []
    for name, evil in (("clean", "why"), ("dirty", EVIL)):
        shipped(tmp_path / name, dataset(names=("cat", evil, "owl")), command=evil, warnings=(evil,), diagnosis=(evil,))
        card = Card.open(tmp_path / name)
        network = card.architecture.model_copy(update={"name": evil, "notes": (evil,), "blocks": (evil,)})
        training = card.training.model_copy(update={"recipe": {evil: evil}, "initial": (evil,)})
        card = card.model_copy(update={"architecture": network, "training": training, "versions": {evil: evil}})
        text = card_page(card, tmp_path / name, tmp_path / name / "card.html")
        assert EVIL not in text
        tags.append([tag for tag, _ in Elements(text).found])
    assert tags[0] == tags[1]


def test_points_stand_where_their_shares_say(folder):
    curve = curve_of(folder)
    assert [dot.x for dot in dots(curve)] == [across(point.x) for point in curve.points]
    assert [dot.y for dot in dots(curve)] == [up(point.y) for point in curve.points]
    assert all(dot.low >= dot.y >= dot.high for dot in dots(curve))
    largest = max(curve.points, key=lambda point: point.count)
    assert max(dots(curve), key=lambda dot: dot.radius).x == across(largest.x)


def test_what_does_not_lie_beside_the_card_is_left_out(copy):
    for path in (copy / THUMBNAILS, copy / "model-int8.predictions.npz"):
        path.unlink()
    assert drawn(copy).count('class="look"') == 1
    (copy / "model-float32.predictions.npz").unlink()
    assert "No predictions lie beside the card." in drawn(copy)


def test_a_task_that_only_has_a_metric_has_a_page_too(tmp_path):
    data = load("discs:80", image_size=8, channels=1, validation_share=0.2, test_share=0.2, seed=0, limit=None)
    rng = np.random.default_rng(0)
    shipped(
        tmp_path,
        data,
        task=DISCS,
        said=lambda data, seed: judged(DISCS, lambda inputs: rng.uniform(0, 1, (len(inputs), 1)), data.test),
    )
    assert "The task looks no further than its radius error." in drawn(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("card.json", "card.json"), (THUMBNAILS, "thumbnails.npz"), ("model-int8.predictions.npz", "predictions.npz")],
)
def test_a_damaged_file_is_one_line(copy, name, words):
    (copy / name).write_bytes(b"?")
    with pytest.raises(ReportError, match=words) as caught:
        write_pages(copy)
    assert "\n" not in str(caught.value)
    assert not (copy / "card.html").exists()


def test_predictions_of_another_task_are_one_line(copy):
    path = copy / "model-int8.predictions.npz"
    np.savez(path, value=np.float64(0), **dict.fromkeys(("outputs", "targets", "indices"), np.zeros(3)))
    with pytest.raises(ReportError, match=r"does not hold predictions of model-int8\.tflite"):
        write_pages(copy)


def test_report_draws_the_page_anew(copy, tmp_path):
    result = run_report(copy)
    assert result.exit_code == 0, result.output
    assert headline(Card.open(copy)) in result.output
    assert (copy / "card.html").is_file()
    result = run_report(copy, "-o", tmp_path / "elsewhere" / "page.html")
    assert result.exit_code == 0, result.output
    assert 'href="../out/model-int8.tflite"' in (tmp_path / "elsewhere" / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--csv", "x.csv"], "has a page only"),
        (["--refresh", "3"], "has a page only"),
        (["."], "report searches and cards apart"),
        (["-o", "x.pdf"], "the page is written as .html"),
    ],
)
def test_report_refuses_what_a_card_has_not(copy, words, told):
    result = run_report(copy, *words)
    assert result.exit_code == 2
    assert told in result.output
    result = run_report(copy, copy, "-o", "x.html")
    assert "--output is one page" in result.output


@browser_group
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_no_complaint_no_request_no_overflow(browser, folder, width, dark):
    page = browser.open(folder / "card.html", width=width, dark=dark)
    assert page.complaints() == []
    assert {url for url in page.requests() if not url.startswith("data:")} == {(folder / "card.html").as_uri()}
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.run("[...document.images].every(image => image.complete && image.naturalWidth === 12)")
    assert page.all("#drawing rect.layer")


@browser_group
def test_a_file_is_chosen(page):
    looks = page.all(".look")
    assert [look.is_displayed() for look in looks] == [True, False]
    page.all("#choice button")[1].click()
    assert [look.is_displayed() for look in looks] == [False, True]
    assert [button.get_attribute("aria-pressed") for button in page.all("#choice button")] == ["false", "true"]


@browser_group
def test_cells_open_their_pictures_by_mouse_and_keyboard(page):
    cells = {cell.get_attribute("data-cell"): cell for cell in page.all(".look:not([hidden]) .matrix button")}
    cells["0 1"].click()
    told = page.text(".look:not([hidden]) .behind p")
    assert told.startswith(f"cat, taken for dog: {cells['0 1'].text}.")
    pictures = page.all(".look:not([hidden]) .behind li")
    assert len(pictures) == min(12, int(cells["0 1"].text))
    assert all(re.fullmatch(r"cat, taken for dog, \d+% sure", one.text) for one in pictures)
    cells["0 1"].send_keys(Keys.ARROW_DOWN)
    assert page.text(".look:not([hidden]) .behind b").startswith("dog, recognized: ")
    assert page.run("document.activeElement.dataset.cell") == "1 1"
    assert [one.get_attribute("data-cell") for one in cells.values() if one.get_attribute("tabindex") == "0"] == ["1 1"]
    cells["1 1"].send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.run("document.activeElement.dataset.cell") == "1 2"
