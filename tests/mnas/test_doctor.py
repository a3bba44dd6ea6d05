import json
from dataclasses import dataclass

import numpy as np
import pytest
from faulty_network import SHAPE, faulty_network

from device_bench import to_tflite
from device_bench.errors import ConversionError
from device_bench.tflite.graph import Graph
from mnas.errors import SearchError
from mnas.shipping.doctor import Case, diagnose, place
from mnas.shipping.repair import repair
from mnas.tasks import task
from mnas.training.outputs import tflite_outputs, tflite_predict

CLASSIFICATION = task("classification")


@dataclass
class Labelled:
    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self):
        return len(self.inputs)


@pytest.fixture(scope="module")
def images():
    """Coloured noise."""
    rng = np.random.default_rng(2)
    return (rng.random((200, 1, 1, 3)) * rng.random((200, *SHAPE))).astype(np.float32)


def _centred(images, blown_up):
    """The network with its fault, all classes about equally likely."""
    model = faulty_network(blown_up)
    kernel, bias = model.get_layer("classifier").get_weights()
    model.get_layer("classifier").set_weights([kernel, bias - model(images).numpy().mean(axis=0)])
    return model


def _case(model, images, calibration):
    """Labelled as the float network sees them."""
    plain = to_tflite(model, "float32")
    labelled = Labelled(images, tflite_outputs(plain, images).argmax(axis=1))
    return Case(plain, to_tflite(model, "int8", calibration), CLASSIFICATION, labelled, images[:6])


@pytest.fixture(scope="module")
def case(images):
    return _case(_centred(images, 1000.0), images, images[:20])


@pytest.fixture(scope="module")
def diagnosis(case):
    return diagnose(case)


def test_the_bad_operator_is_named_first(diagnosis):
    worst = diagnosis.worst[0]
    assert worst.place == "depthwise"
    assert worst.share > 0.9
    assert worst.words.startswith("depthwise (DEPTHWISE_CONV_2D): ")
    assert "mostly from rounding its output" in worst.words


def test_the_files_are_judged_by_the_task(case, diagnosis):
    assert diagnosis.value_float == 1.0
    assert diagnosis.value == CLASSIFICATION.judge(tflite_predict(case.quantized), case.examples)
    assert diagnosis.agreement == diagnosis.value, "the labels are the float network's own answers"
    assert diagnosis.error > 0.2


def test_a_diagnosis_can_be_read_aloud(diagnosis):
    lines = diagnosis.lines(CLASSIFICATION)
    assert lines[0] == f"Accuracy on 200 images: float32 100.0%, int8 {diagnosis.value:.1%}."
    assert "(95 % interval " in lines[1]
    assert [line[:3] for line in lines[-3:]] == ["1. ", "2. ", "3. "]


def test_records_survive_being_written(case, diagnosis, images):
    record, _ = repair(case, diagnosis, floor=0.97, calibration=images, time_ms=lambda content: len(content) / 1000)
    for one in (diagnosis, record):
        stored = json.loads(json.dumps(one.stored(CLASSIFICATION)))
        assert type(one).of(stored, CLASSIFICATION, "card.json") == one
    assert {"accuracy", "accuracy_float"} <= set(diagnosis.stored(CLASSIFICATION))


def test_repair_keeps_the_culprit_in_float(case, diagnosis, images):
    record, content = repair(case, diagnosis, floor=0.97, calibration=images, time_ms=lambda content: 1.5)
    last = record.tried[-1]
    assert record.met
    assert last.value == CLASSIFICATION.judge(tflite_predict(content), case.examples) >= 0.97
    assert [one.split("/")[1] for one in last.kept] == ["depthwise", "block1.layer1.project.relu"] or len(
        last.kept
    ) == 2
    assert [one.way for one in record.tried] == [
        "calibrated on 200 images",
        "biases corrected",
        "2 operators in float32, biases of the others corrected",
    ]
    assert (last.size_bytes, last.median_ms) == (len(content), 1.5)
    graph = Graph(content)
    assert {graph.tensors[one].kind for one in (*graph.inputs, *graph.outputs)} == {"int8"}
    assert record.lines(CLASSIFICATION)[-1] == f"Repaired: {last.way}."
    assert (
        f"accuracy {last.value:.1%}, agrees with float32 on {last.agreement:.1%}, {len(content):,} bytes, 1.50 ms"
        in (record.lines(CLASSIFICATION)[-2])
    )


def test_a_training_comes_before_operators_in_float(case, diagnosis, images):
    asked = []
    healthy = to_tflite(_centred(images, 1.0), "int8", images)
    record, content = repair(
        case, diagnosis, floor=0.9, calibration=images, retrain=lambda: asked.append("trained") or healthy
    )
    assert asked == ["trained"]
    assert content == healthy
    assert record.tried[-1].way == "trained on with quantization"
    assert record.tried[-1].median_ms is None


def test_a_training_that_fails_is_told_and_passed_over(case, diagnosis, images):
    def fail():
        raise ConversionError("the converter refused it")

    record, content = repair(case, diagnosis, floor=0.97, calibration=images, retrain=fail)
    assert content is not None
    assert record.problems == ("trained on with quantization: the converter refused it.",)
    assert record.problems[0] in record.lines(CLASSIFICATION)


def test_a_file_that_meets_the_floor_stays(case, diagnosis, images):
    record, content = repair(case, diagnosis, floor=0.5, calibration=images)
    assert content == case.quantized
    assert record.tried == ()
    assert record.lines(CLASSIFICATION)[-1] == "The int8 file meets the floor as it is."


def test_a_floor_that_nothing_meets_is_told(images):
    model = _centred(images, 1.0)
    many = np.repeat(images, 10, axis=0) + np.random.default_rng(3).normal(0, 0.05, (2000, *SHAPE)).astype(np.float32)
    ordered = np.sort(model(many).numpy(), axis=1)
    hesitant = many[np.argsort(ordered[:, -1] - ordered[:, -2])[:60]]
    case = _case(model, hesitant, images)
    record, content = repair(case, diagnose(case), floor=1.0, calibration=images)
    assert not record.met
    assert record.tried
    best = record.best(CLASSIFICATION.metric)
    assert CLASSIFICATION.judge(tflite_predict(content), case.examples) == best.value >= record.given.value
    assert not best.kept
    assert record.lines(CLASSIFICATION)[-1].startswith("Nothing meets the floor; the best file of int8 alone")


def test_a_floor_above_the_float_network_is_told(case, diagnosis, images):
    upside_down = Labelled(case.examples.inputs, (case.examples.targets + 1) % 5)
    record, content = repair(
        Case(case.plain, case.quantized, CLASSIFICATION, upside_down, case.compared),
        diagnosis,
        floor=0.9,
        calibration=images,
    )
    assert content is None
    assert record.lines(CLASSIFICATION)[-1].startswith("The float32 network itself does not meet the floor")


def test_a_repair_needs_calibration(case, diagnosis, images):
    with pytest.raises(SearchError, match="needs calibration inputs"):
        repair(case, diagnosis, floor=0.97, calibration=images[:0])


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        (
            "network/block3.layer1.expand.relu6/Relu6;network/block3.layer1.expand/Conv2D",
            "CONV_2D",
            "block 3, layer 1, expand",
        ),
        ("network/block12.layer2.se.reduce.relu/Relu", "CONV_2D", "block 12, layer 2, se, reduce"),
        ("network/stem/Conv2D1", "CONV_2D", "stem"),
        ("network/block1.layer1.project.norm/FusedBatchNormV3", "CONV_2D", "block 1, layer 1, project"),
        ("Identity", "SOFTMAX", "the softmax at the end"),
        ("Identity", "FULLY_CONNECTED", "the output"),
        ("images", "INPUT", "the input"),
    ],
)
def test_places_are_in_words(name, kind, words):
    assert place(name, kind) == words
