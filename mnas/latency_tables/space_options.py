"""The parameters of whichever space a command names, as options of that command; light until they are read."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import click

from mnas.docstrings import attribute_meanings


class SpaceCommand(click.Command):
    """A command that takes, beside its own options, those of the family that `--space` names: `--width 0.5`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the parameters of every family below the options."""
        from search_spaces import families

        super().format_options(ctx, formatter)
        for name, one in families().items():
            meanings = attribute_meanings(one.parameters)
            rows = [
                (_option(field.name), f"{meanings[field.name]}  [default: {field.default}]")
                for field in fields(one.parameters)
            ]
            with formatter.section(f"Options of the space {name}"):
                formatter.write_dl(rows)


def space_parameters(name: str, words: Sequence[str]) -> dict[str, str]:
    """Parameter -> value as typed, from the words that a command did not know.

    Args:
        name: Of the family.
        words: `--width`, `0.5` or `--width=0.5`, and so on.

    Raises:
        click.UsageError: A word that is not an option of this family, or one without its value.
    """
    from search_spaces import family

    known = [field.name for field in fields(family(name).parameters)]
    found: dict[str, str] = {}
    for option, value in _pairs(words):
        key = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or key not in known:
            raise click.UsageError(_unknown(option, name, known))
        if value is None:
            raise click.UsageError(f"option {option} needs a value")
        found[key] = value
    return found


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    rest = list(words)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if equals or not option.startswith("--"):
            yield option, value
        else:
            yield option, rest.pop(0) if rest and not rest[0].startswith("--") else None


def _unknown(option: str, name: str, known: Sequence[str]) -> str:
    ctx = click.get_current_context()
    own = [one for parameter in ctx.command.params for one in parameter.opts if one.startswith("--")]
    near = difflib.get_close_matches(option, [*own, *map(_option, known)], n=1)
    hint = f"did you mean {near[0]}?" if near else f"those of the space {name} are {', '.join(map(_option, known))}"
    return f"no option {option}: {hint}"


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def typed(name: str, words: Mapping[str, str]) -> dict[str, object]:
    """The values as the family's parameters take them.

    Raises:
        click.BadParameter: A value that a parameter cannot have.
    """
    from pydantic import ValidationError

    from mnas.config import space_section

    try:
        section = space_section(name).model_validate({"name": name, **words})
    except ValidationError as error:
        problem = error.errors()[0]
        hint = _option(str(problem["loc"][-1])) if problem["loc"] else None
        reason = problem["ctx"]["error"] if problem["type"] == "value_error" else problem["msg"]
        raise click.BadParameter(str(reason), param_hint=hint) from None
    return section.model_dump(exclude={"name"})
