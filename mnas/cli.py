"""`mnas search` and `mnas export`: options only, so that `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from device_bench.kinds import PRECISIONS
from device_bench.options import FILE, FOLDER


@click.command()
@click.argument("config", type=FILE)
@click.option(
    "-o",
    "--override",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Override a key of CONFIG. May be given several times.",
)
def search(config: Path, overrides: tuple[str, ...]) -> None:
    """Search for networks that are accurate and fast.

    CONFIG is a TOML file. The run directory it names (search.run) keeps everything; run the command again and the
    search resumes where it stopped, also after a crash. To search longer, ask for more: -o search.trials=200.

    Example: mnas search configs/demo.toml -o latency.device=adb:R58M12
    """
    from mnas.command_line import argument, pasteable
    from mnas.config_file import load_config
    from mnas.errors import CandidatesWait
    from mnas.search.display import make_display
    from mnas.search.loop import run_search

    settings = load_config(config, overrides)
    quiet_optuna()
    display = make_display()
    options = [word for override in overrides for word in ("-o", override)]
    again = pasteable(["mnas", "search", argument(config), *options])
    try:
        run_search(settings, display)
    except KeyboardInterrupt:
        display.close()
        click.echo(f"stopped; nothing is lost. To resume: {again}", err=True)
        raise SystemExit(130) from None
    except CandidatesWait as error:
        raise CandidatesWait(f"{error}. Nothing is lost. To time them later: {again}") from error
    finally:
        display.close()


def quiet_optuna() -> None:
    """Optuna's own words about studies and trials would tear the display."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)


@click.command()
@click.argument("run", type=FOLDER)
@click.option("--trial", default="best", show_default=True, help="Number of the trial, or best.")
@click.option(
    "--precision",
    default="int8",
    show_default=True,
    metavar="NAME[,NAME...]",
    help=f"Precision of each TFLite file: {', '.join(PRECISIONS)}.",
)
@click.option("-o", "--output", type=FOLDER, required=True, help="Folder to write to.")
def export(run: Path, trial: str, precision: str, output: Path) -> None:
    """Write a candidate of RUN as TFLite files, with its trained weights.

    Example: mnas export runs/demo --trial best --precision int8,float16 -o out/
    """
    from mnas.export import export_candidate

    names: list[Any] = [name.strip() for name in precision.split(",")]
    unknown = [name for name in names if name not in PRECISIONS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(PRECISIONS)}", param_hint="--precision")
    if trial != "best" and not trial.isdecimal():
        raise click.BadParameter(f"{trial!r} is neither a trial's number nor best", param_hint="--trial")
    for path in export_candidate(run, None if trial == "best" else int(trial), names, output):
        click.echo(path)
