"""One session on this machine: loads a model in LiteRT and prints the time of each inference as JSON.

Started as a script in a process of its own (see `json_runner`), so it imports nothing of this package.
"""

import argparse
import contextlib
import gc
import json
import os
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main() -> int:
    """Runs one session; the exit code is 0 only when every inference was timed."""
    arguments = _arguments()
    try:
        print(json.dumps(_session(arguments)), flush=True)
    except Exception as error:
        print(" ".join(f"{type(error).__name__}: {error}".split())[:400], file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=8)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--delegate", choices=["cpu"], default="cpu")
    parser.add_argument("--cores", help="hexadecimal mask, bit n is core n")
    return parser.parse_args()


def _session(arguments: argparse.Namespace) -> dict[str, Any]:
    # Before the runtime starts its threads: they inherit it.
    cores = _pin(arguments.cores)
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    model = Path(arguments.model).read_bytes()
    before_mb = _forget_peak()
    start = time.perf_counter_ns()
    interpreter = Interpreter(model_content=model, num_threads=arguments.threads)
    interpreter.allocate_tensors()
    init_ms = (time.perf_counter_ns() - start) / 1e6
    random = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], _inputs(random, tensor["shape"], np.dtype(tensor["dtype"])))
    gc.disable()
    warmup_us = _timed(interpreter, arguments.warmup)
    samples_us = _timed(interpreter, arguments.runs)
    return {
        "format": 1,
        "runtime": f"LiteRT {version('ai-edge-litert')}",
        "threads": arguments.threads,
        "delegate": arguments.delegate,
        "cores": cores,
        "warmup_us": warmup_us,
        "samples_us": samples_us,
        "init_ms": init_ms,
        "peak_mb": None if before_mb is None else (_status_mb("VmHWM") or 0.0) - before_mb,
        "operators": [],
    }


def _pin(mask: str | None) -> str | None:
    if mask is None:
        return None
    number = int(mask, 16)
    wanted = {core for core in range(number.bit_length()) if number >> core & 1}
    if missing := wanted - os.sched_getaffinity(0):
        raise ValueError(f"core {min(missing)} of mask {mask} cannot be used here")
    os.sched_setaffinity(0, wanted)
    return f"{number:x}"


def _inputs(random: Any, shape: Any, dtype: Any) -> Any:
    """Uniform values over what the type can hold; 32 and 64 bit integers are indices, and 0 always is one."""
    import numpy as np

    if dtype.kind == "f":
        return random.random(shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    if dtype.kind in "biu":
        return np.zeros(shape, dtype)
    raise ValueError(f"an input of type {dtype} cannot be made up")


def _timed(interpreter: Any, count: int) -> list[float]:
    times_us = []
    for _ in range(count):
        start = time.perf_counter_ns()
        interpreter.invoke()
        times_us.append((time.perf_counter_ns() - start) / 1e3)
    return times_us


def _forget_peak() -> float | None:
    """Lets the kernel's record of this process' memory begin anew, and gives where it begins; None: it has none.

    The record is the kernel's own of this program; what `getrusage` tells is the parent's where that was larger.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _status_mb("VmHWM")


def _status_mb(key: str) -> float | None:
    found = re.search(rf"^{key}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else None


if __name__ == "__main__":
    sys.exit(main())
