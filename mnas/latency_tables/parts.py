"""Converts the networks of a table in worker processes, and cuts the operators out of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_bench import to_tflite
from device_bench.conversion.colour_front import colour_front, in_colour
from device_bench.kinds import Interface, Precision
from device_bench.latency_table.carve import carve
from device_bench.latency_table.parts import Network, part_name
from device_bench.latency_table.signature import signatures
from device_bench.terminal import counted
from mnas.executors.events import Report
from mnas.files import write_bytes
from mnas.latency_tables.plan import Target
from mnas.training.workers import open_workers
from search_spaces import Arch, Head, arch_hash, cost, from_json, to_json
from search_spaces.graph import Shape

_CALIBRATION_IMAGES = 4


@dataclass(frozen=True, slots=True)
class ConvertNetwork:
    """The job: one untrained network as a file, and the wanted operators of it, each as a file of its own.

    Attributes:
        arch_json: The architecture.
        input_shape: `(height, width, channels)`.
        head: What stands behind the features.
        precision: Of the file.
        folder: Where the files go.
        wanted: Signatures to cut out.
        ends: Whether the operators that stand around the network where it ships are cut out as well.
    """

    arch_json: str
    input_shape: Shape
    head: Head | int
    precision: Precision
    folder: Path
    wanted: tuple[str, ...]
    ends: bool = False

    def __call__(self, report: Report) -> dict[str, str]:
        """Converts and cuts; files that are there already are left alone.

        Returns:
            Signature -> name of its file.
        """
        arch = from_json(self.arch_json)
        path = self.folder / f"{arch_hash(arch)}.tflite"
        if not path.exists():
            write_bytes(path, self._convert(arch, report))
        names = self._cut(path.read_bytes(), self.wanted)
        if self.ends:
            shipped, plain = self._convert(arch, report, shipped=True), signatures(path.read_bytes())
            names |= self._cut(shipped, tuple(one for one in dict.fromkeys(signatures(shipped)) if one not in plain))
        return names

    def _cut(self, model: bytes, wanted: Sequence[str]) -> dict[str, str]:
        names = {signature: part_name(signature) for signature in wanted}
        absent = [one for one, name in names.items() if not (self.folder / name).exists()]
        for signature, content in carve(model, absent).items():
            write_bytes(self.folder / names[signature], content)
        return names

    def _convert(self, arch: Arch, report: Report, *, shipped: bool = False) -> bytes:
        from mnas.training.train import release_memory
        from search_spaces import as_if_trained, build_model

        report("build")
        model = build_model(arch, self.input_shape, self.head)
        as_if_trained(model)
        report("convert")
        # Timing needs live activations, not meaningful ones.
        images = np.random.default_rng(0).random((_CALIBRATION_IMAGES, *self.input_shape), np.float32)
        if shipped and self.input_shape[-1] == 1:
            model, images = colour_front(model), in_colour(images)
        interface: Interface | None = "uint8" if shipped and self.precision == "int8" else None
        content: bytes = to_tflite(model, self.precision, images, interface=interface)
        release_memory()
        return content


def prepare(
    target: Target,
    arches: Sequence[Arch],
    wanted: Sequence[str],
    folder: Path,
    *,
    workers: int,
    tell: Callable[[str], None],
    ends: bool = False,
) -> tuple[list[Network], dict[str, str]]:
    """Fills `folder` with the files of networks and operators.

    Args:
        target: What the table is for.
        arches: Networks to convert.
        wanted: Signatures to cut out, each from the first network that has it.
        folder: Where the files go; what is there already is not made again.
        workers: Processes that convert.
        tell: Receives the progress in words.
        ends: Whether to cut out what stands around a network where it ships as well: the conversion from and to
            uint8, and the front of networks for grey images.

    Returns:
        The networks, and the file name of each signature.

    Raises:
        SearchError: A network cannot be converted.
    """
    left, networks = set(wanted), []
    jobs: dict[str, ConvertNetwork] = {}
    for arch in arches:
        listed = target.signatures(arch)
        take = tuple(sorted(left.intersection(listed)))
        left.difference_update(take)
        name = arch_hash(arch)
        networks.append(Network(name, f"{name}.tflite", listed, cost(arch, target.input_shape, target.head).macs))
        jobs[name] = ConvertNetwork(
            to_json(arch), target.input_shape, target.head, target.precision, folder, take, ends and not jobs
        )
    made: dict[str, str] = {}
    with open_workers(workers, folder / "logs") as executor:
        waiting: set[Future[dict[str, str]]] = {executor.submit(job, name) for name, job in jobs.items()}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                made.update(future.result())
            converted = f"{len(jobs) - len(waiting)} of {counted(len(jobs), 'network')}"
            tell(f"converted {converted}, cut {counted(len(made), 'operator')}")
    return networks, made
