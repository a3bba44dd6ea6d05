"""Operator profiles of whole networks, kind by kind."""

import pytest

from device_bench.errors import RunnerError
from device_bench.latency_table.in_situ import kind, mean_shares, shares
from device_bench.runners.runner import OperatorTime

CONV = "CONV_2D 1x8x8x8>1x8x8x16 k1x1 s1x1 same relu int8"
DEPTHWISE = "DEPTHWISE_CONV_2D 1x8x8x16>1x8x8x16 k3x3 s1x1 same relu int8"
ADD, MEAN, SOFTMAX = "ADD 1x8,1x8>1x8 int8", "MEAN 1x8>1x8 int8", "SOFTMAX 1x4>1x4 int8"
CLASSIFY = "FULLY_CONNECTED 1x8>1x4 int8"
NETWORK = (CONV, DEPTHWISE, CONV, ADD, MEAN, CLASSIFY, SOFTMAX)


def row(label, mean_us, calls=1):
    return OperatorTime("[Delegate]:0", label, mean_us, calls)


ROWS = [
    row("Delegate/Convolution (NHWC, QC8) IGEMM", 99.5),
    row("Delegate/Convolution (NHWC, QC8) DWConv", 49.5),
    row("Delegate/Fully Connected (NC, QS8, QC8W) GEMM", 19.5),
    row("Delegate/Add (ND)", 4.5),
    row("Delegate/Mean (ND) Reduce", 2.5),
    row("Delegate/Static Reshape (NC)", 0.0),
    row("Delegate/Fully Connected (NC, QS8, QC8W) GEMM:7", 9.5),
    row("SOFTMAX", 11.5),
]


def test_each_kind_has_its_share():
    found = shares(NETWORK, ROWS)
    whole = 100 + 50 + 20 + 5 + 3 + 10 + 12
    assert found == pytest.approx(
        {
            "dense": 130 / whole,
            "DEPTHWISE_CONV_2D": 50 / whole,
            "ADD": 5 / whole,
            "MEAN": 3 / whole,
            "SOFTMAX": 12 / whole,
        }
    )
    assert sum(found.values()) == pytest.approx(1)


def test_merged_rows_and_the_sum_of_a_delegate_change_nothing():
    merged = [
        row("TfLiteXNNPackDelegate", 500.0),
        row("Delegate/Convolution (NHWC QC8) IGEMM", 39.5, calls=3),
        *(one for one in ROWS if "GEMM" not in one.kind),
    ]
    found = shares(NETWORK, merged)
    assert found["dense"] == pytest.approx(120 / (120 + 50 + 5 + 3 + 12))


def test_operators_that_tflite_runs_itself_are_known_by_their_names():
    rows = [row(name, 9.5) for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED")]
    assert shares(NETWORK[:-1], rows)["dense"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:-1], "0 of 1 SOFTMAX"),
        ([*ROWS, row("Delegate/Add (ND)", 1.0)], "2 of 1 ADD"),
        ([*ROWS, row("Delegate/Something (New)", 1.0)], "1 of 0 Something"),
        ([], "of 3 dense"),
    ],
)
def test_a_profile_of_other_operators_is_refused(rows, message):
    with pytest.raises(RunnerError, match=message) as caught:
        shares(NETWORK, rows)
    assert "\n" not in str(caught.value)


def test_several_profiles_of_a_network_are_averaged():
    assert mean_shares([{"dense": 0.6, "ADD": 0.4}, {"dense": 0.8, "ADD": 0.2}]) == pytest.approx(
        {"dense": 0.7, "ADD": 0.3}
    )
    assert mean_shares([]) == {}


def test_groups_of_signatures_have_the_kind_of_their_operator():
    assert kind("CONV_2D pointwise") == kind("FULLY_CONNECTED") == "dense"
    assert kind("DEPTHWISE_CONV_2D k5x5") == kind(DEPTHWISE) == "DEPTHWISE_CONV_2D"
