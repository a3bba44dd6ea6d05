"""An input, what came of it, and where the odd ones are kept."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hypothesis.strategies import SearchStrategy

TOKEN = "odd7"
"""Part of the name of every damaged file, so that a message can be seen to name it."""


@dataclass(frozen=True)
class Case:
    """One damaged file.

    Attributes:
        kind: Which entry reads it.
        name: File name; it holds `TOKEN`.
        content: What is in it.
        words: How the entry is called, in the kind's own words.
    """

    kind: str
    name: str
    content: bytes
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes:
        cases: Gives damaged inputs.
        sound: Inputs that must be accepted.
        use: Gives one to the product, in an empty folder; raises `Wrong` where what came of it is wrong.
    """

    cases: SearchStrategy[Case]
    sound: Callable[[], list[Case]]
    use: Callable[[Case, Path], None]


class Wrong(Exception):
    """An input was accepted, and what was made of it cannot be."""


class Refused(Exception):
    """An entry that sees bytes only refused them, with its error as the cause; its caller knows the file's name."""


@contextmanager
def named_by_caller(*errors: type[Exception]) -> Iterator[None]:
    """Lets these errors pass as refusals that need not name the file."""
    try:
        yield
    except errors as error:
        raise Refused from error


def save(case: Case, path: Path) -> None:
    """Writes the bytes to `path`, and the rest into a JSON file beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.content)
    about = {key: value for key, value in asdict(case).items() if key != "content"}
    about["name"] = os.fsencode(case.name).hex()
    beside(path).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> Case:
    """What `save` wrote."""
    about = json.loads(beside(path).read_text(encoding="utf-8"))
    name = os.fsdecode(bytes.fromhex(about["name"]))
    return Case(about["kind"], name, path.read_bytes(), tuple(about["words"]))


def beside(path: Path) -> Path:
    """Where the facts about a saved input are."""
    return path.with_name(f"{path.name}.case.json")
