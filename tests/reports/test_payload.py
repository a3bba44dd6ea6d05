import json
import re

import pytest

from reports import frame
from reports.page_parts import script_json
from reports.payload import payload


def made(runs, run, **options):
    return payload([run], [frame(run)], page=None, refresh_s=None, **options)


def test_every_column_has_a_value_for_every_network(runs):
    run = runs.data([*runs.trials(12), runs.failed()], [runs.reference()])
    data = made(runs, run)
    assert {len(column) for column in data["rows"].values()} == {14}
    assert data["rows"]["reference"] == [0] * 13 + [1]
    blocks = [data["blocks"][index] for index in data["rows"]["blocks"][3]]
    assert blocks == run.trials[3].user_attrs["blocks"]
    names, choices = data["decisions"][0]["names"], data["decisions"][0]["choices"]
    taken = {n: c[k] for n, c, k in zip(names, choices, data["rows"]["choice"][5], strict=True)}
    assert taken == run.trials[5].params


def test_equal_strings_are_stored_once(runs):
    data = made(runs, runs.data(runs.trials(500)))
    assert len(data["blocks"]) == len(set(data["blocks"])) < 500


def test_history_ends_at_the_final_area_and_never_falls(runs):
    data = made(runs, runs.data(runs.trials(80)))
    for key in ("area", "best"):
        values = [value for _, value in data["history"][0][key]]
        assert values == sorted(values)
    assert data["history"][0]["last"] == 80
    assert data["history"][0]["best"][-1][1] == pytest.approx(max(data["rows"]["reward"]), abs=1e-5)


def test_reward_curves_earn_their_level(runs):
    run = runs.data(runs.trials(30))
    for curve in made(runs, run)["curves"]:
        for latency, accuracy in curve["points"]:
            assert accuracy * (latency / 4.0) ** -0.07 == pytest.approx(curve["level"], abs=1e-3)


def test_json_for_a_script_element_holds_no_markup():
    value = {"a": "</script><!-- & \u2028\u2029", "b": [None, 1.5]}
    text = script_json(value)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == value


def test_without_a_page_there_are_no_links(runs, tmp_path):
    from reports.runs import read_run

    run = read_run(runs.directory(tmp_path / "demo"))
    assert set(made(runs, run)["rows"]["file"]) == {0}
    beside = payload([run], [frame(run)], page=tmp_path / "out" / "page.html", refresh_s=None)
    assert set(beside["rows"]["file"]) == {1}
    assert beside["runs"][0]["base"] == "../demo"
