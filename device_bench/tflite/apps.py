"""What makes a TFLite file of an image classifier one that apps open: MediaPipe Tasks and the TFLite Task Library."""

import numpy as np

from device_bench.tflite.graph import Graph, Tensor, check_identifier, reading
from device_bench.tflite.metadata import Metadata, read_metadata, with_metadata
from device_bench.tflite.signature import with_signature

RAW_PIXELS = (float(np.float32(1 / 255)), 0)
"""The scale and the zero point with which the bytes of an image are its values in [0, 1]."""


def finished(content: bytes, metadata: Metadata | None = None) -> bytes:
    """A converted file as it ships: with a signature and, for an image classifier, with metadata.

    Args:
        content: A TFLite file as the converter wrote it.
        metadata: Labels and what else to tell; None for a network that is not an image classifier.

    Raises:
        BadRequest: As `with_signature` and `with_metadata` do.
    """
    if metadata is None:
        return with_signature(content)
    return with_metadata(with_signature(content, ["image"], ["probability"]), metadata)


def check_for_apps(content: bytes, name: str = "the model") -> list[str]:
    """Says what keeps the readers of apps from opening a file, or from reading the right scores from it.

    Args:
        content: A TFLite file.
        name: What to call it in an error.

    Returns:
        One sentence per fault; none for a file that opens.

    Raises:
        BadRequest: The bytes are not a TFLite file, or it is damaged.
    """
    check_identifier(content, name)
    with reading(name):
        graph = Graph(content)
        inputs, outputs = ([graph.tensors[one] for one in side] for side in (graph.inputs, graph.outputs))
    metadata = read_metadata(content, name)
    if len(inputs) != 1 or len(inputs[0].sizes) != 4 or len(outputs) != 1:
        return ["It is not an image classifier: readers take one image as input and one list of scores as output."]
    faults = [*_image_faults(inputs[0]), *_score_faults(outputs[0])]
    if metadata is None:
        return [*faults, "It has no metadata: write them with `finished`."]
    return [*faults, *_metadata_faults(metadata, inputs[0], outputs[0])]


def _image_faults(image: Tensor) -> list[str]:
    faults = []
    channels = image.sizes[3]
    if channels == 1:
        faults.append("It takes grey images, and readers give colour: put `colour_front` before the network.")
    elif channels != 3:
        faults.append(f"It takes images of {channels} channels, and readers give three.")
    if image.kind not in ("uint8", "float32"):
        faults.append(f"Its input is {image.kind}, and readers give uint8 or float32: convert it with that interface.")
    if image.kind == "uint8" and image.scaling != RAW_PIXELS:
        faults.append(
            f"The scale and zero point of its uint8 input are {image.scaling}, not 1/255 and 0: readers hand it the "
            "bytes of the image as they are, so it would see another image."
        )
    return faults


def _score_faults(scores: Tensor) -> list[str]:
    if scores.kind not in ("uint8", "float32"):
        return [f"Its output is {scores.kind}, and readers take uint8 or float32: convert it with that interface."]
    return []


def _metadata_faults(metadata: Metadata, image: Tensor, scores: Tensor) -> list[str]:
    faults = []
    if len(metadata.labels) != scores.sizes[-1]:
        faults.append(f"It has {len(metadata.labels)} labels for {scores.sizes[-1]} outputs.")
    if any(label != label.strip() or not label for label in metadata.labels):
        faults.append("A label is blank, or has white space at an end.")
    if image.kind == "float32" and not metadata.mean:
        faults.append("Its metadata do not say how a float32 image is normalized.")
    if len(metadata.mean) > 1:
        faults.append("It is normalized per channel, which MediaPipe refuses.")
    return faults
