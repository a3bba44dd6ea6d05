"""Where scripts written for earlier versions look for the host's runner; it lives in `device_bench.runners`."""

from device_bench.runners.json_runner import JsonRunner as JsonRunner
from device_bench.runners.json_runner import host_runner as host_runner
