"""Coverage of conformal intervals and sets of simulated objects, whose distribution is known."""

import numpy as np
import pytest
from scipy import stats

from skybake.data.columns import Column
from skybake.evaluation import conformal
from skybake.results import distributions
from skybake.results.predictions import Predicted, Prediction

COLUMN = Column("dex", "mass", "mass")


def part(label, prediction, groups=None):
    ids = np.arange(len(label)).astype(str)
    return Predicted(ids, label, prediction, scalars={}, name="mass", column=COLUMN, groups=groups)


def regression(rng, n, head):
    """Objects whose scatter differs, and a network that takes half of it for all."""
    point, scatter = rng.normal(14, 1, n), rng.uniform(0.1, 0.5, n)
    label, std = point + scatter * rng.standard_t(4, n), 0.5 * scatter
    if head == "point":
        return part(label, Prediction(point))
    if head == "gaussian":
        return part(label, Prediction(point, std))
    if head == "student_t":
        return part(label, Prediction(point, std, dof=5.0))
    if head == "mixture":
        weights, means = np.full((n, 2), 0.5), np.stack([point, point + 0.1], axis=1)
        return part(label, Prediction(point, std, weights=weights, means=means, stds=np.stack([std, std], axis=1)))
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    return part(
        label, Prediction(point, std, quantiles=point[:, None] + std[:, None] * stats.norm.ppf(levels), levels=levels)
    )


def inside(found, tested):
    ends = found.intervals(tested.prediction)
    return (tested.label[:, None] >= ends[..., 0]) & (tested.label[:, None] <= ends[..., 1])


@pytest.mark.parametrize("head", ["point", "gaussian", "student_t", "mixture", "quantiles"])
def test_intervals_of_exchangeable_objects_hold_the_nominal_fraction(head):
    """The mean coverage of split conformal intervals is between the level and the level + 1 / (n + 1)."""
    rng = np.random.default_rng(11)
    covered = []
    for _ in range(40):
        found = conformal.calibrate(regression(rng, 199, head))
        covered.append(inside(found, regression(rng, 200, head)).mean(axis=0))
    error = np.std(covered, axis=0) / np.sqrt(len(covered))
    assert (np.mean(covered, axis=0) > np.array(conformal.LEVELS) - 3 * error).all()
    assert (np.mean(covered, axis=0) < np.array(conformal.LEVELS) + 1 / 200 + 3 * error).all()


def test_the_score_is_the_one_that_suits_what_is_predicted():
    rng = np.random.default_rng(1)
    heads = ("point", "gaussian", "student_t", "mixture", "quantiles")
    found = {head: conformal.calibrate(regression(rng, 50, head)).score for head in heads}
    assert list(found.values()) == ["absolute", "normalised", "normalised", "quantiles", "quantiles"]


def test_normalised_intervals_are_as_wide_as_the_standard_deviation_says():
    known = regression(np.random.default_rng(2), 300, "gaussian")
    ends = conformal.calibrate(known).intervals(known.prediction)
    widths = (ends[..., 1] - ends[..., 0]) / known.prediction.std[:, None]
    np.testing.assert_allclose(widths, np.broadcast_to(widths[0], widths.shape))


def test_thresholds_are_order_statistics():
    """Of 99 objects the level 0.95 is the 95th score, 0.68 the 68th."""
    label = np.arange(1.0, 100.0)
    found = conformal.calibrate(part(label, Prediction(np.zeros(99))))
    assert found.thresholds == (68.0, 95.0)
    assert (found.n, found.groups) == (99, 99)


def test_too_few_objects_have_no_finite_interval():
    found = conformal.calibrate(part(np.arange(18.0), Prediction(np.zeros(18))))
    assert (np.isfinite(found.thresholds[0]), found.thresholds[1]) == (True, np.inf)
    assert conformal.calibrate(part(np.arange(19.0), Prediction(np.zeros(19)))).thresholds[1] == 18


def test_missing_labels_are_left_out_and_predictions_that_are_no_numbers_calibrate_nothing():
    label = np.array([*np.arange(1.0, 100.0), np.nan, -9999.0])
    assert conformal.calibrate(part(label, Prediction(np.zeros(101)))).thresholds == (68.0, 95.0)
    assert conformal.calibrate(part(label, Prediction(np.full(101, np.nan)))) is None


def hierarchical(rng, groups):
    """Groups of 1 to 12 objects, the large ones with larger errors, which the objects of a group share in part."""
    sizes = rng.integers(1, 13, groups)
    names = np.repeat(np.arange(groups), sizes)
    scale = (0.5 + sizes / 6)[names]
    label = scale * (0.8 * rng.normal(size=groups)[names] + 0.6 * rng.normal(size=len(names)))
    return part(label, Prediction(np.zeros(len(names))), names)


def test_intervals_of_grouped_objects_hold_an_object_of_a_new_group():
    """Coverage is that of one object of each new group, on average over groups."""
    rng = np.random.default_rng(5)
    covered, counted = [], []
    for _ in range(200):
        known, tested = hierarchical(rng, 40), hierarchical(rng, 100)
        first = np.unique(tested.groups, return_index=True)[1]
        found = conformal.calibrate(known, known.groups)
        covered.append(inside(found, tested)[first].mean(axis=0))
        counted.append(found.groups)
    error = np.std(covered, axis=0) / np.sqrt(len(covered))
    assert set(counted) == {40}
    assert (np.mean(covered, axis=0) > np.array(conformal.LEVELS) - 3 * error).all()
    assert (np.mean(covered, axis=0) < np.array(conformal.LEVELS) + 1 / 41 + 3 * error).all()


def test_groups_of_one_are_single_objects():
    rng = np.random.default_rng(6)
    known = regression(rng, 80, "point")
    assert conformal.calibrate(known, np.arange(80)) == conformal.calibrate(known)


def classes(rng, n, sharpness):
    """Four classes; probabilities that are sharper, or less sharp, than those that the classes are drawn with."""
    true = rng.dirichlet(np.full(4, 0.4), n)
    label = np.array([rng.choice(4, p=one) for one in true]).astype(float)
    told = true**sharpness
    probabilities = told / told.sum(axis=1, keepdims=True)
    return part(label, Prediction(probabilities.argmax(axis=1).astype(float), classes=probabilities))


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_sets_of_exchangeable_objects_hold_at_least_the_nominal_fraction(sharpness):
    rng = np.random.default_rng(9)
    covered = []
    for _ in range(20):
        known, tested = classes(rng, 150, sharpness), classes(rng, 150, sharpness)
        found = conformal.calibrate(known)
        assert found.score == "adaptive"
        sets = found.sets(tested.prediction)
        assert sets.any(axis=-1).all()
        assert (sets[:, 0] <= sets[:, 1]).all()  # that of 68 % lies in that of 95 %
        covered.append(sets[np.arange(150), :, tested.label.astype(int)].mean(axis=0))
    error = np.std(covered, axis=0) / np.sqrt(len(covered))
    assert (np.mean(covered, axis=0) > np.array(conformal.LEVELS) - 3 * error).all()


def test_a_set_holds_all_classes_that_are_more_probable_than_one_in_it():
    rng = np.random.default_rng(3)
    known = classes(rng, 100, 1.0)
    probabilities, sets = known.prediction.classes, conformal.calibrate(known).sets(known.prediction)
    for place in (0, 1):
        least = np.where(sets[:, place], probabilities, np.inf).min(axis=1)
        assert ((probabilities > least[:, None]) <= sets[:, place]).all()


def test_intervals_of_quantiles_move_both_ends_by_the_threshold():
    known = regression(np.random.default_rng(4), 120, "quantiles")
    found = conformal.calibrate(known)
    ends = found.intervals(known.prediction)
    low, high = distributions.required(known.prediction).quantile([0.025, 0.975]).T
    np.testing.assert_allclose(ends[:, 1, 0], low - found.thresholds[1])
    np.testing.assert_allclose(ends[:, 1, 1], high + found.thresholds[1])
