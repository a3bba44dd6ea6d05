"""`mnas table build` and `mnas table check` at work: a space, a device, and the files between them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, ValidationError, create_model

from device_bench.device import Device, open_device
from device_bench.errors import BenchError
from device_bench.latency_table.batch import NETWORK_SPEC
from device_bench.latency_table.build import BuildPlan, BuildProgress, build
from device_bench.latency_table.check import compare, measure_networks, report
from device_bench.latency_table.content import OPERATORS
from device_bench.latency_table.table import LatencyTable
from device_bench.patience import patiently
from device_bench.runners.json_runner import JsonRunner
from device_bench.terminal import counted
from device_bench.timing.protocol import TimingProtocol
from device_bench.validation import problem
from mnas.config import SpaceSection, family_name, space_section
from mnas.errors import SearchError
from mnas.latency_tables.parts import prepare
from mnas.latency_tables.plan import Target, cover, enumerate_networks, near_networks, random_networks
from mnas.tasks import DEFAULT, task
from search_spaces import Arch, SpaceChoice, SpaceError, arch_hash, closest, family

if TYPE_CHECKING:
    from device_bench.kinds import Precision

_SIZES = {"image_size": 224, "channels": 3, "classes": 1000}
_REALTIME = ("chrt", "--fifo", "50")


@dataclass(frozen=True, slots=True)
class TableSpace:
    """A space, and the networks of it that a table prices; kept in the table.

    Attributes:
        choice: The space.
        image_size: Height and width of the input.
        channels: Of the input.
        classes: What the head is made for, as `Data.outputs`.
        task: Name of the task that gives the head.
    """

    choice: SpaceChoice
    image_size: int = 224
    channels: int = 3
    classes: int = 1000
    task: str = DEFAULT

    @classmethod
    def of(cls, table: LatencyTable) -> TableSpace:
        """The space of a table.

        Raises:
            SearchError: It has none, or one, or a task, that this version does not know.
        """
        stored = table.facts.get("space")
        try:
            kind = _stored_kind(family_name({"space": stored}))
            known = kind.model_validate_json(json.dumps(stored), strict=True)
        except ValidationError as error:
            raise SearchError(f"the table's {problem(error, ('facts', 'space'))}") from None
        except SpaceError as error:
            raise SearchError(f"the table's facts.space.name: {error}") from None
        return cls(known.choice, **{name: getattr(known, name) for name in (*_SIZES, "task")})

    def target(self, precision: Precision) -> Target:
        """What a table of this space must price."""
        shape = (self.image_size, self.image_size, self.channels)
        return Target(self.choice.space(shape), shape, task(self.task).head(self.classes), precision)

    def to_dict(self) -> dict[str, Any]:
        """For the table's facts."""
        sizes = {name: getattr(self, name) for name in _SIZES}
        return {**self.choice.to_dict(), **sizes, **({} if self.task == DEFAULT else {"task": self.task})}


def _stored_kind(name: str) -> type[SpaceSection]:
    """What a table's facts hold of its space: the family's parameters beside the sizes."""
    size = Annotated[int, Field(ge=1, le=1_000_000)]
    sizes: dict[str, Any] = {key: (size, default) for key, default in _SIZES.items()}
    return create_model("StoredSpace", __base__=space_section(name), task=(str, DEFAULT), **sizes)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """All that `mnas table build` is told."""

    device: str
    space: TableSpace
    precision: Precision
    threads: int
    cores: str | None
    minutes: float
    networks: int
    workers: int
    seed: int
    realtime: bool
    output: Path
    references: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where a build keeps its files until it is finished."""
        return self.output.with_name(f"{self.output.name}.parts")


def build_table(
    request: BuildRequest, say: Callable[[str], None], tell: Callable[[BuildProgress], None]
) -> LatencyTable:
    """Builds a table and writes it; a build that was interrupted resumes.

    Args:
        request: What to build.
        say: Receives steps in words.
        tell: Receives the progress on the device.

    Raises:
        SearchError: A network cannot be converted.
        BenchError: The device is lost, unfit or unable; run again to resume.
    """
    target = request.space.target(request.precision)
    rng = np.random.default_rng(request.seed)
    listed = enumerate_networks(target, rng)
    arches, wanted = listed.arches, listed.wanted
    references = _references(request, target)
    # A reference may lie in the space; whatever its spelling, it is one network and one file.
    chosen = list({arch_hash(arch): arch for arch in [*cover(target, arches, wanted), *references]}.values())
    wanted = sorted(set(wanted).union(*(target.signatures(arch) for arch in references)))
    known = set(chosen)
    extra = [arch for arch in dict.fromkeys(arches) if arch not in known][: max(0, request.networks - len(chosen))]
    have = f"{request.space.choice.name} and {counted(len(references), 'reference')} have"
    held = f"{counted(len(chosen), 'network holds', 'networks hold')} them all"
    if listed.whole:
        say(f"{have} {len(wanted)} different operators; {held}")
    else:
        say(f"{have} too many different operators to measure each: {len(wanted)} are, others are estimated; {held}")
    find = partial(open_for_tables, request.device, realtime=request.realtime)
    # A device that is not there is told before networks are converted, for minutes, and is not kept from others then.
    find().close()
    networks, parts = prepare(
        target, [*chosen, *extra], wanted, request.folder, workers=request.workers, tell=say, ends=True
    )
    order = rng.permutation(len(networks))[: request.networks]
    facts = {
        "precision": request.precision,
        "space": request.space.to_dict(),
        "realtime": request.realtime,
        "built_from": sorted(network.name for network in networks),
    } | ({} if listed.whole else {"incomplete": True})
    plan = BuildPlan(
        parts,
        [networks[index] for index in order],
        request.folder,
        replace(NETWORK_SPEC, threads=request.threads, cores=request.cores),
        minutes=request.minutes,
        seed=request.seed,
        facts=facts,
    )
    table = patiently(find, lambda device: build(device, plan, TimingProtocol(), tell), say)
    table.save(request.output)
    shutil.rmtree(request.folder, ignore_errors=True)
    return table


def _references(request: BuildRequest, target: Target) -> list[Arch]:
    """Published networks as a search adds them: operators that the space itself may not have."""
    return [request.space.choice.reference(name, target.input_shape) for name in request.references]


def check_table(
    path: Path,
    *,
    device: str | None,
    randoms: int,
    nears: int,
    sessions: int,
    seed: int,
    workers: int,
    unmeasured: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Holds a table against networks that it was not built from, and stores the result in it.

    Args:
        path: The table.
        device: Where to measure; the table's own device when None.
        randoms: Random networks.
        nears: Networks around MnasNet-A1.
        sessions: Minimum processes per network.
        seed: Of the networks and the order.
        workers: Processes that convert.
        unmeasured: Share of the operators to leave out and estimate; the result is then not stored.
        say: Receives steps in words.

    Raises:
        BenchError: The table cannot be read, or the device is lost or not the table's.
    """
    table = LatencyTable.load(path)
    needed = ("space", "name", "realtime", "built_from")
    if table.keys != OPERATORS or any(table.facts.get(one) is None for one in needed):
        raise BenchError(f"{path} was imported: it has no space and no device to check it with")
    target = TableSpace.of(table).target(table.facts["precision"])
    known = set(table.facts["built_from"])
    rng = np.random.default_rng([seed, 1])
    arches = random_networks(target, randoms, rng, known)
    near = near_networks(target, _centre(target), nears, rng, known) if nears else []
    folder = path.with_name(f"{path.name}.check")
    with open_for_tables(device or table.facts["name"], realtime=table.facts["realtime"]) as opened:
        _same_device(opened, table)
        networks, _ = prepare(target, [*arches, *near], [], folder, workers=workers, tell=say)
        samples = measure_networks(
            opened,
            networks,
            folder,
            replace(NETWORK_SPEC, threads=table.facts["threads"], cores=table.facts["cores"]),
            TimingProtocol(),
            sessions=sessions,
            rng=rng,
            tell=lambda done, total: say(f"timed {done} of {counted(total, 'session')}"),
        )
    judged = leave_out(table, unmeasured, seed) if unmeasured else table
    kinds = {"random": networks[: len(arches)], "near": networks[len(arches) :]}
    result = report(compare(judged, {kind: some for kind, some in kinds.items() if some}, samples), sessions)
    if not unmeasured:
        summary = {key: value for key, value in result.items() if key != "networks"}
        replace(table, check=summary).save(path)
    shutil.rmtree(folder, ignore_errors=True)
    return result


def _centre(target: Target) -> Arch:
    """The published network that a table is checked around: its family's first, as near as the space comes to it."""
    made = next(iter(family(target.space.name).published.values()), None)
    return closest(target.space, made() if made else None)


def leave_out(table: LatencyTable, share: float, seed: int) -> LatencyTable:
    """The table as if `share` of its operators had not been measured; classifier, softmax and stem always are."""
    always = ("FULLY_CONNECTED", "SOFTMAX")
    choice = TableSpace.of(table)
    stem = f"CONV_2D 1x{choice.image_size}x{choice.image_size}x{choice.channels}>"
    free = sorted(key for key in table.entries if not key.startswith((*always, stem)))
    gone = np.random.default_rng([seed, 2]).permutation(len(free))[: round(share * len(free))]
    return table.without(free[index] for index in gone)


def open_for_tables(name: str, *, realtime: bool) -> Device:
    """A device with the runner that starts quickest: thousands of sessions of milliseconds are ahead.

    Args:
        name: As `device_bench.open_device` takes it.
        realtime: On this machine, let no other process interrupt a session (SCHED_FIFO; needs the right to).

    Raises:
        BenchError: It is not there, or has no runner.
    """
    if name != "host":
        if realtime:
            raise BenchError("--realtime is for the device host alone")
        return open_device(name)
    from device_bench.runners.native_runner import install_native

    device = open_device(name, install=install_native)
    if realtime and isinstance(device.runner, JsonRunner):
        if device.transport.shell((*_REALTIME, "true"), timeout_s=10).exit_code:
            device.close()
            raise BenchError("--realtime needs chrt and the right to use it (root); leave it out on a quiet machine")
        device.runner = replace(device.runner, command=(*_REALTIME, *device.runner.command))
    return device


def _same_device(device: Device, table: LatencyTable) -> None:
    """A check on another phone, or with another runner, would judge nothing."""
    found: Mapping[str, Any] = {"device": device.info.model, "runner": device.runner.name}
    for key, value in found.items():
        if table.facts.get(key) != value:
            raise SearchError(f"the table was built with {key} {table.facts.get(key)!r}, this one has {value!r}")
    if different := table.identity.differences(device.info.identity):
        raise SearchError(f"the table was built on another {device.info.model}: {'; '.join(different)}")
