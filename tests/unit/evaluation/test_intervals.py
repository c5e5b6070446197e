"""Intervals hold the truth as often as they say: simulated sets with a known truth and fixed seeds."""

from functools import partial

import numpy as np
import pytest
from scipy import stats

from skybake.evaluation import calibration
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.intervals import intervals, wilson
from skybake.metrics import probabilistic, regression
from tests.unit.test_benchmarks import loaded

coverage = loaded("coverage")


@pytest.mark.parametrize("errors", ["normal", "groups"])
@pytest.mark.parametrize("n", [40, 150, 800])
def test_coverage(errors, n):
    """A set of 300: nominal 95 % is found as 90 to 99 %; of groups at least 90 %, less twice its own error."""
    found = coverage.measure(errors, n, sets=300, draws=200)
    for name in ("std_error", "rmse", "outlier_fraction"):
        lowest = 90 if errors == "normal" else 86.5
        assert lowest <= found[name]["now"] <= 99, name
    if n == 40:
        assert found["std_error"]["percentiles"] < 90  # what these intervals are for


def test_the_truth_of_heavy_tails_is_that_of_a_large_sample():
    for errors in ("contaminated", "outliers"):
        d, _ = coverage.simulated(errors, 400_000, np.random.default_rng(0))
        for name, value in coverage.truths(errors).items():
            assert float(coverage.STATISTICS[name](d)) == pytest.approx(value, rel=0.02, abs=0.01), (errors, name)


def test_wilson_is_that_of_scipy_for_whole_numbers():
    for right, n, level in ((0, 40, 0.95), (3, 40, 0.95), (40, 40, 0.9), (799, 800, 0.68)):
        expected = stats.binomtest(right, n).proportion_ci(level, method="wilson")
        found = wilson(right / n, n, level)
        assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    wider = wilson(0.1, 33.3, 0.95)
    assert wilson(0.1, 33, 0.95).high > wider.high > wilson(0.1, 34, 0.95).high


def test_no_outlier_is_not_none_for_certain():
    d, statistic = np.zeros(40), {"outliers": partial(regression.outlier_fraction, threshold=0.3)}
    kinds = {"outliers": "fraction"}
    assert intervals(d, statistic, Bootstrap(draws=50), kinds)["outliers"].high == pytest.approx(0.0876, abs=1e-4)
    groups = np.repeat(np.arange(10), 4)  # perhaps all of a group would be outliers together
    found = intervals(d, statistic, Bootstrap(draws=50, groups=groups), kinds)["outliers"]
    assert (found.low, found.high) == (0, pytest.approx(wilson(0, 10, 0.95).high))


def test_copies_of_objects_count_once():
    one = np.random.default_rng(6).normal(size=60)
    kinds = {"std": "scale", "outliers": "fraction"}
    statistics = {"std": regression.std_error, "outliers": partial(regression.outlier_fraction, threshold=1.5)}
    alone = intervals(one, statistics, Bootstrap(draws=4000), kinds)
    groups = np.repeat(np.arange(60), 3)
    copies = intervals(np.repeat(one, 3), statistics, Bootstrap(draws=4000, groups=groups), kinds)
    for name, span in alone.items():
        assert (copies[name].low, copies[name].high) == pytest.approx((span.low, span.high), rel=0.04), name


def test_errors_all_alike_have_no_interval_of_their_scatter():
    found = intervals(np.full(40, 0.1), {"std": regression.std_error}, Bootstrap(draws=50), {"std": "scale"})
    assert found == {}


@pytest.mark.parametrize(("n", "size"), [(400, 2), (400, 5), (800, 50)])
def test_calibrated_distributions_of_objects_in_groups_are_seldom_found_fault_with(n, size):
    rng = np.random.default_rng(size)
    groups = np.repeat(np.arange(n // size), size)
    alarms, tables, p_values = 0, 0, []
    for _ in range(200):
        z = np.sqrt(0.7) * rng.normal(size=n // size)[groups] + np.sqrt(0.3) * rng.normal(size=n)
        pit = stats.norm.cdf(z)[None]
        distance = float(probabilistic.pit_ks(pit[0]))
        found = calibration.judge(pit, distance, Bootstrap(draws=300, groups=groups))
        alarms += distance > found.critical
        tables += distance > stats.kstwo.ppf(0.95, n)
        p_values.append(found.p_value)
        assert found.effective_n <= n
    assert alarms / 200 <= 0.1
    assert tables / 200 > (0.3 if size > 2 else 0.08)
    assert 0.35 < np.mean(p_values) < 0.7


def test_wrong_distributions_of_objects_in_groups_are_found():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 3)
    z = 1.8 * (np.sqrt(0.5) * rng.normal(size=100)[groups] + np.sqrt(0.5) * rng.normal(size=300))
    pit = stats.norm.cdf(z)[None]
    distance = float(probabilistic.pit_ks(pit[0]))
    found = calibration.judge(pit, distance, Bootstrap(draws=500, groups=groups))
    assert distance > found.critical
    assert found.p_value < 0.05


def test_of_few_groups_no_calibration_is_told():
    groups = np.repeat(np.arange(9), 10)
    found = calibration.judge(np.random.default_rng(0).random((2, 90)), 0.1, Bootstrap(draws=50, groups=groups))
    assert (found.critical, found.p_value, found.effective_n) == (None, None, None)


def test_the_accuracy_of_calibrated_classes_of_objects_in_groups_seldom_leaves_its_band():
    rng = np.random.default_rng(3)
    n, size, chance = 400, 5, 0.8
    groups = np.repeat(np.arange(n // size), size)
    outside = {"groups": 0, "objects": 0}
    for _ in range(300):
        z = np.sqrt(0.8) * rng.normal(size=n // size)[groups] + np.sqrt(0.2) * rng.normal(size=n)
        right = (stats.norm.cdf(z) < chance)[None].repeat(2, axis=0)  # two seeds say the same
        for name, by in (("groups", groups), ("objects", None)):
            number = calibration.effective_number(right - chance, np.full((2, n), True), Bootstrap(groups=by))
            low, high = stats.binom.interval(0.95, round(number), chance)
            outside[name] += not low <= right.mean() * round(number) <= high
        assert number == n
    assert outside["groups"] / 300 <= 0.1
    assert outside["objects"] / 300 > 0.15


def test_a_bin_of_few_groups_has_no_band_and_one_of_equal_objects_counts_its_groups():
    inside = np.arange(60) < 36
    off = np.where(np.arange(60) % 2, 0.1, -0.9)[None]
    few, enough = (Bootstrap(groups=np.arange(60) // size) for size in (4, 3))
    assert calibration.effective_number(off, inside[None], few) is None
    assert calibration.effective_number(off, inside[None], enough) >= 1
    assert calibration.effective_number(np.full((1, 60), 0.1), inside[None], enough) == 12
