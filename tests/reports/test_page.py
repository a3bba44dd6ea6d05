"""The page in a real browser: what it shows, what it does, what it never does."""

import re
import time
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys

from reports import frame
from reports.html import write_page
from reports.runs import read_run

pytestmark = pytest.mark.xdist_group("browser")
BY = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(scope="module")
def run_path(runs, tmp_path_factory):
    references = [runs.reference(), runs.reference("mobilenet-v2", 0.68, 3.6)]
    return runs.directory(tmp_path_factory.mktemp("page") / "demo", [*runs.trials(60), runs.failed()], references)


@pytest.fixture(scope="module")
def page_path(run_path):
    write_page([read_run(run_path)], run_path / "report.html")
    return run_path / "report.html"


@pytest.fixture
def page(browser, page_path):
    return browser.open(page_path)


def column(page, key):
    keys = [cell.get_attribute("data-key") for cell in page.all(".networks thead th")]
    place = keys.index(key) + 1
    cells = page.all(f".networks tbody td:nth-child({place})")
    return [float(re.sub(r"[^0-9.]", "", cell.text)) for cell in cells if cell.text != "\N{EN DASH}"]


def front_point(page, position):
    """Where a point of the front stands, in the middle of its drawing."""
    return page.all("#front-chart path.dot")[position]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_no_complaint_no_request_no_overflow(browser, page_path, tmp_path, width, dark):
    page = browser.open(page_path, width=width, dark=dark)
    page.screenshot(tmp_path / "shot.png")
    assert page.complaints() == []
    assert {url for url in page.requests() if not url.startswith("data:")} == {page_path.as_uri()}
    assert page.run("document.documentElement.scrollWidth") <= width
    picture = Image.open(tmp_path / "shot.png").convert("L")
    corner = picture.getpixel((2, 2))
    assert (corner < 60) if dark else (corner > 200)
    assert len(page.all("#front-chart path.dot")) == frame(page_path.parent)["on_front"].sum()


def test_hovering_a_front_point_shows_its_network(page):
    ActionChains(page.driver).move_to_element(front_point(page, 2)).perform()
    tip = page.one("#front-chart .tip")
    assert tip.is_displayed()
    assert re.match(r"#\d+\naccuracy \d+\.\d% \(.*\)\nlatency [\d.]+ ms \(.*\)\nreward", tip.text)
    assert "r1_k" in tip.text or "r2_k" in tip.text or "r3_k" in tip.text
    ActionChains(page.driver).move_to_element(page.one("h1")).perform()
    assert not tip.is_displayed()


def test_a_click_on_the_chart_selects_in_panel_and_table(page):
    before = page.text("#details h3")
    for position in range(4):
        front_point(page, position).click()
        if page.text("#details h3") != before:
            break
    chosen = page.text("#details h3")
    assert chosen != before
    assert page.all("#front-chart circle.selected")
    assert [row.text for row in page.all(".networks tr.chosen .pick")] in ([chosen], [])
    assert page.all("#details svg.network rect.layer")
    assert chosen in page.one("#details svg.network").get_attribute("aria-label")


def test_a_selection_out_of_sight_is_said_below(browser, page_path):
    page = browser.open(page_path, width=390, height=700)
    page.driver.execute_script("document.querySelector('#networks').scrollIntoView()")
    pick = page.all(".networks .pick")[3]
    pick.click()
    time.sleep(0.3)
    assert "aside" not in page.one("#dock").get_attribute("class")
    assert page.text("#dock [role=status]").startswith(f"{pick.text}: ")
    page.one("#dock a").click()
    time.sleep(0.3)
    assert "aside" in page.one("#dock").get_attribute("class")
    assert page.text("#details h3") == pick.text


def test_the_drawing_agrees_with_the_block_strings(page):
    blocks = page.text("#details pre").split("\n")
    repeats = [int(re.match(r"r(\d+)", block).group(1)) for block in blocks]
    shown = [int(text.text[1:]) for text in page.all("#details .repeats")]
    assert shown == [count for count in repeats if count > 1]
    last = re.search(r"_o(\d+)", blocks[-1]).group(1)
    shapes = [shape.text for shape in page.all("#details .layershape")]
    assert shapes[0].split(BY) == ["32", "32", "3"]
    assert BY.join(["8", "8", last]) in shapes  # two of the three blocks halve 32 pixels


@pytest.mark.parametrize("key", ["accuracy", "latency_ms", "reward", "params"])
def test_sorting_by_a_column_both_ways(page, key):
    button = page.one(f'.networks th[data-key="{key}"] button')
    orders = {}
    for _ in range(2):
        button.click()
        order = page.one(f'.networks th[data-key="{key}"]').get_attribute("aria-sort")
        orders[order] = column(page, key)
    assert set(orders) == {"ascending", "descending"}
    if key != "params":  # shown with units, so that text order says nothing
        assert orders["ascending"] == sorted(orders["ascending"])
        assert orders["descending"] == sorted(orders["descending"], reverse=True)
    assert orders["ascending"] != orders["descending"]


def test_filters_narrow_table_and_chart_and_clear_again(page):
    total = page.text("#shown")
    assert total == "62 of 62"
    cloud = len(page.one("#front-chart path.cloud").get_attribute("d"))
    page.one('[name="text"]').send_keys("k5 se0.25")
    few = int(page.text("#shown").split()[0])
    assert 0 < few < 62
    assert len(page.one("#front-chart path.cloud").get_attribute("d")) < cloud
    page.one('[name="latency"]').send_keys("2.5")
    assert int(page.text("#shown").split()[0]) < few
    assert max(column(page, "latency_ms")) <= 2.5
    page.one('#filter button[type="reset"]').click()
    time.sleep(0.1)
    assert page.text("#shown") == total
    page.one('[name="front"]').click()
    assert int(page.text("#shown").split()[0]) == len(page.all("#front-chart path.dot")) + 2


def test_pages_of_the_table(page):
    first = [row.text for row in page.all(".networks tbody tr")]
    assert len(first) == 20
    assert not page.one("#previous").is_enabled()
    page.one("#next").click()
    assert [row.text for row in page.all(".networks tbody tr")] != first
    page.one("#next").click()
    page.one("#next").click()
    assert page.text("#pages") == "page 4 of 4"
    assert not page.one("#next").is_enabled()


def test_everything_can_be_done_with_the_keyboard(page):
    page.one("#front-chart svg").send_keys(Keys.HOME)
    fastest = page.text("#details h3")
    page.one("#front-chart svg").send_keys(Keys.ARROW_RIGHT)
    assert page.text("#details h3") != fastest
    page.one("#front-chart svg").send_keys(Keys.ARROW_LEFT)
    assert page.text("#details h3") == fastest
    pick = page.all(".networks .pick")[5]
    pick.send_keys(Keys.ENTER)
    assert page.text("#details h3") == pick.text
    page.one('.networks th[data-key="latency_ms"] button').send_keys(Keys.SPACE)
    assert page.one('.networks th[data-key="latency_ms"]').get_attribute("aria-sort") == "ascending"


def test_every_control_has_a_name(page):
    unnamed = page.run(
        "[...document.querySelectorAll('input, select, button')]"
        ".filter(e => !(e.textContent.trim() || e.labels?.length || e.ariaLabel)).length"
    )
    assert unnamed == 0
    assert page.run("[...document.querySelectorAll('svg[role=img]')].every(e => e.getAttribute('aria-label'))")


def test_dragging_zooms_and_the_button_goes_back(page):
    svg = page.one("#front-chart svg")
    ticks = [tick.text for tick in page.all("#front-chart .axes text")]
    assert not page.one("#unzoom").is_displayed()
    drag = ActionChains(page.driver).move_to_element_with_offset(svg, -60, -60).click_and_hold()
    drag.move_by_offset(120, 90).release().perform()
    assert page.one("#unzoom").is_displayed()
    assert [tick.text for tick in page.all("#front-chart .axes text")] != ticks
    page.one("#unzoom").click()
    assert [tick.text for tick in page.all("#front-chart .axes text")] == ticks
    page.one("#axis").click()
    assert page.one("#axis").get_attribute("aria-pressed") == "true"
    assert page.complaints() == []


def test_theme_button_turns_the_page_dark_and_light(page):
    def lightness():
        return int(re.search(r"\d+", page.run("getComputedStyle(document.body).backgroundColor")).group())

    light = lightness()
    page.one("#theme").click()
    assert lightness() < 60 < light
    page.one("#theme").click()
    assert lightness() == light


def test_download_links_lead_to_the_files_beside_the_page(page, page_path):
    links = [link.get_attribute("href") for link in page.all(".networks a")]
    assert len(links) == 20
    for link in links:
        path = Path(unquote(urlparse(link).path))
        assert path.is_file()
        assert path.is_relative_to(page_path.parent)
    assert page.one("#details a.button").get_attribute("download").endswith(".tflite")


def test_links_hold_when_the_page_stands_elsewhere(browser, run_path, tmp_path):
    write_page([read_run(run_path)], tmp_path / "pages here" / "report.html")
    page = browser.open(tmp_path / "pages here" / "report.html")
    assert Path(unquote(urlparse(page.one(".networks a").get_attribute("href")).path)).resolve().is_file()


def test_print_holds_the_front_in_numbers_and_no_controls(page, page_path):
    page.emulate(800, 1100, media="print")
    assert page.one("#front-rows").is_displayed()
    assert not page.one("#filter").is_displayed()
    assert page.pdf().startswith(b"%PDF")
