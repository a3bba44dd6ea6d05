"""The page as text: nothing leaves it, nothing enters it unescaped, and everything it needs is in it."""

import re

import pytest
from page_elements import EVIL, Elements

from reports import ReportError, frame
from reports.html import facts, page, write_page


def test_nothing_is_loaded_from_anywhere(runs):
    elements = Elements(page([runs.data(references=[runs.reference()])])).found
    loading = [(tag, attrs) for tag, attrs in elements if {"src", "srcset", "action", "data"} & set(attrs)]
    assert loading == []
    assert [attrs["href"] for tag, attrs in elements if tag == "link"] == ["data:,"]
    policy = next(attrs["content"] for tag, attrs in elements if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")


def test_no_markup_from_a_run_survives(runs):
    study = {"facts": runs.facts | {"device": EVIL, "algorithm": EVIL}, "name": EVIL}
    clean = Elements(page([runs.data([*runs.trials(3), runs.failed("why")])])).found
    dirty = Elements(page([runs.data([*runs.trials(3), runs.failed(EVIL)], **study)])).found
    assert sorted(tag for tag, _ in dirty) == sorted([tag for tag, _ in clean] + ["dt", "dd"])  # the algorithm's line


def test_facts_tell_the_device_and_not_one_networks_measurement(runs):
    made = runs.trials(40)
    made[0].user_attrs["latency"]["conditions"] = {"model": "Pixel 7", "sha256": "ab", "load": 1.0}
    run = runs.data(made)
    told = dict(facts(run))
    assert told["model"] == "Pixel 7"
    assert told["images"] == "6000 train, 2000 validation, 2000 test"
    assert not {"sha256", "load"} & set(told)


def test_facts_of_a_bare_study_are_few_and_no_error(runs):
    assert facts(runs.data([], facts={"splits": 3, "reward": "soft", "input_shape": "x"})) == []


def test_runs_on_different_devices_are_said_not_to_compare(runs):
    one, two = runs.data(), runs.data(facts=runs.facts | {"device": "pixel"}, name="other")
    assert "These runs differ in device" in page([one, two])
    assert "One run of a sampler is one draw" in page([one, runs.data(name="other")])


def test_without_javascript_the_front_is_there_in_numbers(runs):
    run = runs.data()
    table = re.search(r'id="front-rows".*?</section>', page([run]), re.DOTALL).group()
    assert all(f"<td>{name}</td>" in table for name in frame(run).query("on_front")["name"])


def test_a_page_that_cannot_be_written_is_refused(runs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="cannot write"):
        write_page([runs.data()], tmp_path / "file" / "page.html")
