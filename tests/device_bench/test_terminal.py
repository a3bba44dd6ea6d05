import re

import pytest

from device_bench.terminal import brief, make_console, plain, printable, say

_CASES = [
    ("caf\udce9", r"caf\xe9"),
    ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
    ("\x9b31m", r"\x9b31m"),
    ("two\r\nlines\t", r"two\r\nlines\t"),
    ("\u202egpj.exe", r"\u202egpj.exe"),
    ("a\u2028b", r"a\u2028b"),
    ("\ud800", r"\ud800"),
    ("\ufffe", r"\ufffe"),
]


@pytest.mark.parametrize(("text", "shown"), _CASES)
def test_what_commands_a_terminal_is_spelt_out_once(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize("text", ["net", "a b", "naïve 日本\u3000語 🚀 \u200dfa", "$x_\\frac$", "[b]:phone:"])
def test_everything_else_stays(text):
    assert printable(text) == text


def test_every_name_of_bytes_can_be_found_again():
    name = bytes(range(1, 256))
    spelt = printable(name.decode("utf-8", "surrogateescape"))
    back = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), spelt.encode())
    assert back == name.replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def test_a_message_that_quotes_a_whole_file_keeps_its_ends():
    assert brief("net.json: \x1b[2J is not a size") == r"net.json: \x1b[2J is not a size"
    shown = brief(f"net.json: {'x' * 100_000} is not a size")
    assert len(shown) < 1100
    assert shown.startswith("net.json: xxx")
    assert "[... 99,024 characters ...]" in shown
    assert shown.endswith("xxx is not a size")


def test_lines_of_ours_stay_lines(capsys):
    say("one\n\x1b[2Jtwo")
    say("three", err=True)
    assert capsys.readouterr() == ("one\n\\x1b[2Jtwo\n", "three\n")


def test_rich_reads_neither_markup_nor_emoji(capsys):
    make_console(40).print(plain("adb:phone:5555 [red]x[/] \x1b[1m"))
    assert capsys.readouterr().out == "adb:phone:5555 [red]x[/] \\x1b[1m\n"
