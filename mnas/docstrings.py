"""What a docstring says of a class's attributes: the one place where settings are described."""

from __future__ import annotations

import inspect
import re


def attribute_meanings(kind: type) -> dict[str, str]:
    """Attribute -> its description under `Attributes:` of the class's docstring, in one line."""
    text = (inspect.getdoc(kind) or "").partition("Attributes:")[2]
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", text, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}
