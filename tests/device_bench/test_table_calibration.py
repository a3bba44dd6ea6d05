"""Calibration, scores and sizes."""

from dataclasses import replace

import numpy as np
import pytest

from device_bench.latency_table.calibration import Calibration, Whole, calibrate
from device_bench.latency_table.features import features
from device_bench.latency_table.fill import fit_fill
from device_bench.latency_table.scores import score, spearman


def networks(count, rng, scales=(1.05, 1.05), intercept=0.2, noise=0.0, per_operator=0.0, profiled=False):
    """Networks of two kinds of operators, `a` and `b`, that follow the law."""
    made = []
    for _ in range(count):
        sums, counts = rng.uniform(1, 10, 2), rng.integers(10, 50, 2)
        inside = np.array(scales) * sums + per_operator * counts
        whole = (intercept + inside.sum()) * (1 + noise * rng.standard_normal())
        shares = dict(zip("ab", (inside / whole).tolist(), strict=True)) if profiled else {}
        made.append(
            Whole(
                dict(zip("ab", sums.tolist(), strict=True)),
                dict(zip("ab", counts.tolist(), strict=True)),
                float(whole),
                shares,
            )
        )
    return made


def test_a_common_factor_and_an_intercept_are_found():
    fit = calibrate(networks(20, np.random.default_rng(0)))
    assert fit.intercept_ms == pytest.approx(0.2, abs=0.01)
    assert fit.scale("a") == pytest.approx(1.05, abs=0.005)
    assert fit.scale("never seen") == pytest.approx(1.05, abs=0.005)
    assert fit.mape < 0.001
    assert fit.networks == 20


def test_kinds_get_factors_of_their_own_where_the_data_show_them():
    fit = calibrate(networks(30, np.random.default_rng(1), scales=(1.0, 2.5), noise=0.005))
    assert fit.scale("a") == pytest.approx(1.0, abs=0.05)
    assert fit.scale("b") == pytest.approx(2.5, abs=0.05)


def test_what_every_operator_costs_beside_its_time_is_found():
    fit = calibrate(networks(30, np.random.default_rng(4), per_operator=-0.02, noise=0.002))
    assert fit.per_operator_ms == pytest.approx(-0.02, rel=0.1)
    assert fit.scale("a") == pytest.approx(1.05, abs=0.02)


def test_profiles_tell_apart_what_whole_networks_cannot():
    """With as many networks as unknowns, noise makes whole latencies useless for the factors; shares fix them."""
    law = {"scales": (0.9, 2.0), "noise": 0.03}
    errors = {}
    for profiled in (False, True):
        fits = [calibrate(networks(6, np.random.default_rng(seed), profiled=profiled, **law)) for seed in range(20)]
        errors[profiled] = np.mean([abs(fit.scale("a") - 0.9) + abs(fit.scale("b") - 2.0) for fit in fits])
    assert errors[True] < 0.6 * errors[False]


def test_networks_that_were_slowed_down_do_not_spoil_the_fit():
    calm = networks(24, np.random.default_rng(5), noise=0.005)
    disturbed = [
        replace(one, measured_ms=1.3 * one.measured_ms) if place % 4 == 0 else one for place, one in enumerate(calm)
    ]
    fit = calibrate(disturbed)
    guesses = [fit.intercept_ms + sum(ms * fit.scale(group) for group, ms in one.sums_ms.items()) for one in calm]
    guesses = [guess + fit.per_operator_ms * sum(one.counts.values()) for guess, one in zip(guesses, calm, strict=True)]
    assert score(guesses, [one.measured_ms for one in calm]).mape < 0.02


def test_the_left_out_error_is_that_of_the_noise():
    fit = calibrate(networks(60, np.random.default_rng(2), noise=0.03))
    assert 0.02 < fit.spread < 0.045


def test_too_few_networks_calibrate_nothing():
    assert calibrate(networks(3, np.random.default_rng(0))) == Calibration(networks=3)


def test_scores():
    exact = score([1, 2, 3], [1, 2, 3])
    assert (exact.mape, exact.within_5, exact.spearman, exact.pairs) == (0, 1, 1, 1)
    off = score([1.04, 2.18, 2.4], [1, 2, 3])
    assert off.mape == pytest.approx((0.04 + 0.09 + 0.2) / 3)
    assert off.bias == pytest.approx((0.04 + 0.09 - 0.2) / 3)
    assert (off.within_5, off.within_10) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert score([3, 2, 1], [1, 2, 3]).pairs == 0
    assert score([1, 1], [1, 1.04]).pairs is None


def test_ranks_share_ties():
    assert spearman(np.array([1, 2, 2, 3]), np.array([1, 2, 2, 9])) == pytest.approx(1)
    assert spearman(np.array([1, 2, 3, 4]), np.array([4, 3, 2, 1])) == pytest.approx(-1)
    # By hand: ranks 0,1,2,3 against 1,0,3,2.
    assert spearman(np.array([1, 2, 3, 4]), np.array([2, 1, 4, 3])) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("line", "group", "macs", "weights"),
    [
        ("CONV_2D 1x8x8x16>1x4x4x32 k3x3 s2x2 same relu int8", "CONV_2D spatial", 9 * 16 * 32 * 16, 9 * 16 * 32),
        ("CONV_2D 1x8x8x16>1x8x8x32 k1x1 s1x1 same float32", "CONV_2D pointwise", 16 * 32 * 64, 4 * 16 * 32),
        ("CONV_2D 1x1x1x16>1x1x1x4 k1x1 s1x1 same relu int8", "CONV_2D vector", 64, 64),
        ("DEPTHWISE_CONV_2D 1x8x8x16>1x8x8x16 k5x5 s1x1 same int8", "DEPTHWISE_CONV_2D k5x5", 25 * 1024, 400),
        ("FULLY_CONNECTED 1x1x1x64>1x10 int8", "FULLY_CONNECTED", 640, 640),
        ("CONV_2D 1x8x8x16>1x8x8x32 k1x1 s1x1 same float32/int8", "CONV_2D pointwise", 16 * 32 * 64, 16 * 32),
        ("SOMETHING_NEW scalar>scalar strange=1 int8", "SOMETHING_NEW", 1, 1),
    ],
)
def test_sizes_come_from_the_line(line, group, macs, weights):
    found = features(line)
    assert (found.group, found.macs, found.weight_bytes) == (group, macs, weights)


def test_a_fill_learns_a_law_and_tells_its_own_error():
    lines = {
        f"ADD 1x{s}x{s}x{c},1x{s}x{s}x{c}>1x{s}x{s}x{c} int8": 1e-5 * s * s * c + 1e-3
        for s in (4, 8, 16, 32)
        for c in (8, 24, 64, 96)
    }
    fill = fit_fill(lines)
    assert fill.estimate_ms("ADD 1x16x16x40,1x16x16x40>1x16x16x40 int8") == pytest.approx(
        1e-5 * 256 * 40 + 1e-3, rel=0.15
    )
    assert fill.estimate_ms("MUL 1x4x4x8,1x4x4x8>1x4x4x8 int8") is None
    assert 0 < fill.spread < 0.5
