import pytest

from device_bench.cores import Cluster, clusters, resolve
from device_bench.errors import BadRequest

_PIXEL_7 = clusters(dict.fromkeys(range(4), 1803000) | dict.fromkeys((4, 5), 2348000) | dict.fromkeys((6, 7), 2850000))
_TWO = clusters({0: 1800000, 1: 1800000, 2: 2400000, 3: 2400000})
_EQUAL = clusters({0: 0, 1: 0})


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
        ((), None, None),
    ],
)
def test_names_become_masks(found, cores, mask):
    assert resolve(cores, found) == mask


@pytest.mark.parametrize(
    ("found", "cores", "words"),
    [
        (_TWO, "medium", "use big, little, all or a mask"),
        (_TWO, "10", "not within the device's cores, f"),
        (_TWO, "0", "unknown cores '0'"),
        (_TWO, "-1", "unknown cores '-1'"),
        ((), "big", "does not tell"),
    ],
)
def test_what_is_not_there_is_refused(found, cores, words):
    with pytest.raises(BadRequest, match=words):
        resolve(cores, found)
