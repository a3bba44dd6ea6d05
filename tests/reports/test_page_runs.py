"""Pages of unusual runs in a real browser: hostile names, several runs, hardly begun, still going on, very large."""

import json
import os
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse

import optuna
import pytest
from selenium.webdriver import ActionChains

from reports.html import write_page
from reports.runs import read_run, read_runs

pytestmark = pytest.mark.xdist_group("browser")
EVIL = "</script><script>window.taken=1</script>"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_of_the_demo_run(browser, runs, tmp_path, width, dark):
    path = runs.demo(tmp_path / "demo")
    write_page([read_run(path)], path / "report.html")
    page = browser.open(path / "report.html", width=width, dark=dark)
    assert page.text("#details h3") == "#8"
    assert "By reward the search names #8 the best: with probability 98%" in page.text(".findings")
    assert "#8 cannot be told apart from it in accuracy" in page.text(".findings")
    dots = page.all("#front-chart path.dot")
    assert len(dots) == 3
    ActionChains(page.driver).move_to_element(dots[2]).perform()
    assert page.one("#front-chart .tip strong").text == "#18"
    dots[2].click()
    assert page.text("#details h3") == "#18"
    assert len(page.all("#details .layer[rx='5']")) >= 9  # stem, seven blocks, head, and sheets behind repeats
    page.one('.networks th[data-key="latency_ms"] button').click()
    assert page.all(".networks .pick")[0].text == "#8"
    page.screenshot(tmp_path / "page.png")
    assert page.complaints() == []
    assert {url for url in page.requests() if not url.startswith("data:")} == {(path / "report.html").as_uri()}
    assert page.run("document.documentElement.scrollWidth") <= width


def test_names_with_markup_are_text(browser, runs, tmp_path):
    facts = runs.facts | {"device": EVIL, "space": "<img src=x onerror=window.taken=1>", "data": EVIL}
    net = runs.reference() | {"name": "<script>window.taken=1<script>", "blocks": [EVIL, "r1_k3_s11_e1_i8_o8_<b>"]}
    made = [*runs.trials(25), runs.failed(EVIL)]
    made[0].user_attrs["blocks"] = [EVIL]
    name = "<script>window.taken=1<"
    path = runs.directory(tmp_path / name, made, facts=facts)
    (path / "references" / "x").mkdir(parents=True)
    (path / "references" / "x" / "record.json").write_text(json.dumps(net))
    write_page(read_runs([path]), tmp_path / "evil.html")
    page = browser.open(tmp_path / "evil.html")
    page.one('[name="text"]').send_keys("window.taken")
    for pick in page.all(".networks .pick")[:3]:
        pick.click()
    assert page.run("typeof window.taken") == "undefined"
    assert page.complaints() == []
    assert page.text("h1") == name
    assert EVIL in page.text("body")
    assert page.run("document.querySelectorAll('script, img').length") == 2


def test_a_study_of_another_space_shows_its_decisions(browser, tmp_path):
    study = optuna.create_study(directions=["maximize", "minimize"], study_name="cells")
    study.optimize(
        lambda t: (t.suggest_float("drop", 0.1, 0.2), len(t.suggest_categorical("cell", ["a", "bb"]))), n_trials=30
    )
    write_page([read_run(study)], tmp_path / "page.html")
    page = browser.open(tmp_path / "page.html")
    assert page.complaints() == []
    assert not page.all("#details svg.network")
    assert [term.text for term in page.all("#details details[open] dt")] == ["drop", "cell"]
    assert [value.text for value in page.all("#details details[open] dd")][1] in ("a", "bb")


def test_two_runs_share_every_view(browser, runs, tmp_path):
    one = runs.directory(tmp_path / "a" / "demo", runs.trials(30))
    two = runs.directory(tmp_path / "b" / "demo", runs.trials(30, seed=1), facts=runs.facts | {"device": "pixel"})
    write_page(read_runs([one, two]), tmp_path / "both.html")
    page = browser.open(tmp_path / "both.html")
    assert page.complaints() == []
    assert len(page.all("#front-chart path.front")) == 2
    assert {cell.text for cell in page.all(".networks td:nth-child(2)")} == {"a/demo", "b/demo"}
    assert "These runs differ in device" in page.text("body")
    page.one('[name="run"]').send_keys("b/demo")
    assert {cell.text for cell in page.all(".networks td:nth-child(2)")} == {"b/demo"}


@pytest.mark.parametrize("state", ["none", "failed", "one"])
def test_hardly_begun_runs_have_a_page_without_complaints(browser, runs, tmp_path, state):
    made = {"none": [], "failed": [runs.failed()] * 2, "one": runs.trials(1)}[state]
    write_page([read_run(runs.directory(tmp_path / "demo", made))], tmp_path / "page.html")
    page = browser.open(tmp_path / "page.html", width=390)
    assert page.complaints() == []
    expected = {
        "none": "No trial has finished yet",
        "failed": "No trial has succeeded",
        "one": "the most accurate is #0",
    }
    assert expected[state] in page.text(".findings")


def test_a_page_of_a_running_search_loads_itself_and_keeps_its_state(browser, runs, tmp_path):
    path = runs.directory(tmp_path / "demo", runs.trials(30))
    write_page([read_run(path)], path / "report.html", refresh_s=1)
    page = browser.open(path / "report.html")
    page.all(".networks .pick")[7].click()
    chosen = page.text("#details h3")
    page.one('.networks th[data-key="latency_ms"] button').click()
    born = page.run("performance.timeOrigin")
    deadline = time.monotonic() + 20
    while page.run("performance.timeOrigin") == born and time.monotonic() < deadline:
        time.sleep(0.1)
    assert page.run("performance.timeOrigin") > born
    assert page.text("#details h3") == chosen
    assert page.one('.networks th[data-key="latency_ms"]').get_attribute("aria-sort") == "ascending"
    page.one("#follow").click()
    assert page.complaints() == []


def test_ten_thousand_candidates_are_a_light_page_that_sorts(browser, runs, tmp_path):
    made = runs.trials(10_000)
    write_page([runs.data(made)], tmp_path / "large.html")
    assert (tmp_path / "large.html").stat().st_size < 10e6
    page = browser.open(tmp_path / "large.html")
    assert page.text("#shown") == "10000 of 10000"
    page.one('.networks th[data-key="latency_ms"] button').click()
    names = [pick.text for pick in page.all(".networks .pick")]
    fastest = sorted(made, key=lambda trial: trial.values[1])[:20]
    assert [made[int(name[1:])].values[1] for name in names] == [trial.values[1] for trial in fastest]
    page.one('[name="text"]').send_keys("#4999")
    assert page.text("#shown") == "1 of 10000"
    assert page.complaints() == []


def test_links_lead_into_a_run_of_any_name(browser, runs, tmp_path):
    path = runs.directory(tmp_path / os.fsdecode(b"caf\xe9 &:x\n"), runs.trials(3))
    write_page([read_run(path)], tmp_path / "page.html")
    page = browser.open(tmp_path / "page.html")
    assert page.complaints() == []
    link = page.one(".networks a").get_attribute("href")
    assert Path(os.fsdecode(unquote_to_bytes(urlparse(link).path))).is_file()
    assert page.text("h1") == "caf\\xe9 &:x\\n"
