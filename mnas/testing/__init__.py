"""Holds parts of a search, whichever package they come from, to what each kind promises.

There is a suite for families (with their TFLite files, beside all that `search_spaces.testing` holds them to), tasks,
latency sources, executors and samplers; `device_bench.testing` has those of transports and runners. A suite needs
pytest (`pip install "mnas[testing]"`); nothing else in the package imports it.

    from mnas.testing import FamilyFilesTestCase
    from search_spaces import SpaceChoice

    class TestCells(FamilyFilesTestCase):
        @pytest.fixture
        def choice(self):
            return SpaceChoice.of("cells", {"filters": 8})
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnas.testing.executors import ExecutorTestCase as ExecutorTestCase
    from mnas.testing.executors import WorkersTestCase as WorkersTestCase
    from mnas.testing.families import FamilyFilesTestCase as FamilyFilesTestCase
    from mnas.testing.latency_sources import LatencySourceTestCase as LatencySourceTestCase
    from mnas.testing.samplers import SamplerTestCase as SamplerTestCase
    from mnas.testing.tasks import TaskTestCase as TaskTestCase

_HOME = {
    "ExecutorTestCase": "executors",
    "FamilyFilesTestCase": "families",
    "LatencySourceTestCase": "latency_sources",
    "SamplerTestCase": "samplers",
    "TaskTestCase": "tasks",
    "WorkersTestCase": "executors",
}
__all__ = sorted(_HOME)

if not TYPE_CHECKING:  # a type checker sees the imports above, and no name beside them

    def __getattr__(name: str) -> object:
        # Loaded on first use: the suites import pytest and TensorFlow.
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import pytest

        module = f"{__name__}.{_HOME[name]}"
        pytest.register_assert_rewrite(module)
        return getattr(importlib.import_module(module), name)
