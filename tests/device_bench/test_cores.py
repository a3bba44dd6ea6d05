import pytest

from device_bench.cores import Cluster, clusters, resolve
from device_bench.errors import BadRequest

_PIXEL_7 = clusters(dict.fromkeys(range(4), 1803000) | dict.fromkeys((4, 5), 2348000) | dict.fromkeys((6, 7), 2850000))
_TWO = clusters({0: 1800000, 1: 1800000, 2: 2400000, 3: 2400000})
_HIDDEN = clusters({0: 0, 1: 0})
_EQUAL = clusters({0: 0, 1: 0}, {0: 1024, 1: 1024})
_ONE_HIDDEN = clusters({0: 1800000, 1: 0, 2: 2400000, 3: 2400000})
_A53, _A73 = "0x41 0xd03 0x0 4", "0x41 0xd09 0x0 2"
_KINDS = dict.fromkeys((0, 1), _A53) | dict.fromkeys((2, 3), _A73)
_ONE_SPEED = dict.fromkeys(range(4), 1804800)


def test_cores_of_one_speed_are_one_cluster():
    assert (Cluster((0, 1, 2, 3), 1803), Cluster((4, 5), 2348), Cluster((6, 7), 2850)) == _PIXEL_7
    assert [one.mask for one in _PIXEL_7] == [0x0F, 0x30, 0xC0]


def test_clusters_need_not_lie_together():
    assert clusters({0: 2000, 1: 1000, 2: 2000, 3: 1000}) == (Cluster((1, 3), 1), Cluster((0, 2), 2))


@pytest.mark.parametrize(
    ("found", "cores", "mask"),
    [
        (_PIXEL_7, "big", "f0"),
        (_PIXEL_7, "little", "f"),
        (_PIXEL_7, "all", "ff"),
        (_PIXEL_7, "C0", "c0"),
        (_PIXEL_7, "0x1", "1"),
        (_TWO, "big", "c"),
        (_TWO, "little", "3"),
        (_EQUAL, "big", "3"),
        (_EQUAL, "little", "3"),
        (_EQUAL, "all", "3"),
        (_HIDDEN, "all", "3"),
        (_HIDDEN, "2", "2"),
        (_ONE_HIDDEN, "all", "f"),
        (clusters(dict.fromkeys(range(4), 0), {0: 250, 1: 250, 2: 1024, 3: 1024}), "little", "3"),
        (clusters(_ONE_SPEED, {0: 485, 1: 485, 2: 1024, 3: 1024}, _KINDS), "big", "c"),
        # The capacity ranks before the frequency: an A53 of 2.2 GHz is slower than an A73 of 2.0 GHz.
        (clusters({0: 2200000, 1: 2000000}, {0: 500, 1: 1024}, {0: _A53, 1: _A73}), "little", "1"),
        # Kernels that were told no capacities give all cores the same: the frequency counts.
        (clusters({0: 1000000, 1: 1500000}, {0: 1024, 1: 1024}), "big", "2"),
        # A hybrid x86 processor: one favoured performance core, another one, and two efficient cores.
        (clusters({0: 5300000, 1: 5200000, 2: 3900000, 3: 3900000}), "big", "3"),
        (clusters({0: 5300000, 1: 5200000, 2: 3900000, 3: 3900000}), "little", "c"),
        # Capacities of some cores only, and part numbers of the last core only (Linux 3.10), tell nothing.
        (clusters({0: 1000000, 1: 1500000}, {0: 1024}), "big", "2"),
        (clusters(dict.fromkeys(range(2), 1500000), {}, {1: _A53}), "big", "3"),
        ((), None, None),
    ],
)
def test_names_become_masks(found, cores, mask):
    assert resolve(cores, found) == mask


@pytest.mark.parametrize(
    ("found", "cores", "words"),
    [
        (_TWO, "medium", "use big, little, all or a mask"),
        (_TWO, "10", "names cores that are not online.* the mask f"),
        (_TWO, "0", "unknown cores '0'"),
        (_TWO, "-1", "unknown cores '-1'"),
        (_TWO, "30", "core mask '30' names cores that are not online; all that are have the mask f"),
        ((), "big", "does not tell"),
        (_HIDDEN, "big", "does not tell the speed of core 0, 1; use all, or a mask within 3"),
        (_HIDDEN, "little", "does not tell the speed of core 0, 1; use all, or a mask within 3"),
        (_ONE_HIDDEN, "big", "does not tell the speed of core 1; use all, or a mask within f"),
        (clusters({0: 1803000, 1: 0}, {0: 1024, 1: 1024}), "little", "the speed of core 1;"),
        (clusters(_ONE_SPEED, {}, _KINDS), "big", "does not tell which of its kinds of cores is faster"),
        (clusters(_ONE_SPEED, dict.fromkeys(range(4), 1024), _KINDS), "little", "which of its kinds of cores"),
    ],
)
def test_what_is_not_there_is_refused(found, cores, words):
    with pytest.raises(BadRequest, match=words):
        resolve(cores, found)
