"""Losses against numbers and closed forms that others give."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pytest
import scoringrules
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics

from skybake import losses
from tests.unit.losses._loss_cases import EDGES, evaluate

M = -9999.0
RNG = np.random.default_rng(11)
Y = RNG.normal(0.5, 1.5, (40, 1)).astype(np.float32)
P = RNG.normal(0.0, 1.0, (40, 1)).astype(np.float32)
S = RNG.normal(-0.5, 1.0, (40, 1)).astype(np.float32)
WIDTHS, CENTRES = np.diff(EDGES), 0.5 * (np.array(EDGES)[1:] + np.array(EDGES)[:-1])


def value(name, y, p, **given):
    return evaluate(name, np.asarray(y, np.float32), np.asarray(p, np.float32), given)[0]


# The numbers of the science notes -------------------------------------------------------------------------------------


def test_correction_term():
    found = keras.ops.convert_to_numpy(losses.magic_correction_term([[2, M, M], [2, M, 4.0]]))
    assert np.allclose(found, [3, 1.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "y", "p", "given", "expected"),
    [
        ("mae", [[2, M, 4], [2, M, 4]], [[2, 3, 4], [2, 3, 7]], {}, [0, 1.5]),
        ("mse", [[2, M, 4], [2, M, 4]], [[2, 3, 4], [2, 3, 7]], {}, [0, 4.5]),
        ("mean_absolute_percentage_error", [[1, M, 1], [1, M, 1]], [[1, 0, 0], [1, 0, 0]], {}, [50, 50]),
        # 0.24 in the notes, which is ln(2)²/2
        ("mean_squared_logarithmic_error", [[1, M, 1]], [[1, 0, 0]], {}, [0.5 * np.log(2) ** 2]),
        ("robust_mse", [[1, 2, M, 0.1, 0, M]], [[1.5, 2, 3, 0, -1, 2]], {}, [-0.185631]),
        # 16.0302 in the notes: the mean of -ln 1e-7 and, since 1 - 1e-7 is 1 - 2^-23 in float32, of 23 ln 2
        (
            "binary_crossentropy",
            [[1, 0]],
            [[0, 1]],
            {"from_logits": False},
            [0.5 * (7 * np.log(10) + 23 * np.log(2))],
        ),
        ("mad_std", [[1, 2, 3]], [[0, 0, 0]], {}, [2.9652]),
    ],
)
def test_values_of_the_science_notes(name, y, p, given, expected):
    assert np.allclose(value(name, y, p, **given), expected, rtol=1e-6, atol=1e-6)


def test_the_roundings_in_the_science_notes():
    assert round(0.5 * np.log(2) ** 2, 2) == 0.24
    assert round(0.5 * (7 * np.log(10) + 23 * np.log(2)), 4) == 16.0302


# Closed forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("mse", "MeanSquaredError"),
        ("mae", "MeanAbsoluteError"),
        ("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError"),
        ("mean_absolute_percentage_error", "MeanAbsolutePercentageError"),
        ("log_cosh", "LogCosh"),
    ],
)
def test_without_missing_labels_as_keras(name, theirs):
    y, p = Y.reshape(10, 4), P.reshape(10, 4)
    expected = getattr(keras.losses, theirs)(reduction=None)(y, p)
    assert np.allclose(value(name, y, p), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("delta", [0.1, 0.5, 3.0])
def test_huber_as_keras(delta):
    expected = keras.losses.Huber(delta=delta, reduction=None)(Y, P)
    assert np.allclose(value("huber", Y, P, delta=delta), expected, rtol=1e-6, atol=1e-7)


def test_gaussian_likelihood_as_scipy():
    expected = -stats.norm.logpdf(Y, P, np.exp(0.5 * S))[:, 0]
    assert np.allclose(value("gaussian_nll", Y, np.hstack([P, S])), expected, rtol=1e-6, atol=1e-6)
    without = value("robust_mse", Y, np.hstack([P, S]))
    assert np.allclose(without + 0.5 * np.log(2 * np.pi), expected, rtol=1e-6, atol=1e-6)


def test_known_label_errors_add_to_the_variance():
    known = np.abs(RNG.normal(0, 1, Y.shape)).astype(np.float32)
    known[:3] = [[M], [np.nan], [0]]
    error = np.where(np.isfinite(known) & (known != M), known, 0)
    spread = np.sqrt(np.exp(S) + error**2)
    given = np.hstack([Y, known]), np.hstack([P, S])
    assert np.allclose(value("gaussian_nll", *given), -stats.norm.logpdf(Y, P, spread)[:, 0], rtol=1e-5, atol=1e-6)
    assert np.allclose(
        value("gaussian_crps", *given), scoringrules.crps_normal(Y, P, spread)[:, 0], rtol=1e-5, atol=1e-6
    )


def test_gaussian_crps_as_scoringrules():
    expected = scoringrules.crps_normal(Y, P, np.exp(0.5 * S))[:, 0]
    assert np.allclose(value("gaussian_crps", Y, np.hstack([P, S])), expected, rtol=1e-5, atol=1e-6)


def test_gaussian_crps_far_off_is_the_distance():
    distance = [1e30, 1e20 - np.exp(40) / np.sqrt(np.pi)]
    assert np.allclose(value("gaussian_crps", [[1e30], [-1e20]], [[0, 0], [0, 80]]), distance, rtol=1e-6)


@pytest.mark.parametrize("dof", [2.5, 5.0, 40.0])
def test_student_t_as_scipy(dof):
    expected = -stats.t.logpdf(Y, dof, P, np.exp(0.5 * S))[:, 0]
    assert np.allclose(value("student_t_nll", Y, np.hstack([P, S]), dof=dof), expected, rtol=1e-5, atol=1e-6)


def test_mixture_as_scipy():
    logits, means, log_variances = RNG.normal(size=(3, 40, 4))
    terms = stats.norm.logpdf(Y, means, np.exp(0.5 * log_variances)) + special.log_softmax(logits, axis=1)
    found = value("mixture_nll", Y, np.hstack([logits, means, log_variances]), components=4)
    assert np.allclose(found, -special.logsumexp(terms, axis=1), rtol=1e-5, atol=1e-5)


def test_one_component_is_a_gaussian():
    found = value("mixture_nll", Y, np.hstack([np.zeros_like(P), P, S]), components=1)
    assert np.allclose(found, value("gaussian_nll", Y, np.hstack([P, S])), rtol=1e-6, atol=1e-6)


def test_quantile_as_sklearn():
    levels = (0.1, 0.5, 0.8)
    p = RNG.normal(size=(40, 3))
    expected = np.mean([metrics.mean_pinball_loss(Y, p[:, k], alpha=levels[k]) for k in range(3)])
    assert value("quantile", Y, p, levels=levels).mean() == pytest.approx(expected, rel=1e-6)
    assert np.allclose(value("quantile", Y, P, levels=[0.5]), 0.5 * value("mae", Y, P), rtol=1e-6)


def test_batch_log_likelihood_is_the_likelihood_of_the_residuals():
    spread = np.sqrt(np.mean((P - Y) ** 2))
    assert np.allclose(value("batch_log_likelihood", Y, P), -stats.norm.logpdf(P - Y, 0, spread)[:, 0], rtol=1e-5)
    total = 0.5 * len(Y) * (1 + np.log(2 * np.pi * spread**2))
    assert value("batch_log_likelihood", Y, P).sum() == pytest.approx(total, rel=1e-5)


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3)
)
@settings(deadline=None, max_examples=25, derandomize=True)
def test_medians_as_numpy(p, known):
    y = np.where(known, [1.0, -2.0, 4.0], np.nan)
    kept = (np.float32(p) - y)[known]
    expected = [np.median(kept), np.median(np.abs(kept))] if any(known) else [0, 0]
    assert value("median_error", [y], [p])[0] == pytest.approx(expected[0], rel=1e-5, abs=1e-5)
    assert value("median_absolute_error", [y], [p])[0] == pytest.approx(expected[1], rel=1e-5, abs=1e-5)


def test_relative_errors_are_of_the_label_in_its_own_units():
    scale, shift = 0.35, 14.2
    label, predicted = scale * Y + shift, scale * P + shift
    for name, expected in {
        "mean_absolute_percentage_error": 100 * np.abs(predicted - label) / np.abs(label),
        "median_absolute_percentage_error": 100 * np.abs(predicted - label) / np.abs(label),
        "mean_percentage_error": 100 * (label - predicted) / label,
        "mean_squared_logarithmic_error": (np.log1p(predicted) - np.log1p(label)) ** 2,
    }.items():
        assert np.allclose(value(name, Y, P, scale=scale, shift=shift), expected[:, 0], rtol=1e-4, atol=1e-6), name


# Bins -----------------------------------------------------------------------------------------------------------------

LOGITS = RNG.normal(size=(40, len(CENTRES)))
PROBABILITIES = special.softmax(LOGITS, axis=1)
PLACES = np.clip(np.digitize(Y[:, 0], EDGES) - 1, 0, len(CENTRES) - 1)


def test_expectation_is_taken_for_each_object():
    expected = (PROBABILITIES @ CENTRES - Y[:, 0]) ** 2
    assert np.allclose(value("expectation", Y, LOGITS, edges=EDGES), expected, rtol=1e-5, atol=1e-6)


def test_expectation_batchsum_sums_over_the_batch_as_the_reference_does():
    expected = ((PROBABILITIES @ CENTRES).sum() - Y[:, 0]) ** 2
    assert np.allclose(value("expectation_batchsum", Y, LOGITS, edges=EDGES), expected, rtol=1e-5)


def test_bin_crossentropy_as_sklearn():
    expected = metrics.log_loss(PLACES, PROBABILITIES, labels=range(len(CENTRES)))
    assert value("bin_crossentropy", Y, LOGITS, edges=EDGES).mean() == pytest.approx(expected, rel=1e-5)


def test_labels_outside_belong_to_the_nearest_bin():
    found = value("bin_crossentropy", [[-100], [100], [-4], [4]], LOGITS[:4], edges=EDGES)
    expected = -np.log(PROBABILITIES[range(4), [0, -1, 0, -1]])
    assert np.allclose(found, expected, rtol=1e-5)


def test_binned_crps_is_the_formula():
    step = np.array(EDGES)[None, 1:] >= Y
    expected = (WIDTHS * (PROBABILITIES.cumsum(axis=1) - step) ** 2).sum(axis=1)
    assert np.allclose(value("binned_crps", Y, LOGITS, edges=EDGES), expected, rtol=1e-5, atol=1e-6)


def test_binned_crps_of_many_bins_is_that_of_the_gaussian():
    edges = np.linspace(-6, 6, 1201)
    logits = np.log(np.maximum(np.diff(stats.norm.cdf(edges)), 1e-30))
    y = [[-1.0], [0.3], [2.0]]
    found = value("binned_crps", y, np.tile(logits, (3, 1)), count=1200, low=-6.0, high=6.0)
    assert np.allclose(found, scoringrules.crps_normal(np.array(y), 0.0, 1.0)[:, 0], atol=0.006)


def test_ordinal_smoothing():
    place = np.arange(len(CENTRES))
    target = special.softmax(-0.5 * ((place - PLACES[:, None]) / 0.7) ** 2, axis=1)
    expected = -(target * np.log(PROBABILITIES)).sum(axis=1)
    assert np.allclose(value("ordinal_crossentropy", Y, LOGITS, edges=EDGES, smoothing=0.7), expected, rtol=1e-5)
    sharp = value("ordinal_crossentropy", Y, LOGITS, edges=EDGES, smoothing=0.01)
    assert np.allclose(sharp, value("bin_crossentropy", Y, LOGITS, edges=EDGES), rtol=1e-5)


# Classes --------------------------------------------------------------------------------------------------------------

KINDS = RNG.integers(0, 3, 40)
SCORES = RNG.normal(size=(40, 3))


@pytest.mark.parametrize("name", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_categorical_crossentropy_as_sklearn(name):
    probabilities = special.softmax(SCORES, axis=1)
    expected = metrics.log_loss(KINDS, probabilities)
    assert value(name, KINDS[:, None], SCORES).mean() == pytest.approx(expected, rel=1e-6)
    for y in (KINDS[:, None], np.eye(3)[KINDS]):
        found = value(name, y, 7 * probabilities, from_logits=False)  # need not sum to 1
        assert found.mean() == pytest.approx(expected, rel=1e-5)


def test_a_missing_membership_is_corrected_for_once():
    found = value("categorical_crossentropy", [[1, M, 0], [M, 0, M]], [[0.3, 2.0, 1.0], [0.3, 2.0, 1.0]])
    assert np.allclose(found, [-1.5 * special.log_softmax([0.3, 2.0, 1.0])[0], 0], rtol=1e-6)


def test_binary_crossentropy_as_keras():
    y = (KINDS[:, None] > 0).astype(np.float32)
    for from_logits, p in ((True, 8 * SCORES[:, :1]), (False, special.expit(SCORES[:, :1]))):
        expected = keras.losses.BinaryCrossentropy(from_logits=from_logits, reduction=None)(y, p.astype(np.float32))
        assert np.allclose(value("binary_crossentropy", y, p, from_logits=from_logits), expected, rtol=1e-5, atol=1e-7)


def test_focal_is_the_formula_and_crossentropy_at_gamma_zero():
    probabilities = special.softmax(SCORES, axis=1)[range(40), KINDS]
    for gamma in (0.5, 2.0):
        expected = -((1 - probabilities) ** gamma) * np.log(probabilities)
        assert np.allclose(value("focal", KINDS[:, None], SCORES, gamma=gamma), expected, rtol=1e-5, atol=1e-7)
    plain = value("categorical_crossentropy", KINDS[:, None], SCORES)
    assert np.allclose(value("focal", KINDS[:, None], SCORES, gamma=0.0), plain, rtol=1e-6)


def test_bayesian_binary_crossentropy_nears_the_integral():
    node, weight = np.polynomial.hermite_e.hermegauss(60)
    yes = special.expit(SCORES[:, :1] + np.exp(0.5 * S) * node) @ weight / weight.sum()
    y = (KINDS > 0).astype(float)
    expected = -np.log(np.where(y == 1, yes, 1 - yes))
    p = np.hstack([SCORES[:, :1], S])
    many, few = (value("bayesian_binary_crossentropy", y[:, None], p, draws=draws) for draws in (20_000, 25))
    assert np.allclose(many, expected, atol=0.02)
    assert np.abs(few - expected).mean() < 0.05
    assert not np.allclose(few, value("bayesian_binary_crossentropy", y[:, None], p, seed=1), atol=1e-4)


def test_bayesian_crossentropies_without_noise_are_the_plain_ones():
    quiet = np.full_like(SCORES, -60)
    assert np.allclose(
        value("bayesian_categorical_crossentropy", KINDS[:, None], np.hstack([SCORES, quiet])),
        value("categorical_crossentropy", KINDS[:, None], SCORES),
        rtol=1e-5,
    )
    y = (KINDS[:, None] > 0).astype(float)
    assert np.allclose(
        value("bayesian_binary_crossentropy", y, np.hstack([SCORES[:, :1], quiet[:, :1]])),
        value("binary_crossentropy", y, SCORES[:, :1]),
        rtol=1e-5,
        atol=1e-6,
    )


def test_robust_crossentropies_are_what_astronn_documents():
    """Its formula with very many draws, computed once by hand; without noise both are the plain ones."""
    logits, variance = [0.5, -0.2, 1.0], np.log(0.8)
    found = value("robust_categorical_crossentropy", [[0, 1, 0]], [[*logits, *[variance] * 3]], draws=200_000)
    assert np.allclose(found, 3.060, atol=0.004)
    assert np.allclose(value("robust_binary_crossentropy", [[1]], [[0.3, variance]], draws=200_000), 1.743, atol=0.004)
    quiet = np.full_like(SCORES, -60)
    assert np.allclose(
        value("robust_categorical_crossentropy", KINDS[:, None], np.hstack([SCORES, quiet])),
        value("categorical_crossentropy", KINDS[:, None], SCORES),
        rtol=1e-5,
    )


def test_two_bayesian_classes_are_one_bayesian_logit():
    """The difference of two logits with noise V each is one with noise 2 V."""
    two = np.hstack([np.zeros_like(P), P, S, S])
    one = np.hstack([P, S + np.log(2)])
    y = (KINDS[:, None] > 0).astype(float)
    found = value("bayesian_categorical_crossentropy", y, two, draws=20_000)
    assert np.allclose(found, value("bayesian_binary_crossentropy", y, one, draws=20_000), atol=0.03)


# Where astroNN 1.1.0's code differs from its documents, we follow the documents ---------------------------------------


def test_mean_error_is_predicted_minus_true_where_astronn_has_true_minus_predicted():
    astronn = np.float32([1 - 1.5])
    assert value("mean_error", [[1.0]], [[1.5]]) == -astronn == 0.5


def test_mean_percentage_error_divides_the_difference_where_astronn_divides_the_prediction():
    astronn = 100 * (2 - 3 / 2)
    assert value("mean_percentage_error", [[2.0]], [[3.0]]) == -50 != astronn


def test_median_error_leaves_out_missing_labels_where_astronn_counts_them():
    assert value("median_error", [[1, M, 2]], [[2, 0, 2]]) == 0.5
    assert np.median(np.array([1, M, 2]) - [2, 0, 2]) == -1  # astronn


def test_median_percentage_error_is_for_each_object_where_astronn_takes_the_whole_batch():
    y, p = [[1.0, 1.0], [1.0, 1.0]], [[1.1, 1.1], [1.3, 1.3]]
    assert np.allclose(value("median_absolute_percentage_error", y, p), [10, 30], rtol=1e-5)


def test_a_row_without_labels_costs_nothing_where_astronn_has_infinity():
    with np.errstate(divide="ignore", invalid="ignore"):
        astronn = np.float64(0.0) * np.divide(3.0, 0.0)
    assert np.isnan(astronn)
    assert value("mse", [[M, M, M]], [[1, 2, 3]]) == 0


def test_nan_labels_have_finite_gradients_where_astronn_has_nan():
    _, gradient = evaluate("mse", np.float32([[1, np.nan]]), np.float32([[3, 5]]))
    assert np.array_equal(gradient, [[4, 0]])


def test_bayesian_crossentropy_corrects_once_where_astronn_corrects_twice():
    quiet = [-60.0] * 3
    found = value("bayesian_categorical_crossentropy", [[1, M, 0]], [[0.3, 2.0, 1.0, *quiet]])
    plain = -special.log_softmax([0.3, 2.0, 1.0])[0]
    assert found == pytest.approx(1.5 * plain, rel=1e-5)
    assert found != pytest.approx(1.5**2 * plain, rel=0.1)  # astronn
