"""A full training of seconds, in this process or in one that is killed."""

import multiprocessing
import os
import signal
from functools import cache
from pathlib import Path

from mnas.data import load_data
from mnas.tasks import task
from mnas.training.recipe import Recipe
from search_spaces.mnasnet.block_strings import from_block_strings

ARCH = from_block_strings(["r1_k3_s11_e2_i8_o8", "r1_k3_s22_e2_i8_o16_se0.25"], stem_filters=8, head_filters=16)
RECIPE = Recipe(
    epochs=4, batch_size=16, dropout=0.2, shift=1, cutout=3, mixup=0.2, ema=True, patience=3, learning_rate=0.01
)
TASK = task("classification")


@cache
def digits():
    return load_data("digits", image_size=12, channels=1, limit=120)


def make(recipe=RECIPE, *, seed=1):
    from mnas.training.train import prepare_tensorflow
    from search_spaces import build_model

    prepare_tensorflow()
    return build_model(ARCH, digits().input_shape, digits().classes, dropout=recipe.dropout, seed=seed)


def make_aware(recipe=RECIPE):
    """The same network as one to train on with quantization."""
    from mnas.training.quantization_aware import quantization_aware
    from search_spaces import lower

    graph = lower(ARCH, digits().input_shape, digits().classes)
    return quantization_aware(graph, make(recipe), digits().train.inputs[:32])


CELLS_RECIPE = Recipe(epochs=3, batch_size=24, dropout=0.2, learning_rate=0.01, ema=True, auxiliary=0.4, drop_path=0.5)


def make_cells(recipe=CELLS_RECIPE):
    """A network of cells with its auxiliary head and droppable paths."""
    from mnas.training.in_training import InTraining
    from mnas.training.train import prepare_tensorflow
    from search_spaces import build_graph, extras, from_notation, lower

    prepare_tensorflow()
    arch = from_notation("pnas cells 3 filters 4 cell 0 sep3 1 max3, 0 identity 2 sep3 > 3")
    shape, classes = digits().input_shape, digits().classes
    graph = lower(arch, shape, classes)
    model = build_graph(graph, dropout=recipe.dropout, seed=1)
    return InTraining(model, graph, extras(arch, shape, classes), recipe, images=len(digits().train), seed=1)


def train(folder, before_step=None, recipe=RECIPE, made=make, **options):
    """One training; the network with what it went through."""
    from mnas.training.long import train_long

    model = made(recipe)

    def before(step, steps):
        if hasattr(model, "before_step"):
            model.before_step(step, steps)
        if before_step is not None:
            before_step(step)

    found = train_long(model, TASK, digits(), recipe, **{"seed": 5, "folder": folder, "before_step": before, **options})
    return model, found


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _trained_until(folder, step, made):
    import mnas.training.long

    mnas.training.long._EVERY_S = 0.0
    recipe = CELLS_RECIPE if made is make_cells else RECIPE
    train(folder, lambda number: number == step and _die(), recipe, made)


def _trained_until_written(folder, count, state):
    import device_bench.whole_files
    import mnas.training.long

    mnas.training.long._EVERY_S = 0.0
    written = []

    def sync(path):
        written.append(path)
        if len(written) == 2 * count + 1:  # one call for the file aside, one for its folder
            if state == "cut":
                os.truncate(path, path.stat().st_size // 2)
            _die()

    device_bench.whole_files._sync = sync
    train(folder)


def _killed(work, *arguments):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mnas.training.long", "search_spaces.keras_models"])
    process = context.Process(target=work, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def kill_at_step(folder: Path, step: int, made=make) -> None:
    """Trains in a process of its own, with a checkpoint behind each step, until `kill -9` at the step."""
    _killed(_trained_until, folder, step, made)


def kill_in_write(folder: Path, count: int, state: str = "whole") -> None:
    """The same until `kill -9` while it writes a checkpoint, behind `count` whole ones of this process."""
    _killed(_trained_until_written, folder, count, state)
