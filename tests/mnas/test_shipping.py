"""The whole way of a model that ships, on a tiny network: what it leaves, and what interrupts it."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from small_search import MNAS

from device_bench.tflite.apps import check_for_apps
from device_bench.tflite.metadata import read_metadata
from mnas.data import open_dataset
from mnas.main import run
from mnas.shipping.architecture import called
from mnas.shipping.card import Card
from mnas.shipping.quantizing import file_predict
from mnas.tasks.classification import CLASSIFICATION
from search_spaces import from_notation

NET = "stem8 r1_k3_s11_e1_i8_o8 r1_k3_s22_e2_i8_o16 head16"
DATA = ["--data", "digits", "--image-size", "12", "--channels", "1", "--limit", "300"]
WORDS = ["train", NET, *DATA, "--epochs", "2", "--precision", "float32,int8", "--device", "none"]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that ships."""
    folder = tmp_path_factory.mktemp("shipped") / "out"
    assert run([*WORDS, "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def copy(shipped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped, tmp_path / "out"))


def times(folder: Path) -> dict[str, int]:
    """When each file was written."""
    return {str(one.relative_to(folder)): one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file()}


def test_it_leaves_files_that_are_as_good_as_the_card_says(shipped: Path) -> None:
    card, test = Card.open(shipped), open_dataset(shipped / "data").test
    assert [one.name for one in card.files] == ["model-float32.tflite", "model-int8.tflite"]
    for one in card.files:
        content = (shipped / one.name).read_bytes()
        assert CLASSIFICATION.judge(file_predict(content), test) == one.tested.test_value
        assert len(content) == one.size_bytes
    assert len(card.training.history) == 2
    assert card.architecture.name == called(NET, from_notation(NET))
    assert "mnas" in card.command


def test_apps_can_open_the_files(shipped: Path) -> None:
    for file in shipped.glob("*.tflite"):
        content = file.read_bytes()
        assert check_for_apps(content) == []
        metadata = read_metadata(content)
        assert metadata is not None
        assert metadata.labels == tuple("0123456789")


def test_the_same_command_finds_everything_done(copy: Path) -> None:
    before = times(copy)
    assert run([*WORDS, "-o", str(copy)]) == 0
    again = {name for name, when in times(copy).items() if before.get(name) != when}
    assert {name.split("/")[0] for name in again} <= {
        "order.json",
        "card.json",
        "card.md",
        "card.html",
        "thumbnails.npz",
    }


def test_a_page_that_cannot_be_drawn_is_a_warning(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "card.html").unlink()
    (copy / "card.html").mkdir()
    assert run([*WORDS, "-o", str(copy)]) == 0
    assert "warning: the page card was not drawn: ReportError: " in capsys.readouterr().err
    assert (copy / "card.md").is_file()


def test_other_files_are_made_of_the_same_weights(copy: Path) -> None:
    before = times(copy)
    words = [*WORDS, "--precision", "int8,float16", "--interface", "float32", "-o", str(copy)]
    assert run(words) == 0
    assert times(copy)["weights.npz"] == before["weights.npz"]
    names = {one.name: one for one in Card.open(copy).files}
    assert names.keys() == {"model-int8.tflite", "model-float16.tflite"}
    assert names["model-int8.tflite"].input_kind == "float32"


def test_a_file_that_was_damaged_is_made_again(copy: Path, shipped: Path) -> None:
    file = copy / "model-int8.tflite"
    file.write_bytes(file.read_bytes()[:-7])
    assert run([*WORDS, "-o", str(copy)]) == 0
    assert file.read_bytes() == (shipped / "model-int8.tflite").read_bytes()


@pytest.mark.parametrize("name", ["model-int8.predictions.npz", "weights.predictions.npz", "files/int8.json"])
@pytest.mark.parametrize("way", ["cut", "gone", "of others"])
def test_what_follows_from_a_file_is_made_again(name: str, way: str, copy: Path, shipped: Path) -> None:
    if way == "cut":
        (copy / name).write_bytes((copy / name).read_bytes()[:100])
    elif way == "gone":
        (copy / name).unlink()
    elif name.endswith(".npz"):
        arrays = dict(np.load(copy / name))
        np.savez(copy / name, **{key: one[:5] if one.ndim else one for key, one in arrays.items()})
    assert run([*WORDS, "-o", str(copy)]) == 0
    assert (copy / name).read_bytes() == (shipped / name).read_bytes()
    assert Card.open(copy).files == Card.open(shipped).files


def test_a_training_for_int8_follows_its_own_calibration(copy: Path, tmp_path: Path) -> None:
    """Also where one from other images stands in the folder."""
    words, other = [*WORDS, "--precision", "int8", "--quantize", "qat"], Path(shutil.copytree(copy, tmp_path / "other"))
    assert run([*words, "--calibration", "3", "-o", str(copy)]) == 0
    for folder in (copy, other):
        assert run([*words, "--calibration", "90", "-o", str(folder)]) == 0
    assert (copy / "model-int8.tflite").read_bytes() == (other / "model-int8.tflite").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seed", "1"], "holds another training (seed was 0, is now 1)"),
        (["--epochs", "3"], "holds another training (epochs was 2, is now 3)"),
        (["--data", "npz:x.npz"], "holds another training (data was another, is now another)"),
    ],
)
def test_another_training_is_refused(
    shipped: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = times(shipped)
    assert run([*WORDS, *words, "-o", str(shipped)]) == 2
    assert told in capsys.readouterr().err
    assert times(shipped) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--data", "folder:none"], "none"),
        (["--weights", "none.npz"], "none.npz"),
        (["--freeze", "block9"], "no block 'block9'"),
        (["--device", "adb:"], "adb:"),
        (["--device", "table:none.json"], "none.json"),
        (["--device", "toaster"], "toaster"),
    ],
)
def test_bad_input_is_one_line_before_anything_is_trained(
    tmp_path: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*WORDS, *words, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.rglob("weights.npz"))
    assert not list(tmp_path.rglob("*.tflite"))


def test_a_model_that_is_killed_ships_all_the_same(shipped: Path, tmp_path: Path) -> None:
    """At random instants, and the weights and files are those of an undisturbed one, byte for byte."""
    folder, rng = tmp_path / "out", np.random.default_rng(int(os.environ.get("SEED", "0")))
    for _ in range(2):
        process = subprocess.Popen([MNAS, *WORDS, "-o", str(folder)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        while process.poll() is None and not (folder / "order.json").exists():
            time.sleep(0.01)
        time.sleep(rng.uniform(0.5, 5.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run([*WORDS, "-o", str(folder)]) == 0
    for name in ("weights.npz", "model-float32.tflite", "model-int8.tflite"):
        assert (folder / name).read_bytes() == (shipped / name).read_bytes()
    ours, theirs = (json.loads((one / "card.json").read_text()) for one in (folder, shipped))
    assert ours["files"] == theirs["files"]


def test_ctrl_c_says_how_to_resume(tmp_path: Path) -> None:
    words = [MNAS, *WORDS, "--epochs", "500", "-o", str(tmp_path / "out")]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any("epoch 1 of 500" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("stopped; nothing is lost. To resume: mnas train")


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    import mnas.files

    whole = mnas.files.write_whole

    def full(path: Path, data: bytes) -> None:
        if path.name == "model-int8.tflite":
            raise OSError(28, "No space left on device")
        whole(path, data)

    monkeypatch.setattr(mnas.files, "write_whole", full)
    assert run([*WORDS, "--epochs", "1", "-o", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"mnas: cannot write {tmp_path}/out/model-int8.tflite: No space left on device\n"
    assert not (tmp_path / "out" / "card.json").exists()
    monkeypatch.undo()
    assert run([*WORDS, "--epochs", "1", "-o", str(tmp_path / "out")]) == 0
