"""`mnas search`: options only, so that `--help` answers at once."""

from __future__ import annotations

from pathlib import Path

import click

from device_bench.options import FILE


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
