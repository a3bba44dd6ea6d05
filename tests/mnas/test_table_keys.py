"""The signatures that an architecture promises are those that its file has; more: tests/contract/test_family.py."""

import numpy as np
import pytest

import search_spaces
from device_bench import to_tflite
from device_bench.latency_table.signature import signatures as read
from search_spaces import SpaceError, published, space
from search_spaces.mnasnet.architecture import fit
from search_spaces.signatures import signatures


def file_of(arch, shape, classes, precision, rng):
    return to_tflite(search_spaces.build_model(arch, shape, classes), precision, rng.random((4, *shape), np.float32))


def test_a_published_network_with_relu6():
    arch, shape = fit(published("mobilenet-v2"), (40, 56, 3)), (40, 56, 3)
    rng = np.random.default_rng(0)
    assert signatures(arch, shape, 7, "int8") == read(file_of(arch, shape, 7, "int8", rng))


def test_equal_blocks_are_listed_once_and_fast():
    from time import perf_counter

    searched = space("mnasnet")
    rng = np.random.default_rng(0)
    arches = [searched.decode(searched.sample(rng)) for _ in range(300)]
    first = [signatures(arch, (224, 224, 3), 1000, "int8") for arch in arches]
    began = perf_counter()
    again = [signatures(arch, (224, 224, 3), 1000, "int8") for arch in arches]
    assert again == first
    assert perf_counter() - began < 3  # it takes a hundredth of that


def test_an_unknown_precision():
    with pytest.raises(SpaceError, match="unknown precision 'int4'"):
        signatures(published("mnasnet-a1"), (224, 224, 3), 10, "int4")
