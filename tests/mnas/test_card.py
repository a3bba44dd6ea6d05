"""A card holds what its files are, is read by the class that wrote it, and says in words what people must know."""

import gzip
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from cards import CLASSIFICATION, TIMING, TRAINING, dataset, predictions, shipped
from toy_task import DISCS, load

from mnas.errors import RunFailed, SearchError
from mnas.shipping.card import Card, Change, Scored, ShippedFile, is_card
from mnas.shipping.card_text import card_text
from mnas.shipping.card_warnings import card_warnings
from mnas.shipping.card_words import change_words, count_words, headline, size_words, time_words, verdict_words
from mnas.shipping.make_card import Judgement, architecture_facts, make_card
from mnas.shipping.results import (
    MOST_THUMBNAILS,
    THUMBNAILS,
    judged,
    predictions_path,
    read_predictions,
    read_thumbnails,
    write_predictions,
    write_thumbnails,
)
from mnas.tasks.findings import Predictions
from search_spaces import published


@pytest.fixture
def card(tmp_path):
    return shipped(tmp_path / "out", dataset(), target_ms=1.5)


def test_a_card_says_of_each_file_what_it_is_and_what_it_says(card, tmp_path):
    folder = tmp_path / "out"
    assert [one.name for one in card.files] == ["model-float32.tflite", "model-int8.tflite"]
    for file in card.files:
        content = (folder / file.name).read_bytes()
        found = read_predictions(predictions_path(folder / file.name))
        accuracy = (found.outputs.argmax(axis=1) == found.targets).mean()
        assert file.tested.test_value == found.value == pytest.approx(accuracy)
        assert (file.tested.low, file.tested.high) == CLASSIFICATION.metric.interval(accuracy, 60)
        assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert gzip.decompress(gzip.compress(content, 9, mtime=0)) == content
        assert file.gz_bytes == len(gzip.compress(content, 9, mtime=0))
        assert (file.input_kind, file.input_shape, file.output_kind) == ("float32", (8, 8, 4), "float32")
    first, second = card.files
    assert first.change.difference == 0
    assert (first.change.low, first.change.high) == pytest.approx((-0.045, 0.045), abs=2e-3)
    assert second.change.low <= second.change.difference <= second.change.high
    assert card.float_network == first.tested
    assert card.data.splits == {"train": 60, "validation": 60, "test": 60}
    assert card.data.labels == ("cat", "dog", "owl")
    assert {"python", "mnas", "tensorflow", "ai-edge-litert"} <= card.versions.keys()


def test_a_card_comes_back_as_it_was(card, tmp_path):
    stored = json.loads((tmp_path / "out" / "card.json").read_text())
    assert stored["files"][1]["tested"]["test_accuracy"] == card.files[1].tested.test_value
    assert stored["training"]["history"][0]["accuracy"] == 0.4
    assert Card.open(tmp_path / "out") == card
    assert is_card(tmp_path / "out")
    assert not is_card(tmp_path)


def test_a_card_names_no_folder_of_this_machine(card, tmp_path):
    for name in ("card.json", "card.md"):
        assert str(tmp_path) not in (tmp_path / "out" / name).read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "card.json is of format 2, and this version of mnas reads format 1"),
        ({"task": "other"}, "no task 'other'"),
        ({"files": [{"name": "x"}]}, r"card.json: files\[0\].precision is missing"),
        ({"target_ms": "fast"}, "card.json: target_ms is 'fast'"),
    ],
)
def test_a_damaged_card_is_one_line_with_file_and_key(card, tmp_path, change, words):
    path = tmp_path / "out" / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SearchError, match=words) as caught:
        Card.open(path.parent)
    assert "\n" not in str(caught.value)


def test_the_same_facts_give_the_same_bytes(card, tmp_path):
    shipped(tmp_path / "again", dataset(), target_ms=1.5)
    for name in sorted(path.name for path in (tmp_path / "out").iterdir()):
        if not name.endswith(".npz"):
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_text_says_it_all(card, tmp_path):
    text = (tmp_path / "out" / "card.md").read_text()
    assert text.startswith("# mnasnet-a1\n\nmodel-int8.tflite is right on ")
    assert "| model-int8.tflite | " in text
    for words in (
        "meets the target of 1.5 ms",
        "misses the target of 1.5 ms",
        "mnas train mnasnet-a1 --data folder:pets -o out",
        "MBConv6 k3",
        "r1_k3",
        "3 epochs in 1.5 minutes, seed 7",
        "- labels: cat, dog, owl",
        "this machine (host), LiteRT 2.3.0, 1 thread, cpu, 150 runs in 3 processes",
        "60 train",
    ):
        assert words in text


def test_lines_that_were_broken_for_a_terminal_are_whole_in_a_card(tmp_path):
    summary = ("pets: 60 images", "per class: cat: 20,", "  dog: 20, owl: 20", "scale: none")
    text = card_text(shipped(tmp_path, replace(dataset(), summary=summary)))
    assert "- pets: 60 images\n- per class: cat: 20, dog: 20, owl: 20\n- scale: none\n" in text


def test_names_are_not_markup(tmp_path):
    names = ("<script>alert(1)</script>", "a|b\n# c", "`*_[x](y)`" * 40)
    card = shipped(tmp_path, dataset(names=names), command="mnas train `x` ```", diagnosis=("```", "<b>"))
    text = card_text(card)
    assert "<script>" not in text
    assert "\\<script\\>" in text
    assert "a\\|b\\\\n\\# c" in text
    assert re.search(r"^````\nmnas train `x` ```\n````$", text, re.MULTILINE)


def test_a_task_that_only_has_a_metric_has_a_card_too(tmp_path):
    data = load("discs:80", image_size=8, channels=1, validation_share=0.2, test_share=0.2, seed=0, limit=None)
    rng = np.random.default_rng(0)

    def said(data, seed):
        return judged(DISCS, lambda inputs: rng.uniform(0, 1, (len(inputs), 1)), data.test)

    card = shipped(tmp_path, data, task=DISCS, said=said)
    assert Card.open(tmp_path) == card
    assert card.files[1].change.low is None
    assert "radius error" in card_text(card)
    assert read_thumbnails(tmp_path / THUMBNAILS) == {}
    assert read_predictions(predictions_path(tmp_path / "model-int8.tflite")).outputs.shape == (16, 1)


def test_a_file_that_is_not_a_model_is_refused(tmp_path):
    data = dataset()
    network = architecture_facts("mnasnet-a1", published("mnasnet-a1"), CLASSIFICATION, data)
    (tmp_path / "model.tflite").write_bytes(b"no model, whatever its name says")
    with pytest.raises(SearchError, match="is not a TFLite file"):
        make_card(
            CLASSIFICATION,
            data,
            network,
            TRAINING,
            [Judgement(tmp_path / "model.tflite", predictions(data))],
            command="",
        )
    with pytest.raises(RunFailed, match="cannot read"):
        make_card(
            CLASSIFICATION, data, network, TRAINING, [Judgement(tmp_path / "none", predictions(data))], command=""
        )


def file(precision="float32", median_ms=1.0, **changes):
    timing = replace(
        TIMING, precision=precision, median_ms=median_ms, low_ms=0.99 * median_ms, high_ms=1.01 * median_ms
    )
    facts = {"input_kind": "uint8", "input_shape": (8, 8, 3), "output_kind": "uint8", "latency": timing} | changes
    sizes = {"route": "", "size_bytes": 9, "gz_bytes": 9, "sha256": "", "tested": Scored(test_value=0.5)}
    return ShippedFile(name=f"model-{precision}.tflite", precision=precision, **sizes, **facts)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([file(), file("dynamic", 2.5)], ["model-dynamic.tflite is slower than model-float32.tflite: 2.50 ms"]),
        ([file(), file("float16", 1.01)], []),  # within the intervals
        ([file(), file("dynamic", 2.5, latency=replace(TIMING, device="adb:1", median_ms=2.5))], []),
        ([file("int8", input_kind="int8")], ["refuse: model-int8.tflite."]),
        ([file("int8", input_shape=(8, 8, 1))], ["For grey images"]),
        ([file("int8", latency=replace(TIMING, verdict="noisy", reason="only 2 sessions"))], ["only 2 sessions"]),
        (
            [file("int8", latency=replace(TIMING, conditions={"predicted": True}))],
            ["was estimated from a latency table"],
        ),
        ([file("int8", latency=None)], []),
    ],
)
def test_warnings_follow_from_the_files(files, words):
    found = card_warnings(files, 0.0)
    assert len(found) == len(words)
    assert all(word in said for said, word in zip(found, words, strict=True))


def test_pruning_is_said_to_save_size_and_not_time():
    (warning,) = card_warnings([file()], 0.5)
    assert "50% of the weights" in warning
    assert "not faster" in warning


def test_words():
    metric = CLASSIFICATION.metric
    assert [size_words(size) for size in (512, 41_234, 412_345, 3_890_000)] == [
        "512 bytes",
        "41.2 kB",
        "412 kB",
        "3.89 MB",
    ]
    assert [count_words(number) for number in (12, 52_100, 312_000_000)] == ["12", "52.1k", "312M"]
    assert (
        time_words(replace(TIMING, median_ms=0.0856, low_ms=0.085, high_ms=0.0871))
        == "0.0856 ms (0.0850\N{EN DASH}0.0871)"
    )
    assert time_words(replace(TIMING, median_ms=None, verdict="failed")) == "no latency"
    assert verdict_words(TIMING, 1.0) == "valid; the target of 1 ms lies within the interval"
    change = shipped_change(-0.004, -0.006, -0.002)
    assert change_words(change, metric) == "0.4 points less accurate (-0.60 to -0.20)"
    told = change_words(shipped_change(0.001, -0.001, 0.003), metric)
    assert told == "no clear difference (-0.10 to +0.30 points)"
    assert change_words(shipped_change(0.0, None, None), metric) == "the same"


def shipped_change(difference, low, high):
    return Change(difference=difference, low=low, high=high)


def test_the_headline_is_about_the_fastest_file_that_was_timed_well(card):
    assert headline(card).startswith("model-int8.tflite is right on ")
    assert headline(card).endswith(" needs 1.00 ms on host.")
    bare = card.model_copy(update={"files": (card.files[0].model_copy(update={"latency": None}),)})
    assert " ms " not in headline(bare)
    assert headline(card.model_copy(update={"files": ()})) == "mnasnet-a1 has no files."


def test_a_network_is_judged_and_its_outputs_kept_in_one_go():
    data = dataset()
    said, calls = predictions(data), []

    def predict(inputs):
        calls.append(len(inputs))
        return said.outputs

    found = judged(CLASSIFICATION, predict, data.test)
    assert found.value == said.value
    assert calls == [60]
    np.testing.assert_array_equal(found.outputs, said.outputs)
    np.testing.assert_array_equal(found.targets, data.test.labels)


def test_a_judge_that_leaves_examples_out_is_refused():
    data = dataset()
    half = replace(CLASSIFICATION, judge=lambda predict, examples: float(predict(examples.inputs[:30]).mean()))
    with pytest.raises(SearchError, match="predict 30 of 60 images"):
        judged(half, lambda inputs: np.zeros((len(inputs), 3)), data.test)


def test_predictions_come_back(tmp_path):
    said = predictions(dataset())
    write_predictions(tmp_path / "x.npz", said)
    found = read_predictions(tmp_path / "x.npz")
    assert found.value == said.value
    for name in ("outputs", "targets", "indices"):
        np.testing.assert_array_equal(getattr(found, name), getattr(said, name))
        assert getattr(found, name).dtype == getattr(said, name).dtype


@pytest.mark.parametrize(
    "arrays",
    [{"outputs": np.zeros(3)}, {**dict.fromkeys(("value", "outputs", "targets"), np.zeros(3)), "indices": np.zeros(2)}],
)
def test_damaged_predictions_are_one_line(tmp_path, arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(SearchError, match="does not hold predictions"):
        read_predictions(tmp_path / "x.npz")
    with pytest.raises(SearchError, match="does not hold thumbnails"):
        read_thumbnails(tmp_path / "x.npz")


class Batchwise:
    """Images that are made when they are asked for, in batches only."""

    def __init__(self, count, shape):
        self.shape, self.largest = (count, *shape), 0

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, places):
        places = np.arange(len(self))[places] if isinstance(places, slice) else np.asarray(places)
        self.largest = max(self.largest, len(places))
        return np.broadcast_to(
            (places % 256 / 255).astype(np.float32)[:, None, None, None], (len(places), *self.shape[1:])
        )


def test_thumbnails_are_few_small_and_read_in_batches(tmp_path):
    count = 5000
    data = dataset(count, names=tuple(f"class {one}" for one in range(40)), shape=(1, 1, 1))
    inputs = Batchwise(count, (200, 100, 3))
    examples = type("Examples", (), {"inputs": inputs, "targets": data.test.labels, "__len__": lambda self: count})()
    labels = data.class_names
    found = [CLASSIFICATION.findings(predictions(data, seed, right=0.5), labels) for seed in (0, 1)]
    write_thumbnails(tmp_path / "t.npz", found, examples)
    small = read_thumbnails(tmp_path / "t.npz")
    assert len(small) == MOST_THUMBNAILS
    assert inputs.largest <= 64
    assert {image.shape for image in small.values()} == {(96, 48, 3)}
    assert all((image == index % 256).all() for index, image in small.items())
    assert {picture.index for one in found for picture in one.gallery.pictures} <= small.keys()
    mistakes = [cell for one in found for cell in one.matrix.cells.values() if cell.kind == "wrong"]
    largest = sorted(mistakes, key=lambda cell: cell.count)[-100:]
    assert {cell.pictures[0].index for cell in largest} <= small.keys()


def test_thumbnails_of_the_same_findings_are_the_same(tmp_path):
    data = dataset()
    found = [CLASSIFICATION.findings(predictions(data), data.class_names)]
    for name in ("one", "two"):
        write_thumbnails(tmp_path / name, found, data.test)
    one, two = (read_thumbnails(tmp_path / name) for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all((one[index] == np.round(data.test.images[index] * 255)).all() for index in one)


def test_inputs_that_are_not_images_have_no_thumbnails(tmp_path):
    data = dataset()
    found = [CLASSIFICATION.findings(predictions(data), data.class_names)]
    examples = Predictions(0.0, data.test.labels, data.test.labels, data.test.labels)
    words = type("Words", (), {"inputs": np.zeros((60, 16), np.float32), "targets": examples.targets})()
    write_thumbnails(tmp_path / "t.npz", found, words)
    assert read_thumbnails(tmp_path / "t.npz") == {}
