"""`mnas table build` takes the parameters of whichever family it builds for."""

import pytest
from click.testing import CliRunner

from mnas.latency_tables.cli import table
from mnas.latency_tables.space_options import space_parameters, typed


def test_help_lists_the_parameters_of_every_family():
    shown = CliRunner().invoke(table, ["build", "--help"]).output
    assert "Options of the space mnasnet:" in shown
    assert "--head-filters" in shown
    assert "Options of the space toy:" in shown
    assert "--factor" in shown


def test_values_have_the_types_of_the_family():
    words = space_parameters("mnasnet", ["--width", "0.5", "--stem-filters=16"])
    assert typed("mnasnet", words) == {"width": 0.5, "depth": 1.0, "stem_filters": 16, "head_filters": 1280}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--widht", "1"], "no option --widht: did you mean --width?"),
        (["--devcie", "host"], "no option --devcie: did you mean --device?"),
        (["--space", "toy", "--width", "1"], "no option --width: those of the space toy are --factor"),
        (["--width"], "option --width needs a value"),
        (["--width", "--depth", "1"], "option --width needs a value"),
        (["--width", "wide"], "Invalid value for --width"),
        (["--width", "-1"], "width must be positive"),
        (["--stem-filters", "2.5"], "Invalid value for --stem-filters"),
        (["stray"], "no option stray"),
    ],
)
def test_what_the_family_does_not_take_is_refused_before_anything_runs(words, message, tmp_path):
    done = CliRunner().invoke(table, ["build", *words, "-o", str(tmp_path / "table.json")])
    assert done.exit_code == 2
    assert message in done.output
    assert not list(tmp_path.iterdir())
