"""Finds the weights to start from: `imagenet`, a file, an earlier run or training."""

from __future__ import annotations

from pathlib import Path

from mnas.errors import SearchError, quoted
from mnas.home import path_at_home
from mnas.run import Run
from mnas.search.standing import chosen_trial
from mnas.training.public_weights import PublicNet, public_nets
from mnas.training.transfer import Parent
from mnas.training.weight_files import FORMATS, read_weights
from search_spaces import Graph, Operator, lower

_IMAGENET = "imagenet"


def open_parent(source: str, graph: Graph) -> Parent:
    """Reads the weights that a network is to start from.

    Args:
        source: `imagenet`, for a network that has public weights; `imagenet:FILE`, such weights in a file of one's own;
            a file (`.npz`, `.weights.h5`, `.h5`, `.keras`, `.pth`); `RUN:best` or `RUN:N`, a trial of a search; or the
            directory of a training.
        graph: The network.

    Raises:
        SearchError: Nothing of that name, or no public weights for this network.
        RunFailed: The public weights are not here and cannot be downloaded.
    """
    kind, colon, rest = source.partition(":")
    if kind == _IMAGENET:
        net = public_net(graph)
        place = path_at_home(rest) if colon else net.locate(graph.inputs[0][1][0])
        return Parent(source, str(place), read_weights(place), (net.scale, net.shift))
    place = place_of(source)
    return Parent(source, str(place), read_weights(place))


def public_net(graph: Graph) -> PublicNet:
    """The public network that a graph is, whatever its images and its head.

    Raises:
        SearchError: It is none of them.
    """
    [(_, shape)] = graph.inputs
    wanted = _weighted(graph)
    known = public_nets()
    for net in known.values():
        if _weighted(lower(net.arch, shape, 1)) == wanted:
            return net
    raise SearchError(
        f"weights {_IMAGENET!r}: public ImageNet weights exist for {', '.join(known)}, and this network is none of them"
    )


def _weighted(graph: Graph) -> list[tuple[object, ...]]:
    """What the shapes of a network's weights follow from, its classifier left out."""
    return [_form(one) for one in graph.operators if one.kind in ("conv", "depthwise")]


def _form(one: Operator) -> tuple[object, ...]:
    return one.name, one.kind, one.kernel, one.input_shape[2], one.output_shape[2]


def place_of(source: str) -> Path:
    """The file that a source other than a public one names.

    Raises:
        SearchError: It names none.
    """
    place = path_at_home(source)
    if place.is_file():
        return place
    if place.is_dir() and (place / "weights.npz").is_file():
        return place / "weights.npz"
    run, colon, trial = source.rpartition(":")
    if colon and (trial == "best" or trial.isdecimal()):
        opened = Run.open(path_at_home(run))
        found = opened.finished(chosen_trial(opened, None if trial == "best" else int(trial)))
        return opened.candidate(found.arch_hash) / "weights.npz"
    if (place / "config.json").is_file():
        raise SearchError(f"weights {quoted(source)} is a search: name a trial of it, {source}:best or {source}:N")
    raise SearchError(
        f"no weights {quoted(source)}: give imagenet, a file ({', '.join(FORMATS)}), RUN:best, RUN:N or the directory "
        "of a training"
    )
