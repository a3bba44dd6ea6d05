"""Commands longer than a packet, or than one argument of a process, on a real phone."""

import pytest

from device_bench.adb.transport import open_tcp
from device_bench.errors import CommandTimeout

pytestmark = [pytest.mark.xdist_group("adbd"), pytest.mark.usefixtures("at_desk")]


@pytest.fixture
def transport(phone):
    opened = open_tcp(phone.host, phone.port)
    yield opened
    opened.close()


def test_a_command_of_many_words_arrives_whole(phone, transport):
    words = [f"word {number} of 'many'" for number in range(20_000)]
    assert len("".join(words)) > transport._link.longest_command
    done = transport.shell(["printf", "%s\\n", *words], timeout_s=20)
    assert done.stdout.splitlines() == words
    assert transport.shell(["sh", "-c", "exit 7"], timeout_s=5).exit_code == 7
    assert not list((phone.files / transport.workdir.lstrip("/")).glob("*.part"))


def test_a_long_command_keeps_its_exit_code_and_its_limit(phone, transport):
    comment = "# " + "x" * 1000
    transport._link.longest_command = 1000
    done = transport.shell(["sh", "-c", f"{comment}\necho out; echo err >&2; cat; exit 7"], timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err\n")
    with pytest.raises(CommandTimeout):
        transport.shell(["sh", "-c", f"{comment}\nsleep 71 & sleep 72"], timeout_s=1)
    assert phone.processes() == []


def test_a_word_that_no_process_can_be_given_is_an_exit_code(transport):
    done = transport.shell(["printf", "%s", "x" * 200_000], timeout_s=10)
    assert done.exit_code in (126, 127)
    assert "too long" in done.stderr
