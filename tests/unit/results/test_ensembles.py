"""The mean of seeds' predictions against the mixture of their distributions, as scipy has it."""

import numpy as np
import pytest
from scipy import stats

from skybake.results import distributions, ensembles
from skybake.results.predictions import Prediction

RNG = np.random.default_rng(3)
N, SEEDS = 40, 3
POINTS, STDS = RNG.normal(14, 0.3, (SEEDS, N)), RNG.uniform(0.1, 0.4, (SEEDS, N))
LEVELS = [0.005, 0.025, 0.16, 0.371, 0.5, 0.84, 0.975, 0.995]
EDGES = np.linspace(12, 16, 21)


def made(head, seed):
    point, std = POINTS[seed], STDS[seed]
    if head == "gaussian":
        return Prediction(point, std)
    if head == "student_t":
        return Prediction(point, std, dof=3.0)
    if head == "mixture":
        means = np.stack([point - 0.1, point + 0.2], axis=1)
        stds = np.stack([std, 2 * std], axis=1)
        return Prediction(means.mean(axis=1), std, weights=np.full((N, 2), 0.5), means=means, stds=stds)
    if head == "bins":
        edges = EDGES + (0.03 if seed == 1 else 0)  # as fitted to other labels
        mass = np.diff(stats.norm.cdf(edges, point[:, None], std[:, None]), axis=1)
        return Prediction(point, std, probabilities=mass / mass.sum(axis=1, keepdims=True), edges=edges)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    return Prediction(point, std, quantiles=point[:, None] + std[:, None] * stats.norm.ppf(levels), levels=levels)


@pytest.mark.parametrize("head", ["gaussian", "student_t", "mixture", "bins", "quantiles"])
def test_distribution_is_the_equal_weight_mixture_of_the_seeds(head):
    each = [made(head, seed) for seed in range(SEEDS)]
    forms = [distributions.required(one) for one in each]
    found = ensembles.mean(each)
    np.testing.assert_allclose(found.point, np.mean([one.point for one in each], axis=0))
    quantiles, room = distributions.required(found).quantile(LEVELS), 1e-3 * found.std[:, None]
    low, high = (np.mean([form.cdf(quantiles + way * room) for form in forms], axis=0) for way in (-1, 1))
    assert (low < LEVELS).all()
    assert (high > LEVELS).all()


@pytest.mark.parametrize("head", ["gaussian", "student_t"])
def test_standard_deviation_is_that_of_the_mixture(head):
    found = ensembles.mean([made(head, seed) for seed in range(SEEDS)])
    expected = np.sqrt(np.mean(STDS**2 + POINTS**2, axis=0) - POINTS.mean(axis=0) ** 2)
    np.testing.assert_allclose(found.std, expected)


def test_scores_of_a_mixture_of_students_t_are_those_of_its_distribution():
    found = distributions.required(ensembles.mean([made("student_t", seed) for seed in range(SEEDS)]))
    label = POINTS.mean(axis=0) + 0.3
    far = np.linspace(0, 15, 3_001)
    for place in range(2):
        one = distributions.StudentMixture(*(part[[place]] for part in (found.weights, found.means, found.stds)), 3.0)
        below, above = one.cdf(label[place] - far[None, :])[0], one.cdf(label[place] + far[None, :])[0]
        expected = np.trapezoid(below**2 + (1 - above) ** 2, far)
        assert abs(found.crps(label)[place] - expected) < 1e-3 * STDS[:, place].mean()
        values = np.linspace(5, 25, 8_001)
        density = one.pdf(values[None, :])[0]
        np.testing.assert_allclose(found.square_integral()[place], np.trapezoid(density**2, values), rtol=1e-3)
        np.testing.assert_allclose(
            np.gradient(one.cdf(values[None, :])[0], values)[2000:6000], density[2000:6000], atol=1e-3
        )


def test_points_alone_are_averaged():
    found = ensembles.mean([Prediction(points) for points in POINTS])
    assert list(found.given()) == ["point"]
    np.testing.assert_allclose(found.point, POINTS.mean(axis=0))


def test_the_most_probable_class_is_that_of_averaged_probabilities():
    each = [np.array([[0.9, 0.1, 0.0]]), np.array([[0.3, 0.4, 0.3]]), np.array([[0.2, 0.5, 0.3]])]
    found = ensembles.mean([Prediction(one.argmax(axis=1).astype(float), classes=one) for one in each])
    np.testing.assert_allclose(found.classes, [[1.4 / 3, 1 / 3, 0.2]])
    assert found.point.tolist() == [0.0]  # though two of three seeds say class 1


def test_an_ensemble_of_one_is_that_prediction():
    alone = made("quantiles", 0)
    found = distributions.required(ensembles.mean([alone])).quantile(LEVELS)
    expected = distributions.required(alone).quantile(LEVELS)
    np.testing.assert_allclose(found, expected, atol=1e-3 * STDS.max())


def test_an_object_without_a_finite_prediction_has_none_in_the_ensemble():
    bad = Prediction(np.where(np.arange(N) == 2, np.nan, POINTS[0]), STDS[0])
    found = ensembles.mean([bad, made("gaussian", 1)])
    assert np.flatnonzero(np.isnan(found.point)).tolist() == [2]


def test_predictions_of_other_heads_are_refused():
    with pytest.raises(ValueError, match="expected predictions of the same head"):
        ensembles.mean([made("gaussian", 0), made("student_t", 1)])
    with pytest.raises(ValueError, match=r"dof \(4\) found beside .*dof \(3\)"):
        ensembles.mean([made("student_t", 0), Prediction(POINTS[1], STDS[1], dof=4.0)])


@pytest.mark.parametrize("head", ["gaussian", "student_t", "mixture", "bins"])
def test_squares_of_both_parts_add_up_to_the_variance(head):
    each = [made(head, seed) for seed in range(SEEDS)]
    found = ensembles.with_parts(each)
    np.testing.assert_allclose(np.hypot(found.epistemic, found.aleatoric), found.std)
    np.testing.assert_allclose(found.epistemic, np.std([one.point for one in each], axis=0))
    scaled = found.rescaled(2.0, 5.0)
    np.testing.assert_allclose(np.hypot(scaled.epistemic, scaled.aleatoric), scaled.std)


def test_of_classes_they_are_mutual_information_and_mean_entropy():
    sure, torn, split = [[1.0, 0.0]], [[0.5, 0.5]], [[0.0, 1.0]]
    for given, epistemic, aleatoric in (
        ((sure, sure), 0.0, 0.0),
        ((torn, torn), 0.0, np.log(2)),
        ((sure, split), np.log(2), 0.0),
        ((sure, torn), -0.75 * np.log(0.75) - 0.25 * np.log(0.25) - 0.5 * np.log(2), 0.5 * np.log(2)),
    ):
        each = [Prediction(np.argmax(one, axis=1).astype(float), classes=np.array(one)) for one in given]
        found = ensembles.with_parts(each)
        assert (found.epistemic[0], found.aleatoric[0]) == pytest.approx((epistemic, aleatoric), abs=1e-12)
        assert found.rescaled(2.0, 0.0).epistemic[0] == found.epistemic[0]


def test_points_alone_have_no_aleatoric_part():
    found = ensembles.with_parts([Prediction(one) for one in POINTS])
    assert found.aleatoric is None
    np.testing.assert_allclose(found.epistemic, POINTS.std(axis=0))
