"""Our sources of latencies are held to what every one promises: this machine, a phone and a table."""

import pytest
from tiny_model import tiny_model
from tiny_table import tiny_table

from device_bench.device import open_device
from device_bench.runners.native_runner import install_native
from mnas.config import LatencySection
from mnas.latency.source import open_latency
from mnas.testing import LatencySourceTestCase


def opener(device, **settings):
    section = LatencySection(
        device=device, target_ms=1.0, precision="float32", canary_limit=100, interval=0.5, runs=10, **settings
    )
    return lambda: open_latency(section, lambda text: None, lambda text: None)


class TestHost(LatencySourceTestCase):
    @pytest.fixture
    def open_source(self):
        return opener("host")


@pytest.mark.xdist_group("adbd")
class TestPhone(LatencySourceTestCase):
    @pytest.fixture
    def open_source(self, at_desk, phone):
        return opener(f"adb:{phone.host}:{phone.port}")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Ten additions, timed on this machine."""
    folder = tmp_path_factory.mktemp("table")
    with open_device("host", install=install_native) as device:
        tiny_table(device, folder).save(folder / "table.json")
    return folder / "table.json"


class TestTable(LatencySourceTestCase):
    @pytest.fixture
    def open_source(self, table):
        return opener(f"table:{table}", check_table=False)

    @pytest.fixture
    def models(self):
        return {str(side): tiny_model(operators=1, side=side) for side in (64, 192)}
