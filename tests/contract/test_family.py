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


class CellFamilyTestCase(FamilyFilesTestCase):
    """Small stacks; the image is not square, and one side of it is odd half way."""

    in_order = False

    @pytest.fixture
    def input_shape(self):
        return (12, 10, 3)

    @pytest.fixture
    def impossible(self):
        return [{"blocks": 0}, {"blocks": 9}, {"filters": 0}, {"ops": ""}, {"ops": "sep3 sep4"}, {"ops": "enas sep3"}]


class TestNasnet(CellFamilyTestCase):
    @pytest.fixture(params=[{"blocks": 5}, {"blocks": 3, "combines": False, "ops": "amoebanet"}])
    def choice(self, request):
        return SpaceChoice.of("nasnet", {"repeats": 1, "filters": 3, **request.param})


class TestPnas(CellFamilyTestCase):
    @pytest.fixture
    def choice(self):
        return SpaceChoice.of("pnas", {"repeats": 1, "filters": 4})


class TestEnasMicro(CellFamilyTestCase):
    @pytest.fixture
    def choice(self):
        return SpaceChoice.of("enas-micro", {"repeats": 1, "filters": 4})


class TestDarts(CellFamilyTestCase):
    @pytest.fixture
    def choice(self):
        return SpaceChoice.of("darts", {"repeats": 1, "filters": 4, "blocks": 3})


class TestNasCnn(FamilyFilesTestCase):
    in_order = False

    @pytest.fixture(params=[{"layers": 5}, {"layers": 4, "strides": True, "pools": 1}])
    def choice(self, request):
        return SpaceChoice.of("nas-cnn", {"width": 0.1, **request.param})

    @pytest.fixture
    def input_shape(self):
        return (12, 10, 3)

    @pytest.fixture
    def impossible(self):
        return [{"layers": 0}, {"width": 0.0}, {"width": float("nan")}, {"width": 0.01}, {"layers": 3, "pools": 3}]


class TestEnasMacro(FamilyFilesTestCase):
    in_order = False

    @pytest.fixture(params=[True, False])
    def choice(self, request):
        return SpaceChoice.of("enas-macro", {"layers": 5, "filters": 4, "separable": request.param})

    @pytest.fixture
    def input_shape(self):
        return (12, 10, 3)

    @pytest.fixture
    def impossible(self):
        return [{"layers": 2}, {"layers": 101}, {"filters": 0}]


class TestToy(FamilyFilesTestCase):
    @pytest.fixture
    def choice(self):
        return SpaceChoice.of("toy", {})
