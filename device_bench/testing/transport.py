"""What every way to a device promises."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_bench.errors import CommandTimeout, PullFailed, PushFailed
from device_bench.transport import Completed, Transport, model_path

_AWKWARD = ["", " ", "a b", "'", '"', "$HOME", "`id`", "a;id", "*", "\\", "new\nline", "ümlaut", "-n", "--", "&", "!!"]


class TransportTestCase:
    """Holds a transport to its contract, `device_bench.Transport`.

    Override `transport`. The device needs a shell and the usual small programs (`stat`, `head`, `find`, `sort`).
    """

    @pytest.fixture
    def transport(self) -> Iterator[Transport]:
        """An open connection of this test's own, closed afterwards; some tests close it themselves."""
        raise NotImplementedError

    @pytest.fixture
    def folder(self, transport: Transport) -> Iterator[str]:
        """A folder on the device that is gone afterwards."""
        path = f"{transport.workdir}/contract-{time.monotonic_ns()}"
        yield path
        transport.remove(path)

    def test_output_error_and_exit_code_come_apart(self, transport: Transport) -> None:
        """What a command prints, what it complains of and how it ended are told apart."""
        assert _shell(transport, "echo out; echo err >&2; exit 7") == Completed(7, "out\n", "err\n")

    def test_words_arrive_as_they_are(self, transport: Transport) -> None:
        """No word is split, expanded or lost, whatever a shell would make of it."""
        completed = transport.shell(("printf", "[%s]\\n", *_AWKWARD), timeout_s=20)
        assert completed.stdout == "".join(f"[{word}]\n" for word in _AWKWARD)

    def test_a_missing_command_is_exit_code_127(self, transport: Transport) -> None:
        """As a shell says it, with the name of the command."""
        completed = transport.shell(("no-such-command-here",), timeout_s=20)
        assert completed.exit_code == 127
        assert "no-such-command-here" in completed.stderr

    @pytest.mark.parametrize("signal", [6, 7, 9, 11])
    def test_a_signal_is_128_and_its_number(self, transport: Transport, signal: int) -> None:
        """A crash is told by its signal, as a shell tells it."""
        assert _shell(transport, f"kill -{signal} $$").exit_code == 128 + signal

    def test_bytes_that_are_no_text_do_not_break_the_answer(self, transport: Transport) -> None:
        """They are replaced, and the rest is there."""
        completed = _shell(transport, r"printf 'a\377b'")
        assert completed.exit_code == 0
        assert completed.stdout[0] + completed.stdout[-1] == "ab"

    def test_much_output_arrives_whole(self, transport: Transport) -> None:
        """Megabytes on one stream do not block the other."""
        completed = _shell(transport, "head -c 3000000 /dev/zero; echo done >&2")
        assert len(completed.stdout) == 3_000_000
        assert completed.stderr == "done\n"

    def test_a_command_gets_no_input(self, transport: Transport) -> None:
        """A command that reads finds the end of its input and does not wait."""
        assert _shell(transport, "cat").stdout == ""

    def test_a_command_past_its_limit_is_ended_on_the_device(self, transport: Transport, folder: str) -> None:
        """It and its children are gone, and the next command finds the device free."""
        _shell(transport, f"mkdir -p {folder}")
        script = f"(while :; do date +%s%N > {folder}/alive; sleep 0.1; done) & wait"
        start = time.monotonic()
        with pytest.raises(CommandTimeout, match="1 s"):
            _shell(transport, script, timeout_s=1)
        assert time.monotonic() - start < 15
        time.sleep(0.5)
        before = transport.pull(f"{folder}/alive")
        time.sleep(0.5)
        assert transport.pull(f"{folder}/alive") == before
        assert _shell(transport, "echo next").stdout == "next\n"

    def test_a_command_just_within_its_limit_is_not_ended(self, transport: Transport) -> None:
        """A limit is not shortened on the way."""
        assert _shell(transport, "sleep 0.7; echo late", timeout_s=5).stdout == "late\n"

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_500_000])
    def test_a_file_comes_back_as_it_went(self, transport: Transport, folder: str, size: int) -> None:
        """Of any size, with parents made where they are missing."""
        data = bytes(range(256)) * (size // 256 + 1)
        transport.push(data[:size], f"{folder}/deep/file")
        assert transport.pull(f"{folder}/deep/file") == data[:size]

    def test_an_awkward_path(self, transport: Transport, folder: str) -> None:
        """A path is a path, whatever a shell would make of it."""
        path = f"{folder}/it's a $HOME; `x`.bin"
        transport.push(b"1", path)
        assert transport.pull(path) == b"1"
        transport.remove(path)
        with pytest.raises(PullFailed):
            transport.pull(path)

    @pytest.mark.parametrize("mode", [0o644, 0o755, 0o600])
    def test_a_file_has_the_mode_asked_for(self, transport: Transport, folder: str, mode: int) -> None:
        """A pushed file ends with exactly these permissions."""
        transport.push(b"#!/bin/sh\necho ran\n", f"{folder}/file", mode=mode)
        assert _shell(transport, f"stat -c %a {folder}/file").stdout.strip() == f"{mode:o}"

    def test_the_mode_changes_though_the_content_is_there(self, transport: Transport, folder: str) -> None:
        """A push that writes nothing still sets the permissions."""
        transport.push(b"#!/bin/sh\necho ran\n", f"{folder}/file")
        transport.push(b"#!/bin/sh\necho ran\n", f"{folder}/file", mode=0o755)
        assert transport.shell((f"{folder}/file",), timeout_s=20).stdout == "ran\n"

    def test_the_same_content_is_not_written_twice(self, transport: Transport, folder: str) -> None:
        """A push of what is there already leaves the file as it is."""
        transport.push(b"same" * 1000, f"{folder}/file")
        inode = _shell(transport, f"stat -c '%i %Y' {folder}/file").stdout
        transport.push(b"same" * 1000, f"{folder}/file")
        assert _shell(transport, f"stat -c '%i %Y' {folder}/file").stdout == inode

    def test_other_content_of_equal_length_replaces_the_file(self, transport: Transport, folder: str) -> None:
        """Content is compared, not its size."""
        transport.push(b"old", f"{folder}/file")
        transport.push(b"new", f"{folder}/file")
        assert transport.pull(f"{folder}/file") == b"new"

    def test_a_push_that_is_refused_says_why_and_leaves_nothing(self, transport: Transport, folder: str) -> None:
        """The device's own words are in `reason`, and no half of a file stays."""
        _shell(transport, f"mkdir -p {folder}; echo x > {folder}/file")
        before = _listing(transport)
        with pytest.raises(PushFailed) as caught:
            transport.push(b"data", f"{folder}/file/below")
        assert caught.value.reason
        assert _listing(transport) == before

    def test_a_push_onto_a_directory_is_refused(self, transport: Transport, folder: str) -> None:
        """A directory is not replaced, and nothing is left in it."""
        _shell(transport, f"mkdir -p {folder}/taken")
        before = _listing(transport)
        with pytest.raises(PushFailed):
            transport.push(b"data", f"{folder}/taken")
        assert _listing(transport) == before

    def test_a_pull_of_a_missing_file_says_which(self, transport: Transport, folder: str) -> None:
        """The path and the device's own words are told."""
        with pytest.raises(PullFailed, match="absent") as caught:
            transport.pull(f"{folder}/absent")
        assert "No such file" in caught.value.reason

    def test_remove_takes_files_and_directories_and_what_is_not_there(self, transport: Transport, folder: str) -> None:
        """Afterwards nothing is there; that is all a caller asks."""
        transport.push(b"1", f"{folder}/a/b/c")
        transport.remove(f"{folder}/a")
        transport.remove(f"{folder}/a")
        transport.remove(f"{folder}/never/was")
        assert _shell(transport, f"ls {folder}").stdout == ""

    def test_relative_paths_lie_in_the_workdir(self, transport: Transport) -> None:
        """A path that does not begin with a slash is one within `workdir`."""
        name = f"relative-{time.monotonic_ns()}"
        transport.push(b"1", name)
        try:
            assert transport.pull(f"{transport.workdir}/{name}") == b"1"
        finally:
            transport.remove(name)

    def test_the_workdir_may_be_executed_in(self, transport: Transport, folder: str) -> None:
        """A program that was pushed there runs."""
        transport.push(b"#!/bin/sh\nexit 3\n", f"{folder}/program", mode=0o755)
        assert transport.shell((f"{folder}/program",), timeout_s=20).exit_code == 3

    def test_a_model_lies_where_its_content_says(self, transport: Transport) -> None:
        """A model is found again by its content and never mistaken for another."""
        assert model_path(transport, b"one") == model_path(transport, b"one")
        assert model_path(transport, b"one") != model_path(transport, b"two")
        assert model_path(transport, b"one").startswith(transport.workdir)

    def test_close_twice(self, transport: Transport) -> None:
        """A second call does nothing."""
        transport.close()
        transport.close()

    def test_a_device_that_is_held_works_as_before_until_it_is_closed(
        self, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`hold` changes nothing but who may use the device, and `close` ends the connection."""
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        assert transport.connected
        transport.hold(wait_s=0)
        assert _shell(transport, "echo out; echo err >&2; exit 7") == Completed(7, "out\n", "err\n")
        assert _shell(transport, "kill -11 $$").exit_code == 139
        with pytest.raises(CommandTimeout):
            _shell(transport, "sleep 60 & sleep 60", timeout_s=1)
        transport.push(b"content", "held")
        assert transport.pull("held") == b"content"
        transport.remove("held")
        transport.close()
        assert not transport.connected


def _shell(transport: Transport, script: str, timeout_s: float = 20) -> Completed:
    return transport.shell(("sh", "-c", script), timeout_s=timeout_s)


def _listing(transport: Transport) -> list[str]:
    return _shell(transport, f"cd {shlex.quote(transport.workdir)} && find . | sort").stdout.split()
