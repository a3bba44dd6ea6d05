"""Damage that keeps the structure of an image file: chunks, segments and directories stay where a reader finds them."""

import struct
import zlib

from hypothesis import strategies as st

from fuzzing.damage import damaged_bytes

_NUMBERS = st.sampled_from(
    (0, 1, 2, 3, 4, 7, 8, 9, 16, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
)


@st.composite
def _chunks(draw: st.DrawFn, content: bytes) -> bytes:
    """A PNG after changes of its chunks, their checksums made right again."""
    chunks, place = [], 8
    while place + 8 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(chunks) - 1))
        name, data = chunks[index]
        match draw(st.sampled_from(["data", "size", "kind", "drop", "double", "swap", "new"])):
            case "data":
                chunks[index] = name, draw(damaged_bytes(data))
            case "size":
                size = struct.pack(">II", draw(_NUMBERS), draw(_NUMBERS))
                rest = draw(st.sampled_from([chunks[0][1][8:], b"\x10\x03\0\0\0", b"\x08\x07\0\0\1"]))
                chunks[0] = b"IHDR", size + rest
            case "kind":
                chunks[index] = draw(st.sampled_from([b"IDAT", b"tRNS", b"PLTE", b"iCCP", b"abcd", b"IEND"])), data
            case "drop" if len(chunks) > 1:
                del chunks[index]
            case "double":
                chunks.insert(index, (name, data))
            case "swap":
                other = draw(st.integers(0, len(chunks) - 1))
                chunks[index], chunks[other] = chunks[other], chunks[index]
            case _:
                chunks.insert(
                    1, draw(st.sampled_from(_EXTRA_CHUNKS)) if draw(st.booleans()) else (b"eXIf", draw(_exif()))
                )
    return content[:8] + b"".join(_chunk(*one) for one in chunks)


_EXTRA_CHUNKS = (
    (b"zTXt", b"key\0\0" + zlib.compress(bytes(20_000_000))),
    (b"iTXt", b"key\0\1\0\0\0" + zlib.compress(bytes(2_000_000))),
    (b"iCCP", b"name\0\0" + zlib.compress(b"no profile")),
    (b"tEXt", b"no end"),
    (b"acTL", struct.pack(">II", 0xFFFFFFFF, 0)),
    (b"fcTL", struct.pack(">IIIIIHHBB", 0, 99, 99, 9, 9, 0, 0, 9, 9)),
    (b"pHYs", b"\1"),
    (b"gAMA", b""),
    (b"cHRM", b"\0" * 5),
    (b"sRGB", b""),
)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@st.composite
def _segments(draw: st.DrawFn, content: bytes) -> bytes:
    """A JPEG with odd EXIF data or another segment behind its first bytes, or of another size."""
    kind = draw(st.sampled_from(["exif", "exif", "segment", "size"]))
    if kind == "size":
        place = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
        sizes = draw(st.tuples(*[st.sampled_from((0, 1, 15, 17, 255, 0x7FFF, 0xFFFF))] * 2))
        return content[: place + 5] + struct.pack(">HH", *sizes) + content[place + 9 :]
    data = b"Exif\0\0" + draw(_exif()) if kind == "exif" else draw(st.binary(max_size=40))
    marker = 0xE1 if kind == "exif" else draw(st.integers(0xC0, 0xFF))
    length = draw(st.sampled_from([len(data) + 2] * 4 + [0, 1, 2, 0xFFFF]))
    return content[:2] + struct.pack(">BBH", 0xFF, marker, length) + data + content[2:]


@st.composite
def _riff(draw: st.DrawFn, content: bytes) -> bytes:
    """A WebP with odd EXIF data behind its other chunks."""
    data = draw(_exif())
    grown = content[:20] + bytes([content[20] | 8]) + content[21:] if content[12:16] == b"VP8X" else content
    whole = grown[8:] + b"EXIF" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


_TAGS = (0x0112, 0x0112, 0x010F, 0x011A, 0x011B, 0x8769, 0x8825, 0xA005, 0x02BC, 0x9286, 0x927C, 0x0201, 0x0202)


@st.composite
def _exif(draw: st.DrawFn) -> bytes:
    """A TIFF header with one directory of odd entries."""
    order = draw(st.sampled_from("<>"))
    entries = draw(st.lists(st.tuples(st.sampled_from(_TAGS), st.integers(0, 14), _NUMBERS, _NUMBERS), max_size=6))
    listed = b"".join(struct.pack(f"{order}HHII", *one) for one in entries)
    tail = draw(st.sampled_from([bytes(4), b"\0\0\0\x08", b"\x08\0\0\0", b"\xff" * 4, b""]))
    rational = struct.pack(f"{order}ii", draw(st.sampled_from((-1, 0, 1))), draw(st.sampled_from((0, 0, -1))))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + listed + tail + rational * 4


@st.composite
def _fields(draw: st.DrawFn, content: bytes) -> bytes:
    """A TIFF after changes of the entries of its first directory."""
    order = "<" if content[:2] == b"II" else ">"
    first = struct.unpack_from(f"{order}I", content, 4)[0]
    count = struct.unpack_from(f"{order}H", content, first)[0]
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = first + 2 + 12 * draw(st.integers(0, count - 1))
        tag, kind, number, value = struct.unpack_from(f"{order}HHII", changed, place)
        match draw(st.sampled_from(["tag", "kind", "number", "value", "value"])):
            case "tag":
                tag = draw(
                    st.sampled_from((*_TAGS, 256, 257, 258, 259, 262, 273, 277, 278, 279, 317, 320, 338, 339, 530))
                )
            case "kind":
                kind = draw(st.integers(0, 18))
            case "number":
                number = draw(_NUMBERS)
            case _:
                value = draw(_NUMBERS | st.integers(0, 64) | st.integers(32766, 34713))
        struct.pack_into(f"{order}HHII", changed, place, tag, kind, number, value)
    return bytes(changed)


STRUCTURED = {"PNG": _chunks, "JPEG": _segments, "TIFF": _fields, "WEBP": _riff}
"""Format -> damage of its own."""
