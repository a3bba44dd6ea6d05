"""What a phone says, in our messages: one line, of bounded length, that commands no terminal."""

from device_bench.errors import NoRoom, PushFailed

_MOST = 300
_FULL = ("no space left", "quota exceeded")


def plain(words: str) -> str:
    """What a phone says, fit for one line on a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(words.split())[:_MOST])


def refusal(name: str, what: str, words: str) -> PushFailed:
    """The error for a file that a phone did not take.

    Args:
        name: The phone's.
        what: The file.
        words: The phone's own.
    """
    reason = plain(words) or "no reason given"
    if any(full in reason.lower() for full in _FULL):
        return NoRoom(f"{name}: no room for {what}; free some space there ({reason})", reason)
    return PushFailed(f"{name}: {what} was refused ({reason})", reason)
