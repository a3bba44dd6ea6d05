"""Our family, and one of another package, are held to what every family promises."""

import pytest

from mnas.testing import FamilyFilesTestCase
from search_spaces import SpaceChoice


class TestMnasNet(FamilyFilesTestCase):
    in_order = True

    @pytest.fixture(params=[(0.35, (32, 24, 3)), (0.75, (24, 24, 1))])
    def made(self, request):
        return request.param

    @pytest.fixture
    def choice(self, made):
        return SpaceChoice.of("mnasnet", {"width": made[0], "depth": 0.4, "head_filters": 96})

    @pytest.fixture
    def input_shape(self, made):
        return made[1]

    @pytest.fixture
    def impossible(self):
        return [{"width": float("inf")}, {"depth": 0.0}, {"stem_filters": 0}]


class TestToy(FamilyFilesTestCase):
    @pytest.fixture
    def choice(self):
        return SpaceChoice.of("toy", {})
