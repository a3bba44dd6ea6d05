"""Networks judged as classification judges them."""

from mnas.tasks import task
from mnas.training.outputs import tflite_predict

CLASSIFICATION = task("classification")


def tflite_accuracy(content, split):
    return CLASSIFICATION.judge(tflite_predict(content), split)


def float_accuracy(model, split):
    from mnas.training.train import float_predict

    return CLASSIFICATION.judge(float_predict(model), split)
