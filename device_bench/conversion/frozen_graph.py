"""One inference of a Keras model as a plain graph of constants, in a tenth of the time of TensorFlow's own freezing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device_bench.conversion.dilations import undo_detours
from device_bench.tflite.model_inputs import Shape

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras

_READ = "ReadVariableOp"


@dataclass(frozen=True, slots=True)
class FrozenGraph:
    """A graph whose variables are constants.

    Attributes:
        definition: The graph.
        inputs: Its input tensors, batch of 1.
        outputs: Its output tensors.
    """

    definition: "tf.compat.v1.GraphDef"
    inputs: list["tf.Tensor"]
    outputs: list["tf.Tensor"]


def trace(model: "tf_keras.Model", shapes: Sequence[Shape]) -> "tf.types.experimental.ConcreteFunction":
    """Traces one inference of a batch of 1; several inputs keep their names."""
    import tensorflow as tf

    if len(shapes) == 1:
        infer = tf.function(lambda images: model(images, training=False), autograph=False)
        return infer.get_concrete_function(tf.TensorSpec((1, *shapes[0]), model.inputs[0].dtype))
    infer = tf.function(lambda *inputs: model([*inputs], training=False), autograph=False)
    given = zip(model.inputs, model.input_names, shapes, strict=True)
    return infer.get_concrete_function(*(tf.TensorSpec((1, *shape), one.dtype, name) for one, name, shape in given))


def freeze(traced: "tf.types.experimental.ConcreteFunction") -> FrozenGraph | None:
    """Puts constants where the traced graph reads variables.

    Returns:
        The graph, or None when it is not plain: it calls functions, or does more with a variable than read it.
    """
    import tensorflow as tf

    graph = traced.graph
    source = graph.as_graph_def()
    if source.library.function:
        return None
    values = _captured(graph)
    frozen = tf.compat.v1.GraphDef()
    frozen.versions.CopyFrom(source.versions)
    for node in source.node:
        if node.name in values:
            continue
        if node.op == _READ and node.input[0] in values:
            constant = frozen.node.add(name=node.name, op="Const")
            constant.attr["dtype"].CopyFrom(node.attr["dtype"])
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values[node.input[0]]))
        elif any(name.partition(":")[0].lstrip("^") in values for name in node.input):
            return None
        else:
            frozen.node.add().CopyFrom(node)
    undo_detours(frozen, graph)
    captured = len(graph.captures)
    return FrozenGraph(frozen, graph.inputs[: len(graph.inputs) - captured], list(graph.outputs))


def _captured(graph: Any) -> dict[str, Any]:
    """The value of each variable (or other tensor) that the graph takes from outside, by its placeholder's name."""
    import tensorflow as tf

    variables = {id(variable.handle): variable for variable in graph.variables}
    values = {}
    for outer, inner in graph.captures:
        source = variables[id(outer)] if outer.dtype == tf.resource else outer
        values[inner.op.name] = source.numpy()
    return values
