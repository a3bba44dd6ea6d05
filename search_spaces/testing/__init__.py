"""Holds a family of networks, whichever package it comes from, to what every family promises.

This needs pytest (`pip install "mnas[testing]"`); nothing else in the package imports it.

    from search_spaces import SpaceChoice
    from search_spaces.testing import FamilyTestCase

    class TestCells(FamilyTestCase):
        @pytest.fixture
        def choice(self):
            return SpaceChoice.of("cells", {"filters": 8})
"""

import pytest

pytest.register_assert_rewrite("search_spaces.testing.family")

from search_spaces.testing.family import FamilyTestCase  # noqa: E402 - its assertions are rewritten as it loads

__all__ = ["FamilyTestCase"]
