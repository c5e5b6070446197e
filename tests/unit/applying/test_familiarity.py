"""What is unlike the training sample is told, and what is like it is not."""

import numpy as np
import pytest
from sklearn import covariance

from skybake.applying import familiarity
from skybake.evaluation import conformal

SHAPE = (12, 12, 2)


def blobs(n, seed, side=SHAPE[0]):
    """Return images of round blobs of different brightness on noise, and features that tell their brightness."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side)) - (side - 1) / 2
    light = np.exp(-(x**2 + y**2) / 8)[None, :, :, None] * rng.lognormal(3, 0.5, (n, 1, 1, 1))
    images = light * [1.0, 0.5] + rng.normal(size=(n, side, side, 2))
    features = np.log(np.abs(images.sum(axis=(1, 2))))
    return features @ rng_of_features() + 0.1 * rng.normal(size=(n, 8)), images.astype(np.float32)


def rng_of_features():
    return np.random.default_rng(9).normal(size=(2, 8))


@pytest.fixture(scope="module")
def fitted():
    return familiarity.fit(*blobs(600, 1), *blobs(400, 2))


def share(fitted, features, images, false_alarms=0.05):
    return np.mean(fitted.distance(features, images) > fitted.threshold(false_alarms))


def test_objects_like_those_of_training_are_flagged_as_often_as_asked(fitted):
    assert share(fitted, *blobs(2000, 3)) == pytest.approx(0.05, abs=0.03)


def test_noise_of_the_same_mean_and_spread_is_unfamiliar_though_its_features_are_known(fitted):
    features, images = blobs(300, 4)
    noise = np.random.default_rng(5).normal(images.mean((0, 1, 2)), images.std((0, 1, 2)), images.shape)
    assert share(fitted, features, noise) > 0.95
    assert np.mean(fitted.features.distance(features) > 2) < 0.2  # they say nothing


def test_noise_as_between_the_objects_is_unfamiliar_where_all_images_have_an_object(fitted):
    features, images = blobs(300, 11)
    noise = np.random.default_rng(5).normal(size=images.shape)
    assert share(fitted, features, noise) > 0.95


def test_noise_is_told_apart_from_light_that_varies_slowly():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 21, 21, 1)).astype(np.float32)
    images[1] += 50 * np.linspace(-1, 1, 21, dtype=np.float32)[:, None, None]  # light that varies slowly is no noise
    noise = len(familiarity.LEVELS) + familiarity.RINGS + 1 + 4  # its place: behind quantiles, rings and four numbers
    first, second = familiarity.describe(images)[:, noise]
    assert (first, second) == (pytest.approx(0, abs=0.2), pytest.approx(0, abs=0.2))


def test_strange_features_of_a_usual_image_are_unfamiliar(fitted):
    features, images = blobs(300, 6)
    assert share(fitted, features + 20, images) > 0.95


def test_rank_among_held_out_objects(fitted):
    n = len(fitted.held_out)
    assert fitted.percentile(np.array([0.0, np.inf])).tolist() == [0, 100 * n / (n + 1)]
    assert np.sum(fitted.held_out > fitted.threshold(0.01)) == 3  # the 397th of 400: (401 - 397) / 401 of new ones


@pytest.mark.parametrize(("n", "promised"), [(49, 0.02), (99, 0.01), (150, 1 / 151)])
def test_few_objects_promise_less(n, promised):
    fitted = familiarity.fit(*blobs(50, 1), *blobs(n, 2))
    assert fitted.promised(0.01) == pytest.approx(promised)
    assert fitted.threshold(0.01) == fitted.held_out[-1]


def test_groups_stand_for_objects():
    groups = np.random.default_rng(0).integers(30, size=90)
    fitted = familiarity.fit(*blobs(50, 1), *blobs(90, 2), groups)
    distances = fitted.distance(*blobs(90, 2))
    for false_alarms in (0.05, 0.1, 0.4):
        assert fitted.threshold(false_alarms) == conformal.threshold(distances, groups, 1 - false_alarms)
    assert fitted.threshold(0.03) == distances.max()


def test_what_is_no_number_is_infinitely_far(fitted):
    features, images = blobs(3, 7)
    images[0, 3, 3, 1], features[1, 2] = np.nan, np.nan
    assert np.isinf(fitted.distance(features, images)).tolist() == [True, True, False]


def test_kept_as_arrays(fitted):
    again = familiarity.of_arrays({name: np.array(values) for name, values in fitted.arrays().items()})
    features, images = blobs(50, 8)
    assert np.array_equal(again.distance(features, images), fitted.distance(features, images))
    assert again.threshold(0.1) == fitted.threshold(0.1)


def test_batches_give_the_same_numbers(fitted):
    features, images = blobs(37, 10)
    parts = [fitted.distance(features[rows], images[rows]) for rows in np.array_split(np.arange(37), 5)]
    assert np.allclose(np.concatenate(parts), fitted.distance(features, images), rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 3, 1), (1, 5, 2), (40, 24, 3)])
def test_images_of_any_shape_and_constant_ones_are_described(shape):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, *shape)).astype(np.float32)
    images[0] = 0
    assert np.isfinite(familiarity.describe(images)).all()


@pytest.mark.parametrize(("n", "width", "axes"), [(8, 12, 12), (20, 12, 12), (8, 200, 128)])
def test_axes_are_those_of_the_covariance_of_ledoit_and_wolf(n, width, axes):
    values = np.random.default_rng(0).normal(size=(n, width)) * np.linspace(1, 13, width)
    expected, _ = covariance.ledoit_wolf(values)
    variances, found = familiarity.principal_axes(values)
    assert found.shape == (width, axes)
    assert np.allclose(found.T @ found, np.eye(axes), atol=1e-6)
    assert np.allclose(expected @ found, found * variances, rtol=1e-6, atol=1e-6 * variances.max())


def test_enough_rows_are_spread_over_all():
    rows = familiarity.enough(np.arange(100, 1100), 10)
    assert (len(rows), rows[0], rows[-1]) == (10, 100, 1099)
    assert familiarity.enough(rows, 10) is rows


@pytest.mark.parametrize("bands", [1, 2])
def test_describing_leaves_images_as_they_are(bands):
    images = np.random.default_rng(4).normal(3, 1, (5, 9, 9, bands)).astype(np.float32)
    before = images.copy()
    familiarity.describe(images)
    np.testing.assert_array_equal(images, before)
