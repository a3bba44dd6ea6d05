"""Whole or not at all."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mnas.errors import SearchError
from mnas.files import read_json, read_npz, write_array, write_bytes, write_json, write_npz, write_text


def test_what_is_written_is_read(tmp_path):
    where = tmp_path / "new" / "folder"
    write_bytes(where / "a", b"\x00\xff")
    write_text(where / "b", "größer")
    write_json(where / "c.json", {"x": [1, 2.5, None]})
    write_npz(where / "d.npz", {"w/kernel:0": np.arange(6.0).reshape(2, 3), "step": np.array(3)})
    write_array(where / "e.npy", np.arange(4)[::2])
    assert (where / "a").read_bytes() == b"\x00\xff"
    assert (where / "b").read_text(encoding="utf-8") == "größer"
    assert read_json(where / "c.json") == {"x": [1, 2.5, None]}
    arrays = read_npz(where / "d.npz")
    assert arrays["w/kernel:0"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["step"] == 3
    assert np.load(where / "e.npy", mmap_mode="r").tolist() == [0, 2]
    assert sorted(path.name for path in where.iterdir()) == ["a", "b", "c.json", "d.npz", "e.npy"]


def test_a_refused_value_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, 1)
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_json(path, value)
    assert path.read_text() == "1\n"


def test_objects_are_not_pickled(tmp_path):
    with pytest.raises(SearchError, match="'bad' holds Python objects"):
        write_npz(tmp_path / "a.npz", {"good": np.arange(2), "bad": np.array([object()])})
    assert not (tmp_path / "a.npz").exists()


def test_a_folder_that_takes_no_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SearchError, match="cannot write"):
        write_bytes(tmp_path / "file" / "below", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SearchError, match="cannot write"):
        write_bytes(tmp_path / "folder", b"")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".aside")] == []


def test_unreadable_files_are_one_line(tmp_path):
    (tmp_path / "cut.json").write_text('{"a": ')
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    for read, name in (
        (read_json, "cut.json"),
        (read_json, "none.json"),
        (read_npz, "cut.npz"),
        (read_npz, "none.npz"),
    ):
        with pytest.raises(SearchError, match=name):
            read(tmp_path / name)


WRITER = """
import sys
from pathlib import Path
from mnas.files import write_json
number = 0
while True:
    number += 1
    write_json(Path(sys.argv[1]), [number] * 50_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "state.json"
    for delay in (0.05, 0.11, 0.17):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], start_new_session=True)
        while not path.exists():
            time.sleep(0.01)
        time.sleep(delay)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        values = json.loads(path.read_text())
        assert len(values) == 50_000
        assert len(set(values)) == 1
