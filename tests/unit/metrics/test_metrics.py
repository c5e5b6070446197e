import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from skybake.metrics import measuring, regression

RNG = np.random.default_rng(7)
LABEL = RNG.normal(14, 0.4, 301)
POINT = LABEL + RNG.normal(0.05, 0.2, 301)
D = POINT - LABEL


def test_agree_with_scipy_and_sklearn():
    found = {name: item.value for name, item in measuring.points(LABEL, POINT, 0.3).items()}
    expected = {
        "mean_error": D.mean(),
        "median_error": np.median(D),
        "std_error": D.std(ddof=0),
        "nmad": 1.4826 * stats.median_abs_deviation(D),
        "rmse": reference.root_mean_squared_error(LABEL, POINT),
        "mae": reference.mean_absolute_error(LABEL, POINT),
        "outlier_fraction": np.sum(np.abs(D) > 0.3) / len(D),
        "r2": reference.r2_score(LABEL, POINT),
    }
    assert set(found) == {*expected, "rail_outlier_fraction"}
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("missing", [np.nan, -9999.0])
def test_missing_labels_are_left_out_and_the_rest_is_counted(missing):
    label = LABEL.copy()
    label[[0, 5, 300]] = missing
    kept = np.delete(np.arange(301), [0, 5, 300])
    found = measuring.points(label, POINT, 0.3)
    assert found == measuring.points(LABEL[kept], POINT[kept], 0.3)
    assert {item.n for item in found.values()} == {298}


def test_error_of_a_redshift_is_divided_by_one_plus_z():
    z, p = np.array([0.1, 0.5, -9999.0, 1.0]), np.array([0.21, 0.5, 0.3, 0.8])
    np.testing.assert_allclose(regression.errors(z, p, "(predicted - true) / (1 + true)"), [0.1, 0.0, -0.1])
    np.testing.assert_allclose(regression.errors(z, p, "predicted - true"), [0.11, 0.0, -0.2])
    np.testing.assert_allclose(regression.errors(z, p), [0.11, 0.0, -0.2])


def test_outliers_are_beyond_the_threshold_in_the_labels_own_error():
    z, p = np.ones(4), np.array([1.09, 1.11, 0.89, 1.4])
    relative = {"formula": regression.RELATIVE}
    assert measuring.points(z, p, 0.05, **relative)["outlier_fraction"].value == 0.75
    assert measuring.points(z, p, 0.15, **relative)["outlier_fraction"].value == 0.25
    assert measuring.points(z, p, 0.15)["outlier_fraction"].value == 0.25
    assert measuring.points(z, p, 0.1)["outlier_fraction"].value == 0.75


def test_published_definition_of_nmad():
    assert regression.nmad(np.array([1.0, 2.0, 3.0])) == pytest.approx(1.4826)  # mad_std of three is 1.4826 * 1


def test_seeds_are_pooled_and_their_errors_keep_their_rows():
    points = np.stack([POINT, POINT + 1])
    found = measuring.points(LABEL, points, 0.3)
    assert found["mean_error"].value == pytest.approx(D.mean() + 0.5)
    assert found["r2"].value == pytest.approx(reference.r2_score(np.tile(LABEL, 2), points.ravel()))
    assert found["std_error"].n == 602
    assert regression.errors(LABEL, points).shape == (2, 301)


@pytest.mark.parametrize("shape", [(2, 7), (2, 8), (3, 4, 9)])
def test_statistics_reduce_the_last_axis(shape):
    d = np.random.default_rng(1).normal(size=shape)
    for name, statistic in measuring.of_errors(0.3).items():
        rows = np.array([statistic(row) for row in d.reshape(-1, shape[-1])]).reshape(shape[:-1])
        np.testing.assert_allclose(statistic(d), rows, rtol=1e-13, err_msg=name)
    np.testing.assert_allclose(regression.median_error(d), np.median(d, axis=-1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_does_not_vanish(bad):
    point = POINT.copy()
    point[3] = bad
    found = measuring.points(LABEL, point, 0.3)
    assert all(np.isnan(item.value) for item in found.values()), found
    assert found["mean_error"].n == 301


def test_r2_is_not_defined_for_equal_labels():
    assert np.isnan(regression.r2(np.ones(5), np.arange(5.0)))


def test_no_label_and_wrong_shapes_are_errors():
    with pytest.raises(ValueError, match="none of 3 objects has a label"):
        measuring.points(np.full(3, np.nan), np.zeros(3), 0.3)
    with pytest.raises(ValueError, match=r"shape \(4,\) for labels of shape \(3,\)"):
        regression.errors(np.zeros(3), np.zeros(4))
