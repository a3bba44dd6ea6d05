"""What the real tools print, put together from their lines: one whole output per dialect, with the right mean."""

from dataclasses import dataclass

from device_bench.runners.runner import BenchSpec
from device_bench.transport import Completed


@dataclass(frozen=True)
class Output:
    stdout: str
    mean_us: float
    runs: int
    stderr: str = ""
    tool: str = "tflite"
    tolerance_us: float = 0.0
    threads: int = 1
    op_profile: bool = False
    delegate: str = "cpu"

    @property
    def spec(self):
        return BenchSpec(
            threads=self.threads, runs=self.runs, warmup_runs=1, delegate=self.delegate, op_profile=self.op_profile
        )

    @property
    def completed(self):
        return Completed(0, self.stdout, self.stderr)


TABS = """============================== Run Order ==============================
\t      [node type]\t [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t          CONV_2D\t   0.024\t    3.730\t    3.640\t 62.512%\t 62.512%\t     0.000\t        1\t[a;b]:1
\t      MAX_POOL_2D\t   3.758\t    2.176\t    2.183\t 37.488%\t100.000%\t     0.000\t        2\t[pool]:2

============================== Top by Computation Time ==============================
\t      [node type]\t [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t          CONV_2D\t   0.024\t    3.730\t    3.640\t 62.512%\t 62.512%\t     0.000\t        1\t[a;b]:1

Number of nodes executed: 2
"""

BLANKS = """============================== Run Order ==============================
            [node type]  [first]  [avg ms]      [%]    [cdf%]  [mem KB] [times called] [Name]
    TfLiteNnapiDelegate    3.826     4.011  62.037%   62.037%     0.000         1      []:64
Delegate/Convolution (NHWC, QC8) IGEMM    0.052     0.058   0.899%   62.936%     0.000         1      [x y]:38

"""

CSV = """============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 3.73, 3.64, 62.512%, 62.512%, 0, 1, [a/Relu]:1
Delegate/Convolution (NHWC, QC8) IGEMM, 2.176, 2.183, 37.488%, 100%, 0, 2, [Delegate]:2

"""

OLDEST = Output(
    """STARTING!
Num threads: [4]
Warmup runs: [1]
Graph: [/data/local/tmp/m.tflite]
Loaded model /data/local/tmp/m.tflite
resolved reporter
Initialized session in 9.933ms
Running benchmark for 1 iterations
count=1 curr=76605

Running benchmark for 50 iterations
count=50 first=66997 curr=66191 min=65834 max=68724 avg=66767.6 std=264

Average inference timings in us: Warmup: 76605, Init: 9933, no stats: 66767.6
""",
    66767.6,
    50,
    threads=4,
)

OLD = Output(
    """STARTING!
Num threads: [1]
Loaded model m.tflite
Initialized session in 38.467ms
count=1 curr=83235

count=50 first=79997 curr=79191 min=78834 max=82724 avg=79760.9 std=264

Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9
Peak memory footprint (MB): init=0 overall=12.8672
""",
    79760.9,
    50,
)

SLOW = Output(
    """STARTING!
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [./m.tflite]
#threads used for CPU inference: [4]
Loaded model ./m.tflite
The input model file size (MB): 16.9008
Initialized session in 16.24ms.
Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 86400 seconds.
count=1 curr=3655120

Running benchmark for at least 50 iterations and at least 0 seconds but terminate if exceeding 86400 seconds.
count=50 first=3140111 curr=3099870 min=2901442 max=3301907 avg=3.10257e+06 std=98211

Inference timings in us: Init: 16240, First inference: 3655120, Warmup (avg): 3.65512e+06, Inference (avg): 3.10257e+06
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE.
Memory footprint delta from the start of the tool (MB): init=3.97656 overall=41.2031
""",
    3.10257e06,
    50,
    threads=4,
)

NEW = Output(
    """INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [1]
INFO: Graph: [/usr/share/models/m.tflite]
INFO: Loaded model /usr/share/models/m.tflite
INFO: The input model file size (MB): 67.3128
INFO: Initialized session in 5.685ms.
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 86400 seconds.
INFO: count=1 curr=18535 p5=18535 median=18535 p95=18535

INFO: Running benchmark for at least 50 iterations and at least 0 seconds but terminate if exceeding 86400 seconds.
INFO: count=50 first=1300 curr=1240 min=1190 max=1320 avg=1241.3 std=24 p5=1201 median=1238 p95=1290

INFO: Inference timings in us: Init: 5685, First inference: 18535, Warmup (avg): 18535, Inference (avg): 1241.3
INFO: Memory footprint delta from the start of the tool (MB): init=8.97656 overall=18.7227
""",
    1241.3,
    50,
)

SAME = Output(
    """STARTING!
Num threads: [1]
count=1 curr=1236

count=50 curr=1234(all same)

Inference timings in us: Init: 1461, First inference: 1236, Warmup (avg): 1236, Inference (avg): 1234
""",
    1234.0,
    50,
)

ONE = Output(
    """STARTING!
Num threads: [1]
count=0

count=1 curr=1357602

Inference timings in us: Init: 5579, First inference: 1357602, Warmup (avg): 0, Inference (avg): 1.3576e+06
""",
    1.3576e06,
    1,
)

PROFILED = Output(
    NEW.stdout
    + "INFO: Profiling Info for Benchmark Initialization:\n"
    + TABS.replace("CONV_2D", "AllocateTensors").replace("[a;b]:1", "AllocateTensors/0")
    + "\nINFO: Operator-wise Profiling Info for Regular Benchmark Runs:\n"
    + TABS,
    1241.3,
    50,
    op_profile=True,
)

GPU = Output(
    NEW.stdout.replace(
        "INFO: The input",
        "INFO: Replacing 64 out of 66 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 3 partitions\n"
        "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate w/ 1 "
        "delegate kernels.\nINFO: The input",
    ),
    1241.3,
    50,
    delegate="gpu",
)

# TensorFlow 2.1: the delegate's line says nothing of nodes, the runtime's nothing of how many there are.
OLD_GPU = Output(
    OLD.stdout.replace(
        "Loaded model m.tflite\n",
        "Loaded model m.tflite\nresolved reporter\nINFO: Initialized TensorFlow Lite runtime.\n"
        "INFO: Created TensorFlow Lite delegate for GPU.\n"
        "INFO: Replacing 63 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions.\n"
        "INFO: Initialized OpenCL-based API.\nApplied GPU delegate.\n",
    ),
    79760.9,
    50,
    delegate="gpu",
)

LITERT = Output(
    "INFO: STARTING!\nINFO: Num threads: [1]\n",
    951.418,
    1048,
    """INFO: [environment.cc:36] Creating LiteRT environment with options
WARNING: [npu_registry.cc:34] NPU accelerator could not be loaded and registered: kLiteRtStatusErrorNotFound.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: Initialized session in 5.802ms.
INFO: count=524 first=2131 curr=969 min=910 max=2131 avg=953.207 std=68 p5=915 median=939 p95=990

INFO: count=1048 first=1015 curr=942 min=910 max=1102 avg=951.418 std=23 p5=915 median=942 p95=991

INFO: [./litert/tools/benchmark_litert_model.h:72]\x20
========== BENCHMARK RESULTS ==========
INFO: [./litert/tools/benchmark_litert_model.h:73] Model initialization: 5.80 ms
INFO: [./litert/tools/benchmark_litert_model.h:75] Warmup (first):       2.13 ms
INFO: [./litert/tools/benchmark_litert_model.h:77] Warmup (avg):         0.95 ms (524 runs)
INFO: [./litert/tools/benchmark_litert_model.h:79] Inference (avg):      0.95 ms (1048 runs)
INFO: [./litert/tools/benchmark_litert_model.h:83] Inference (min):      0.91 ms
INFO: [./litert/tools/benchmark_litert_model.h:85] Inference (max):      1.10 ms
INFO: [./litert/tools/benchmark_litert_model.h:87] Inference (std):      0.02
INFO: [./litert/tools/benchmark_litert_model.h:94] Throughput:           197.08 MB/s
INFO: [./litert/tools/benchmark_litert_model.h:105] Init footprint:       4.06 MB
INFO: [./litert/tools/benchmark_litert_model.h:107] Overall footprint:    7.07 MB
""",
    tool="litert",
    # The summary has two decimals of a millisecond, so the digits beyond are told only once.
    tolerance_us=10.0,
)

OUTPUTS = {
    "oldest": OLDEST,
    "old": OLD,
    "slow": SLOW,
    "new": NEW,
    "same": SAME,
    "one": ONE,
    "profiled": PROFILED,
    "gpu": GPU,
    "old-gpu": OLD_GPU,
    "litert": LITERT,
}
