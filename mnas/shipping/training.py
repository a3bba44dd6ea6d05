"""The weights of an order: a start, a full training, and pruning."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bench.terminal import counted, say
from mnas.errors import SearchError
from mnas.run import Run
from mnas.search.parents import open_parent
from mnas.shipping.card import Epoch, Training
from mnas.shipping.display import TrainingDisplay
from mnas.shipping.order import Order, changed
from mnas.tasks import Data, Task
from mnas.training.recipe import Recipe, full_recipe
from search_spaces import Extras, Graph, extras, from_json, lower
from search_spaces.front import FRONT

if TYPE_CHECKING:
    import tf_keras

    from mnas.training.in_training import BeforeStep, Network
    from mnas.training.long import LongTraining
    from mnas.training.transfer import Taken

WEIGHTS = "weights.npz"
_FACTS = "training.json"
_FLOAT, _PRUNING = "training", "pruning"
"""Folders of checkpoints."""

_TUNED, _FEWEST_TUNED = 0.1, 10
"""Epochs of a training that starts from weights, as a share of those from a random start, and at least."""

_AGAIN = 0.3
"""Epochs of a further training, as a share of those of the first."""

_GENTLER = 0.1
"""Learning rate of a further training, as a share of the first one's."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        graph: What it computes.
        model: The network, built from the graph.
        recipe: How it was trained.
        facts: What the card says of that.
    """

    graph: Graph
    model: tf_keras.Model
    recipe: Recipe
    facts: Training


def train_order(order: Order, task: Task[Any], data: Data, folder: Path) -> Trained:
    """Trains what an order asks for, or finds it trained in its folder, where `weights.npz` is then.

    Raises:
        SearchError: Weights to start from that do not fit, a block that is not there, or a loss that is not finite.
    """
    from mnas.training.weight_files import load_weights, save_weights

    recipe = _recipe(order, task, data)
    graph = lower(from_json(order.subject.arch), data.input_shape, task.head(data.outputs))
    if (folder / WEIGHTS).exists() and (folder / _FACTS).exists():
        facts = Training.read(folder / _FACTS, task)
        recipe = changed(recipe, facts.recipe)  # with the epochs that it planned
        graph, model = _fitting(graph, folder / WEIGHTS, recipe, order, data)
        load_weights(model, folder / WEIGHTS)
        _drop_checkpoints(folder)
        return Trained(graph, model, recipe, facts)
    if order.training.epochs == 0 and not order.training.weights:
        found = _of_search(order, task, data, graph, recipe)
    else:
        found = _from_start(order, task, data, folder, graph, recipe)
    if order.training.prune:
        found = _pruned(order, task, data, folder, found)
    found.facts.write(folder / _FACTS, task)
    save_weights(found.model, folder / WEIGHTS, task.labels(data))
    _drop_checkpoints(folder)
    return found


def _drop_checkpoints(folder: Path) -> None:
    """Deletes what is several times the size of the weights and of no more use beside them."""
    for checkpoints in (_FLOAT, _PRUNING):
        shutil.rmtree(folder / checkpoints, ignore_errors=True)


def further(recipe: Recipe) -> Recipe:
    """The recipe of a shorter, gentler training of a network that is trained already."""
    return replace(
        recipe,
        epochs=max(2, round(_AGAIN * recipe.epochs)),
        learning_rate=_GENTLER * recipe.learning_rate,
        dropout=0.0,
        patience=0,
    )


def _recipe(order: Order, task: Task[Any], data: Data) -> Recipe:
    """The recipe of a full training; one of a search's candidate keeps how the search varied the images."""
    height, width, _ = data.input_shape
    recipe = full_recipe(len(data.train), min(height, width))
    if order.subject.run is not None:
        proxy = Run.open(order.subject.run).config.train
        recipe = replace(recipe, **{key: getattr(proxy, key) for key in ("flip", "shift", "crop", "cutout", "mixup")})
    if order.training.weights:
        recipe = replace(recipe, epochs=max(_FEWEST_TUNED, round(_TUNED * recipe.epochs)))
    epochs = {"epochs": order.training.epochs} if order.training.epochs else {}
    return changed(recipe, {**order.training.recipe, **epochs}).in_effect(_extras(order, task, data))


def _extras(order: Order, task: Task[Any], data: Data) -> Extras:
    return extras(from_json(order.subject.arch), data.input_shape, task.head(data.outputs))


def _build(graph: Graph, recipe: Recipe, order: Order, data: Data) -> tf_keras.Model:
    from mnas.training.transfer import freeze_up_to
    from search_spaces import build_graph

    model = build_graph(
        graph,
        dropout=recipe.dropout,
        batch_norm_momentum=recipe.batch_norm_momentum(len(data.train)),
        seed=order.training.seed,
    )
    if graph.operators[0].name == FRONT:
        model.get_layer(FRONT).trainable = False
    if order.training.freeze:
        freeze_up_to(model, order.training.freeze)
    return model


def _fitting(graph: Graph, weights: Path, recipe: Recipe, order: Order, data: Data) -> tuple[Graph, tf_keras.Model]:
    """The network with the front that stored weights have."""
    from mnas.training.transfer import Parent
    from mnas.training.weight_files import read_weights

    graph = Parent(str(weights), str(weights), read_weights(weights)).fronted(graph)
    return graph, _build(graph, recipe, order, data)


def _of_search(order: Order, task: Task[Any], data: Data, graph: Graph, recipe: Recipe) -> Trained:
    from mnas.training.weight_files import load_weights
    from search_spaces import arch_hash

    assert order.subject.run is not None
    run = Run.open(order.subject.run)
    weights = run.candidate(arch_hash(from_json(order.subject.arch))) / WEIGHTS
    graph, model = _fitting(graph, weights, recipe, order, data)
    load_weights(model, weights)
    line = f"{order.named}: the weights of the search, which trained it for {run.config.train.epochs} epochs."
    facts = Training(recipe=asdict(run.config.train), seed=run.config.search.seed, minutes=0.0, initial=(line,))
    return Trained(graph, model, run.config.train, facts)


def _from_start(order: Order, task: Task[Any], data: Data, folder: Path, graph: Graph, recipe: Recipe) -> Trained:
    from mnas.training.in_training import InTraining
    from mnas.training.transfer import initial_weights

    parent = open_parent(order.training.weights, graph) if order.training.weights else None
    graph = parent.fronted(graph) if parent else graph
    model = _build(graph, recipe, order, data)
    start: tuple[str, ...] = ()
    if parent:
        taken = initial_weights(model, parent, task.labels(data))
        if order.training.epochs == 0 and taken.head == "new":
            raise SearchError(
                f"the classifier of {parent.place} is for other classes than {data.name} has: train a new one, with "
                "--epochs 1 or more"
            )
        start = _taken(taken)
        say("\n".join(start))
    if order.training.freeze:
        start = (*start, f"The network stayed as it was up to {order.training.freeze}.")
    facts = Training(recipe=asdict(recipe), seed=order.training.seed, minutes=0.0, initial=start)
    if order.training.epochs == 0:
        earlier = Path(order.training.weights) / _FACTS
        if earlier.exists():
            facts = Training.read(earlier, task)
            facts = facts.model_copy(update={"initial": (*facts.initial, *start)})
        return Trained(graph, model, changed(recipe, facts.recipe), facts)
    network = InTraining(
        model, graph, _extras(order, task, data), recipe, images=len(data.train), seed=order.training.seed
    )
    done = train_on(
        network,
        order,
        task,
        data,
        recipe,
        folder / _FLOAT,
        "training",
        minutes=order.training.minutes,
        before_step=network.before_step,
    )
    history = [Epoch(epoch=at, loss=one.loss, value=one.value) for at, one in enumerate(done.history, 1)]
    told = {
        "recipe": asdict(done.recipe),
        "minutes": done.seconds / 60,
        "history": tuple(history),
        "ended": done.ended,
    }
    return Trained(graph, model, done.recipe, facts.model_copy(update=told))


def _pruned(order: Order, task: Task[Any], data: Data, folder: Path, trained: Trained) -> Trained:
    """Trains a trained network on while weights of it become zero."""
    from mnas.training.pruning import prunable

    recipe, sparsity = replace(further(trained.recipe), ema=False), order.training.prune  # masks have no average
    steps = recipe.epochs * recipe.steps_per_epoch(len(data.train))
    pruning = prunable(trained.model, sparsity, steps)
    done = train_on(
        pruning.model, order, task, data, recipe, folder / _PRUNING, "pruning", before_step=pruning.before_step
    )
    line = f"Then {sparsity:.0%} of its kernels' weights were pruned to 0, in {counted(recipe.epochs, 'epoch')} more."
    facts = trained.facts.model_copy(
        update={
            "minutes": trained.facts.minutes + done.seconds / 60,
            "further": (*trained.facts.further, line),
            "sparsity": sparsity,
        }
    )
    pruning.stripped(trained.model)
    return replace(trained, facts=facts)


def train_on(
    network: Network,
    order: Order,
    task: Task[Any],
    data: Data,
    recipe: Recipe,
    folder: Path,
    what: str,
    *,
    minutes: float | None = None,
    before_step: BeforeStep | None = None,
) -> LongTraining:
    """One training of an order, shown as `what`, its checkpoint in a folder of its own."""
    from mnas.training.long import train_long

    with TrainingDisplay(what, task.metric) as display:
        return train_long(
            network,
            task,
            data,
            recipe,
            seed=order.training.seed,
            folder=folder,
            minutes=minutes,
            before_step=before_step,
            on_progress=display,
        )


def _taken(taken: Taken) -> tuple[str, ...]:
    """What was taken, in sentences."""
    layers = counted(taken.layers, "layer")
    head = "its classifier with them" if taken.head == "kept" else "and a new classifier"
    return (f"It started from the weights of {layers} of {taken.source} ({taken.digest[:12]}), {head}.",)
