"""Our runners are held to what every one promises."""

import pytest
from tool_outputs import OUTPUTS

from device_bench.local import LocalTransport
from device_bench.runners.benchmark_model import BenchmarkModel
from device_bench.runners.json_runner import host_runner
from device_bench.runners.native_runner import install_native
from device_bench.testing import RunnerOutputTestCase, RunnerTestCase


@pytest.fixture
def host_transport():
    transport = LocalTransport()
    yield transport
    transport.close()


class TestHostRunner(RunnerTestCase):
    @pytest.fixture
    def transport(self, host_transport):
        return host_transport

    @pytest.fixture
    def runner(self):
        return host_runner()


class TestNativeRunner(RunnerTestCase):
    @pytest.fixture(params=["host_transport", pytest.param("adb_transport", marks=pytest.mark.xdist_group("adbd"))])
    def transport(self, request):
        return request.getfixturevalue(request.param)

    @pytest.fixture
    def runner(self, transport):
        return install_native(transport)


class TestBenchmarkModel(RunnerOutputTestCase):
    """By what the real tools printed, in every dialect."""

    @pytest.fixture(params=OUTPUTS)
    def output(self, request):
        return OUTPUTS[request.param]

    @pytest.fixture
    def runner(self, output):
        return BenchmarkModel("/x/benchmark_model", output.tool)

    @pytest.fixture
    def spec(self, output):
        return output.spec

    @pytest.fixture
    def completed(self, output):
        return output.completed
