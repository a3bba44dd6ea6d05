"""Where scripts written for earlier versions look for a session's options; they live in `device_bench.runners`."""

from device_bench.runners.runner import BenchSpec as BenchSpec
from device_bench.runners.runner import Runner as Runner
