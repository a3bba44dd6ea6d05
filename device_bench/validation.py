"""What is wrong with values that do not fit their types, in one line."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

_SHOWN = 60


def problem(error: ValidationError, trail: Iterable[str | int] = (), names: Mapping[str, str] | None = None) -> str:
    """The first problem: the key, the value and what was expected of it.

    Args:
        error: What validation raised.
        trail: The keys below which the values lie.
        names: What fields are called in the file, where that is not their own name.
    """
    first = error.errors()[0]
    where = place((*trail, *((names or {}).get(str(part), part) for part in first["loc"])))
    if first["type"] == "missing":
        return f"{where} is missing"
    words = first["msg"].removeprefix("Value error, ")
    words = words[0].lower() + words[1:]
    if first["type"] == "value_error" and isinstance(first["input"], Mapping):
        return f"{where}: {words}"
    return f"{where} is {repr(first['input'])[:_SHOWN]}: {words}"


def place(trail: Iterable[str | int]) -> str:
    """Where a value lies in a file: `entries['ADD 1x8,1x8>1x8 int8'].count`."""
    words = [f".{one}" if isinstance(one, str) and one.isidentifier() else f"[{one!r}]" for one in trail]
    return "".join(words).removeprefix(".") or "the file"
