"""Words that depend on their number or place."""


def counted(many: int, noun: str, plural: str = "") -> str:
    """A number of things: `1 trial`, `3 trials`.

    Args:
        many: How many there are.
        noun: What one of them is called.
        plural: What several are called, where that is not the noun with an s.
    """
    return f"{many} {noun if many == 1 else plural or noun + 's'}"


def capitalized(words: str) -> str:
    """As they stand at the beginning of a sentence: only the first letter changes."""
    return words[:1].upper() + words[1:]
