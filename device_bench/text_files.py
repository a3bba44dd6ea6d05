"""Text files that people bring: UTF-8, or the encoding that a byte order mark names, as some editors write it."""

import codecs
from pathlib import Path

from device_bench.errors import BadRequest

# The marks of UTF-32 begin with those of UTF-16, so they come first.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_text(path: Path) -> str:
    """The text of a file, without its byte order mark.

    Raises:
        BadRequest: The file cannot be read, or is not text in such an encoding.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror or error}") from error
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadRequest(
            f"{path} is not text in {encoding.upper()} (line {line}: byte 0x{content[error.start]:02x}): "
            "save it in UTF-8"
        ) from error
    if "\0" in text:
        raise BadRequest(f"{path} is not text in UTF-8, it looks like UTF-16 without its mark: save it in UTF-8")
    return text
