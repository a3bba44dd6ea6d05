"""Holds a way to a device, or a benchmark tool, whichever package it comes from, to what each of them promises.

This needs pytest (`pip install "mnas[testing]"`); nothing else in the package imports it.

    from device_bench.testing import TransportTestCase

    class TestMyTransport(TransportTestCase):
        @pytest.fixture
        def transport(self):
            opened = open_my_transport("board-7")
            yield opened
            opened.close()
"""

import pytest

pytest.register_assert_rewrite("device_bench.testing.transport", "device_bench.testing.runner")

from device_bench.testing.runner import RunnerOutputTestCase, RunnerTestCase  # noqa: E402 - rewritten as they load
from device_bench.testing.transport import TransportTestCase  # noqa: E402

__all__ = ["RunnerOutputTestCase", "RunnerTestCase", "TransportTestCase"]
