"""Labels and normalization inside a TFLite file, where the readers of apps look for them.

The format is that of TFLite metadata (`metadata_schema.fbs` 1.5.0): a flatbuffer in a buffer of the model that is
named `TFLITE_METADATA`, and behind the model a ZIP archive, not compressed, with the labels as a text file. The
official writers cannot be had: MediaPipe's imports a module that its wheel lacks, tflite-support needs a protobuf that
TensorFlow refuses.
"""

import io
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from device_bench.errors import BadRequest
from device_bench.tflite import flat
from device_bench.tflite.flat import FlatTable
from device_bench.tflite.graph import Graph, check_identifier, reading
from device_bench.tflite.packing import packed, unpacked

_ENTRY, _IDENTIFIER = "TFLITE_METADATA", b"M001"
_PARSER_VERSION = "1.0.0"
_LABELS = "labels.txt"
_DATE = (1980, 1, 1, 0, 0, 0)

# Numbers of fields and of members, in the order in which metadata_schema.fbs declares them.
_NAME, _DESCRIPTION = 0, 1
_MODEL_VERSION, _MODEL_SUBGRAPHS, _MODEL_AUTHOR, _MODEL_LICENSE, _MODEL_PARSER = 2, 3, 4, 5, 7
_SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS = 2, 3
_TENSOR_CONTENT, _TENSOR_UNITS, _TENSOR_FILES = 3, 4, 6
_CONTENT_TYPE, _CONTENT_PROPERTIES = 0, 1
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_IMAGE_COLOURS, _RGB, _GREY = 0, 1, 2
_UNIT_TYPE, _UNIT_OPTIONS, _NORMALIZATION = 0, 1, 1
_NORMALIZATION_MEAN, _NORMALIZATION_STD = 0, 1
_FILE_TYPE, _AXIS_LABELS = 2, 2

_Table = dict[int, "int | _Value"]
_Value = str | tuple[float, ...] | list[_Table] | _Table


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file of an image classifier says of itself.

    Attributes:
        labels: The name of each class, in the order of the outputs.
        name: Of the model.
        description: What it tells apart, what it was trained on.
        version: Of the model.
        author: Who made it.
        license: Under which it may be used.
        mean: Subtracted from each channel's 0 to 255 before `std` divides it; one number for all channels, or one
            each. A uint8 input gets the bytes as they are.
        std: See `mean`; the defaults make the [0, 1] of this project.
    """

    labels: tuple[str, ...]
    name: str
    description: str = ""
    version: str = ""
    author: str = ""
    license: str = ""
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (255.0,)


def with_metadata(content: bytes, metadata: Metadata) -> bytes:
    """Puts metadata into the file of an image classifier, in the place of those it has.

    Args:
        content: A TFLite file with one image `[1, height, width, channels]` as input and one score per class as
            output.
        metadata: What to put in. White space around labels is dropped.

    Returns:
        The file: same bytes for same arguments, same outputs as before.

    Raises:
        BadRequest: The bytes are not such a file, or the labels do not fit: not one per output, a blank one, one with
            a line break or another control character.
    """
    channels, outputs = _ends(content)
    metadata = replace(metadata, labels=_checked_labels(metadata.labels, outputs))
    model = unpacked(content)
    model.buffers[_place(model)].data = np.frombuffer(_written(metadata, channels), np.uint8)
    file = io.BytesIO(packed(model))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        # A fixed date: the same model gives the same bytes.
        archive.writestr(zipfile.ZipInfo(_LABELS, _DATE), "".join(f"{label}\n" for label in metadata.labels))
    return file.getvalue()


def read_metadata(content: bytes, name: str = "the model") -> Metadata | None:
    """Reads what a file says of itself, as it stands there.

    Args:
        content: A TFLite file.
        name: What to call it in an error.

    Returns:
        None when it has no metadata; without labels, or without normalization, where those are missing.

    Raises:
        BadRequest: The bytes are not a TFLite file, its metadata are damaged, or its labels are not where these say.
    """
    check_identifier(content, name)
    with reading(name):
        held = _held(content)
        if held is None:
            return None
        root = FlatTable.root(held)
        graph = next(root.tables(_MODEL_SUBGRAPHS))
        [image, *_], [scores, *_] = graph.tables(_SUBGRAPH_INPUTS), graph.tables(_SUBGRAPH_OUTPUTS)
        mean, std = _normalization(image)
        return Metadata(
            labels=_labels(scores, content, name),
            name=root.text(_NAME),
            description=root.text(_DESCRIPTION),
            version=root.text(_MODEL_VERSION),
            author=root.text(_MODEL_AUTHOR),
            license=root.text(_MODEL_LICENSE),
            mean=mean,
            std=std,
        )


def has_metadata(content: bytes) -> bool:
    """Whether a TFLite file has metadata, whatever they hold."""
    return _held(content) is not None


def _ends(content: bytes) -> tuple[int, int]:
    """The channels of the image that a file takes, and how many scores it gives."""
    check_identifier(content, "the model")
    with reading("the model"):
        graph = Graph(content)
        ends = [[graph.tensors[one].sizes for one in side] for side in (graph.inputs, graph.outputs)]
    match ends:
        case [[(_, _, _, channels)], [(_, *_, outputs)]]:
            return channels, outputs
    raise BadRequest(f"metadata are for a file with one image as input and one list of scores as output, not {ends}")


def _checked_labels(labels: Sequence[str], outputs: int) -> tuple[str, ...]:
    """The labels as lines of a text file.

    A label may come twice, as "crane" does in ImageNet's: apps get the number of the class beside it.
    """
    stripped = tuple(label.strip() for label in labels)
    if len(stripped) != outputs:
        raise BadRequest(f"{len(stripped)} labels for the {outputs} outputs of the file; give one per output, in order")
    for number, label in enumerate(stripped):
        if not label:
            raise BadRequest(f"the label of class {number} is blank")
        # Cc: control characters, line breaks among them; Cs: halves of characters, which UTF-8 cannot hold.
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in label):
            raise BadRequest(f"the label of class {number}, {label!a}, holds a line break or a control character")
    return stripped


def _place(model: schema.ModelT) -> int:
    """The number of the buffer for the metadata, made where there is none yet."""
    for entry in model.metadata or []:
        if entry.name == _ENTRY.encode():
            return int(entry.buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _ENTRY, len(model.buffers)
    model.metadata = [*(model.metadata or []), entry]
    model.buffers.append(schema.BufferT())
    return int(entry.buffer)


def _written(metadata: Metadata, channels: int) -> bytes:
    """The flatbuffer of `metadata_schema.fbs`."""
    colours = {1: _GREY, 3: _RGB}.get(channels, 0)
    image: _Table = {
        _NAME: "image",
        _TENSOR_CONTENT: {_CONTENT_TYPE: _IMAGE_PROPERTIES, _CONTENT_PROPERTIES: {_IMAGE_COLOURS: colours}},
        _TENSOR_UNITS: [
            {
                _UNIT_TYPE: _NORMALIZATION,
                _UNIT_OPTIONS: {_NORMALIZATION_MEAN: metadata.mean, _NORMALIZATION_STD: metadata.std},
            }
        ],
    }
    scores: _Table = {
        _NAME: "probability",
        _TENSOR_CONTENT: {_CONTENT_TYPE: _FEATURE_PROPERTIES, _CONTENT_PROPERTIES: {}},
        _TENSOR_FILES: [{_NAME: _LABELS, _FILE_TYPE: _AXIS_LABELS}],
    }
    builder = flatbuffers.Builder(1024)
    root = _write(
        builder,
        {
            _NAME: metadata.name,
            _DESCRIPTION: metadata.description,
            _MODEL_VERSION: metadata.version,
            _MODEL_SUBGRAPHS: [{_SUBGRAPH_INPUTS: [image], _SUBGRAPH_OUTPUTS: [scores]}],
            _MODEL_AUTHOR: metadata.author,
            _MODEL_LICENSE: metadata.license,
            _MODEL_PARSER: _PARSER_VERSION,
        },
    )
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def _write(builder: flatbuffers.Builder, value: "_Value") -> int:
    """Writes a string, a vector of floats, a vector of tables, or a table, whose whole numbers are bytes."""
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, tuple):
        return int(builder.CreateNumpyVector(np.array(value, np.float32)))
    if isinstance(value, list):
        places = [_write(builder, one) for one in value]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return int(builder.EndVector())
    parts = {field: _write(builder, part) for field, part in value.items() if not isinstance(part, int) and part != ""}
    builder.StartObject(max(value, default=-1) + 1)
    for field, part in value.items():
        if isinstance(part, int):
            builder.PrependInt8Slot(field, part, 0)
        elif field in parts:
            builder.PrependUOffsetTRelativeSlot(field, parts[field], 0)
    return int(builder.EndObject())


def _held(content: bytes) -> bytes | None:
    """The flatbuffer of the metadata of a file, or None."""
    root = FlatTable.root(content)
    for entry in root.tables(flat.MODEL_METADATA):
        if entry.text(flat.METADATA_NAME) == _ENTRY:
            buffers = list(root.tables(flat.MODEL_BUFFERS))
            return buffers[entry.number(flat.METADATA_BUFFER)].octets(flat.BUFFER_DATA)
    return None


def _normalization(image: FlatTable) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation; empty where they are not said."""
    for unit in image.tables(_TENSOR_UNITS):
        options = unit.table(_UNIT_OPTIONS)
        if unit.byte(_UNIT_TYPE) == _NORMALIZATION and options is not None:
            return options.floats(_NORMALIZATION_MEAN), options.floats(_NORMALIZATION_STD)
    return (), ()


def _labels(scores: FlatTable, content: bytes, name: str) -> tuple[str, ...]:
    """The lines of the label file; none where no such file is announced."""
    files = [one.text(_NAME) for one in scores.tables(_TENSOR_FILES) if one.byte(_FILE_TYPE) == _AXIS_LABELS]
    if not files:
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.getinfo(files[0]).compress_type != zipfile.ZIP_STORED:
                raise BadRequest(f"{name}: {files[0]!r} is compressed, which the readers of apps refuse")
            lines = archive.read(files[0]).decode().split("\n")
    except (zipfile.BadZipFile, KeyError):
        raise BadRequest(f"{name}: the labels {files[0]!r} that its metadata announce are not appended to it") from None
    return tuple(lines if lines[-1] else lines[:-1])
