import threading

import pytest

from device_bench.file_lock import held


@pytest.mark.parametrize("name", ["new", "kept", "folder"])
def test_a_file_or_folder_has_one_holder_and_keeps_its_content(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "kept").write_text("content")
    with held(tmp_path / name), pytest.raises(BlockingIOError), held(tmp_path / name, wait_s=0.01):
        pass
    with held(tmp_path / name, wait_s=0), held(tmp_path / "another", wait_s=0):
        assert (tmp_path / "kept").read_text() == "content"


@pytest.mark.parametrize("wait", [{}, {"wait_s": 60.0}])
def test_waiting_ends_when_the_holder_lets_go(tmp_path, wait):
    order = []

    def second():
        with held(tmp_path / "lock", **wait):
            order.append("second")

    waiting = threading.Thread(target=second)
    with held(tmp_path / "lock"):
        waiting.start()
        waiting.join(0.05)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_what_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(FileNotFoundError), held(tmp_path / "nowhere" / "lock"):
        pass
