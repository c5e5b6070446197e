"""Metrics of predictive distributions."""

import numpy as np
import pytest
import scoringrules
from scipy import stats

from skybake.metrics import in_bins, measuring, probabilistic, robust
from skybake.metrics import regression as plain
from skybake.results.predictions import Prediction

RNG = np.random.default_rng(5)
N = 4000
MEAN, STD = RNG.normal(14, 0.3, N), RNG.uniform(0.05, 0.2, N)
LABEL = RNG.normal(MEAN, STD)
EDGES = np.linspace(12.5, 15.5, 301)
LEVELS = np.linspace(0.01, 0.99, 99)
WEIGHTS = RNG.dirichlet([2, 2], N)
MEANS = MEAN[:, None] + [-0.2, 0.2]

CALIBRATED = {
    "gaussian": (LABEL, Prediction(MEAN, STD)),
    "student_t": (MEAN + STD * np.sqrt(3 / 5) * RNG.standard_t(5, N), Prediction(MEAN, STD, dof=5.0)),
    "quantiles": (
        LABEL,
        Prediction(MEAN, STD, quantiles=stats.norm.ppf(LEVELS, MEAN[:, None], STD[:, None]), levels=LEVELS),
    ),
    "bins": (
        LABEL,
        Prediction(
            MEAN, STD, probabilities=np.diff(stats.norm.cdf(EDGES, MEAN[:, None], STD[:, None]), axis=1), edges=EDGES
        ),
    ),
    "mixture": (
        RNG.normal(np.where(RNG.random(N) < WEIGHTS[:, 0], *MEANS.T), STD),
        Prediction(MEAN, STD, weights=WEIGHTS, means=MEANS, stds=np.repeat(STD[:, None], 2, axis=1)),
    ),
}


def values(label, prediction, weights=None):
    return {name: item.value for name, item in measuring.distributions(label, prediction, weights).items()}


@pytest.mark.parametrize("form", CALIBRATED)
def test_a_calibrated_prediction_is_found_calibrated(form):
    found = values(*CALIBRATED[form])
    assert found["pit_ks"] < 0.025
    assert found["coverage_68"] == pytest.approx(0.68, abs=0.02)
    assert found["coverage_95"] == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("form", CALIBRATED)
def test_proper_scores_punish_a_shifted_prediction(form):
    label, prediction = CALIBRATED[form]
    right, wrong = values(label, prediction), values(label, prediction.rescaled(1.0, 0.1))
    for name in ("crps", "nll", "cde_loss", "pit_ks"):
        assert right[name] < wrong[name], name
    assert right["sharpness"] == pytest.approx(wrong["sharpness"])


def test_gaussian_metrics_are_those_of_scipy_and_scoringrules():
    found = values(LABEL, Prediction(MEAN, STD))
    pit = stats.norm.cdf(LABEL, MEAN, STD)
    assert found["pit_ks"] == pytest.approx(stats.kstest(pit, "uniform").statistic, rel=1e-9)
    assert found["crps"] == pytest.approx(scoringrules.crps_normal(LABEL, MEAN, STD).mean(), rel=1e-12)
    assert found["nll"] == pytest.approx(-stats.norm.logpdf(LABEL, MEAN, STD).mean(), rel=1e-12)
    cde = np.mean(1 / (2 * STD * np.sqrt(np.pi))) - 2 * stats.norm.pdf(LABEL, MEAN, STD).mean()
    assert found["cde_loss"] == pytest.approx(cde, rel=1e-12)
    assert found["sharpness"] == pytest.approx(2 * stats.norm.ppf(0.84) * STD.mean(), rel=1e-9)


def test_an_overconfident_prediction_covers_too_little():
    found = values(LABEL, Prediction(MEAN, STD / 2))
    assert found["coverage_68"] == pytest.approx(2 * stats.norm.cdf(0.5 * stats.norm.ppf(0.84)) - 1, abs=0.03)
    assert found["pit_ks"] > 0.08


def test_missing_labels_are_left_out_and_the_rest_is_counted():
    holes = LABEL.copy()
    holes[::2] = np.nan
    holes[1] = -9999
    used = measuring.distributions(holes, Prediction(MEAN, STD))
    kept = np.isfinite(holes) & (holes != -9999)
    alone = measuring.distributions(LABEL[kept], Prediction(MEAN, STD).select(kept))
    assert used == alone
    assert all(item.n == N // 2 - 1 for item in used.values())


def test_seeds_are_pooled():
    shifted = Prediction(MEAN + 0.1, STD)
    pooled = measuring.distributions(LABEL, [Prediction(MEAN, STD), shifted])
    assert pooled["crps"].n == 2 * N
    both = values(LABEL, Prediction(MEAN, STD))["crps"], values(LABEL, shifted)["crps"]
    assert pooled["crps"].value == pytest.approx(np.mean(both))


def test_a_point_has_no_metrics_of_this_family():
    assert measuring.distributions(LABEL, Prediction(MEAN)) == {}
    assert measuring.distributions(np.full(N, np.nan), Prediction(MEAN, STD)) == {}


def test_whole_weights_are_repetitions():
    times = RNG.integers(0, 4, N)
    rows = np.repeat(np.arange(N), times)
    found, repeated = (
        values(LABEL, Prediction(MEAN, STD), times),
        values(LABEL[rows], Prediction(MEAN[rows], STD[rows])),
    )
    assert found == pytest.approx(repeated, rel=1e-9)


def test_statistics_reduce_bootstrap_draws():
    scores = measuring.scores(LABEL, Prediction(MEAN, STD))
    drawn = RNG.integers(0, N, (5, N))
    for name, (score, statistic) in measuring.of_scores(scores).items():
        found = statistic(scores[score][drawn])
        assert found.shape == (5,)
        assert found[3] == pytest.approx(statistic(scores[score][drawn[3]])), name


def test_coverage_curve():
    pit = stats.norm.cdf(LABEL, MEAN, STD)
    levels = [0.1, 0.5, 0.9]
    assert np.allclose(probabilistic.coverage_curve(pit, levels), levels, atol=0.025)


def test_a_wrong_number_of_labels_is_refused():
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) found; expected \(4000,\)"):
        measuring.distributions(LABEL[:3], Prediction(MEAN, STD))


# Robust metrics of points ---------------------------------------------------------------------------------------------


def test_rail_outliers():
    """max(0.06, 3 sigma_IQR): for a narrow sample 0.06, for a wide one its own scatter."""
    narrow, wide = RNG.normal(0, 0.001, 1000), RNG.normal(0, 0.2, 1000)
    narrow[:10] = 0.061
    wide[:10] = [0.5] * 5 + [5.0] * 5
    assert robust.rail_outlier_fraction(narrow) == 0.01
    threshold = 3 * stats.iqr(wide) / 1.349
    assert threshold > 0.06
    expected = np.mean(np.abs(wide) > threshold)
    assert np.array_equal(robust.rail_outlier_fraction(np.stack([narrow, wide])), [0.01, expected])
    assert np.isnan(robust.rail_outlier_fraction(np.array([0.0, np.nan, 1.0])))


# Bins of a scalar -----------------------------------------------------------------------------------------------------


def test_metrics_in_bins_of_a_scalar():
    scalar = RNG.uniform(0, 1, N)
    scalar[5] = np.nan
    errors = np.stack([scalar * 2, scalar * 4])
    edges = in_bins.edges(scalar, 4)
    found = in_bins.measure(errors, scalar, edges, {"mean": plain.mean_error})
    assert sum(item.n for item in found) == N - 1
    assert max(item.n for item in found) - min(item.n for item in found) <= 1
    for item in found:
        here = (scalar >= item.low) & ((scalar < item.high) | (item is found[-1]) & (scalar == item.high))
        assert item.values["mean"] == pytest.approx(3 * scalar[here].mean(), rel=1e-6)
        assert item.low < item.middle < item.high


def test_empty_bins_are_told():
    found = in_bins.measure(np.ones(2), np.array([0.1, 2.0]), np.array([0.0, 1.0, 2.0, 3.0]), {"rmse": plain.rmse})
    assert [item.n for item in found] == [1, 0, 1]
    assert np.isnan(found[1].values["rmse"])


def test_edges_of_bins():
    assert np.allclose(in_bins.edges([0, 4, np.nan, -9999, 2], 2, "uniform"), [0, 2, 4])
    assert len(in_bins.edges(np.ones(9), 3)) == 2
    assert in_bins.measure(np.ones(9), np.ones(9), in_bins.edges(np.ones(9), 3), {})[0].n == 9
    with pytest.raises(ValueError, match="spacing: 'log' found"):
        in_bins.edges([1, 2], 3, "log")
    with pytest.raises(ValueError, match="3 bins of 0 values"):
        in_bins.edges([np.nan], 3)
    with pytest.raises(ValueError, match="2 objects found; expected 3"):
        in_bins.measure(np.ones(2), np.ones(3), np.array([0, 1]), {})
