"""What a full training is asked for: networks by their names, recipes in words, and a directory of its own."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from device_bench.file_lock import held
from mnas.errors import SearchError
from mnas.shipping.architecture import Named, called, network, stacked
from mnas.shipping.cli import train
from mnas.shipping.order import FilesOrder, Order, Subject, TrainingOrder, claimed, recipe_changes
from search_spaces import SpaceError, from_notation, published, scale, to_json

LARGE, SMALL = (224, 224, 3), (32, 32, 1)
BLOCKS = "stem16 r1_k3_s11_e1_i16_o16 r2_k5_s22_e3_i16_o24_se0.25 head64"


def order(seed: int = 0, precisions: tuple = ("int8",), **training: object) -> Order:
    subject = Subject(arch=to_json(from_notation(BLOCKS)))
    asked = TrainingOrder(seed=seed, **training)
    return Order(subject=subject, training=asked, files=FilesOrder(precisions=precisions), named="a network")


def test_a_published_network_is_as_its_authors_made_it_at_their_size() -> None:
    assert network("mnasnet-a1", LARGE).arch == published("mnasnet-a1")
    assert network("mnasnet-a1@0.5x0.75", LARGE).arch == scale(published("mnasnet-a1"), 0.5, 0.75)
    assert network("mobilenet-v2@1.4", LARGE).notes == ()


def test_small_images_keep_their_pixels_and_the_card_says_so() -> None:
    named = network("mnasnet-a1", SMALL)
    assert named.arch.stem_stride == 1
    assert len(named.notes) == 1
    assert "32x32" in named.notes[0]


def test_found_cells_are_stacked_deeper_and_wider_for_larger_images() -> None:
    small = network("nasnet-a-cifar@0.25x0.33", SMALL)
    large = stacked(small, "4@1056", LARGE)
    assert large.arch == published("nasnet-a-mobile")
    assert large.notes == ("Its cells were stacked anew, 4@1056, for images of 224x224 pixels.",)
    assert stacked(large, "6@768", SMALL).arch == published("nasnet-a-cifar")


@pytest.mark.parametrize(
    ("name", "cells", "words"),
    [
        ("nasnet-a-cifar", "6x768", "'6x768' is not of the form N@P, such as 6@768"),
        ("nasnet-a-cifar", "0@768", "not of the form N@P"),
        ("nasnet-a-cifar", "6@770", "a multiple of 24 channels, not 770: 6@768 or 6@792 is near"),
        ("nasnet-a-cifar", "6@3", "6@24 is near"),
        ("nasnet-a-cifar", "101@768", "from 3 to 300 cells"),
        ("mnasnet-a1", "6@768", "a network of the family mnasnet has no cells to stack"),
    ],
)
def test_what_cannot_be_stacked_is_one_line(name: str, cells: str, words: str) -> None:
    with pytest.raises((SearchError, SpaceError), match=re.escape(words)) as caught:
        stacked(Named(published(name)), cells, SMALL)
    assert "\n" not in str(caught.value)


def test_what_is_written_out_is_taken_as_it_is(tmp_path: Path) -> None:
    arch = from_notation(BLOCKS)
    (tmp_path / "net.txt").write_text(BLOCKS.replace(" ", "\n"))
    (tmp_path / "net.json").write_text(to_json(arch))
    for text in (BLOCKS, to_json(arch), str(tmp_path / "net.txt"), str(tmp_path / "net.json")):
        assert network(text, SMALL) == network(BLOCKS, SMALL)
    assert network(BLOCKS, SMALL).arch == arch


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mnasnet-a2", "neither a file nor a published network"),
        ("mnasnet-a1@half", "'half' is not a factor"),
        ("mnasnet-a1@1.2.3", "'1.2.3' is not a factor"),
        ("mnasnet-a1@0", "must be positive"),
        ("mnasnet-a1@", "'' is not a factor"),
        ("{", "not an architecture"),
        ('{"type": "mnasnet"}', "not an architecture"),
        ("r1_k3_s11_e1_i32", "no o… token"),
        ("x" * 5000, "neither a file nor"),
    ],
)
def test_what_names_no_network_is_refused(text: str, words: str) -> None:
    with pytest.raises((SearchError, SpaceError), match=words) as told:
        network(text, SMALL)
    assert len(str(told.value)) < 1000


def test_a_network_that_is_written_out_has_a_short_name() -> None:
    assert called("mnasnet-a1@0.5", published("mnasnet-a1")) == "mnasnet-a1@0.5"
    assert re.fullmatch("mnasnet-[0-9a-f]{8}", called(BLOCKS, from_notation(BLOCKS)))


def test_a_folder_is_not_a_network_but_its_trials_are(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="is a folder: name a trial"):
        network(str(tmp_path), SMALL)
    with pytest.raises(SearchError, match="is not a run directory"):
        network(f"{tmp_path}:best", SMALL)


def test_a_recipe_in_words() -> None:
    assert recipe_changes(["flip=true", "batch_size=64", "learning_rate=1e-3", "optimizer=sgd"]) == {
        "flip": True,
        "batch_size": 64,
        "learning_rate": 0.001,
        "optimizer": "sgd",
    }


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("flip", "not of the form KEY=VALUE"),
        ("flipp=true", "with a KEY of: epochs, batch_size"),
        ("batch_size=many", "batch_size is 'many'"),
        ("learning_rate=nan", "learning_rate is 'nan'"),
        ("optimizer=adam", "optimizer is 'adam'"),
        ("dropout=1", "dropout"),
    ],
)
def test_an_impossible_recipe_is_refused(word: str, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        recipe_changes([word])


def test_a_directory_belongs_to_one_training(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with claimed(folder, order()):
        pass
    (folder / "training").mkdir()
    with claimed(folder, order(precisions=("int8", "float16"))):  # other files of the same weights
        assert Order.read(folder / "order.json").files.precisions == ("int8", "float16")
    with pytest.raises(SearchError, match="another training \\(seed was 0, is now 1\\)"), claimed(folder, order(1)):
        pass
    assert Order.read(folder / "order.json").training.seed == 0


def test_a_directory_whose_training_never_began_takes_another(tmp_path: Path) -> None:
    """As after a slip on the command line, which the next one mends; images of the former are read anew."""
    with claimed(tmp_path, order()):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / ".whole").touch()
    with claimed(tmp_path, order(1)):
        assert not (tmp_path / "data").exists()
    assert Order.read(tmp_path / "order.json").training.seed == 1


def test_another_network_is_told_by_its_name(tmp_path: Path) -> None:
    with claimed(tmp_path, order()):
        (tmp_path / "training").mkdir()
    other = Order(
        subject=Subject(arch=to_json(published("mnasnet-a1"))),
        training=TrainingOrder(),
        files=FilesOrder(precisions=("int8",)),
        named="mnasnet-a1",
    )
    told = "\\(network was 'a network', is now 'mnasnet-a1'\\)"
    with pytest.raises(SearchError, match=told), claimed(tmp_path, other):
        pass


def test_two_processes_do_not_work_in_one_directory(tmp_path: Path) -> None:
    with claimed(tmp_path, order()):
        second = claimed(tmp_path, order())
        with pytest.raises(SearchError, match="another process works in"):
            second.__enter__()
    with held(tmp_path / ".lock", wait_s=0):
        pass


def test_a_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(SearchError, match="is not of mnas"), claimed(tmp_path, order()):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("[]", "is not an order"), ('{"format": 1}', "is missing"), ("{}", "format")],
)
def test_a_damaged_order_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "order.json").write_text(text)
    with pytest.raises(SearchError, match=words), claimed(tmp_path, order()):
        pass


def test_an_order_survives_its_file(tmp_path: Path) -> None:
    asked = order(3, minutes=1.5, recipe={"flip": True}, weights="imagenet")
    asked.write(tmp_path / "order.json")
    assert Order.read(tmp_path / "order.json") == asked
    assert json.loads((tmp_path / "order.json").read_text())["training"]["recipe"] == {"flip": True}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--epochs", "3", "--minutes", "2"], "give one of them"),
        (["--epochs", "0"], "trains nothing: give --weights"),
        (["--recipe", "epochs=3"], "as --epochs"),
        (["--precision", "int4"], "int4"),
        (["--channels", "2"], "'2' is not one of"),
        (["--prune", "1"], "--prune"),
        (["--prune", "nan"], "--prune"),
        (["--minutes", "inf"], "inf is not a finite number"),
        (["--target", "nan"], "nan is not a finite number"),
        (["--floor", "nan"], "nan is not a finite number"),
        (["--test-share", "nan"], "--test-share"),
        (["--threads", "257"], "--threads"),
        (["--seed", "9223372036854775808"], "--seed"),
    ],
)
def test_options_that_cannot_be(words: list[str], told: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(train, ["mnasnet-a1", "--data", "digits", "-o", str(tmp_path / "out"), *words])
    assert found.exit_code == 2
    assert told in found.output
    assert not (tmp_path / "out").exists()
