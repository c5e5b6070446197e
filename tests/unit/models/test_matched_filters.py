"""The network of matched filters answers as filters do, and is not led astray by bad rows and cosmic rays."""

import keras
import numpy as np
import pytest

from skybake import heads
from skybake.models import matched_filters
from skybake.training import backend
from skybake.training.network import compose_network
from tests.training_settings import job

POINT = heads.HEADS["point"](bias=(0.0,))


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def psf(sigma, shape=(21, 21), x=0.0, y=0.0):
    """Return a PSF about the middle, of summed squares 1."""
    rows, columns = (np.arange(length) - (length - 1) / 2 for length in shape)
    found = np.exp(-((rows[:, None] - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return (found / np.sqrt(np.square(found).sum())).astype("float32")


def answers_of(image, name="filters_near", **parameters):
    """Return what some filters answer to one image (H, W, C)."""
    given = keras.Input(image.shape)
    network = keras.Model(given, matched_filters.build(given, **parameters))
    return np.asarray(keras.Model(given, network.get_layer(name).output)(image[None]))[0]


def test_a_filter_answers_with_the_signal_to_noise():
    image = 20 * psf(1.4, x=2, y=-1)[..., None]
    found = answers_of(image, reach=4)
    assert found.shape == (9, 9, 29)
    place = np.unravel_index(found[..., 2].argmax(), (9, 9))
    assert place == (3, 6)
    assert found[place][2] == pytest.approx(20, rel=0.02)
    assert found[place].argmax() == 2


def test_bands_are_summed_with_their_noise():
    one = 20 * psf(1.4)[..., None]
    both = np.concatenate([one, one], axis=-1)
    assert answers_of(both).max() == pytest.approx(np.sqrt(2) * answers_of(one).max(), rel=1e-5)


def test_a_source_is_seen_through_a_bad_row_and_a_cosmic_ray():
    source = 20 * psf(1.4)[..., None]
    spoilt = source.copy()
    spoilt[8:10] += 7.0
    spoilt[13, 11] += 60.0
    clean, found = answers_of(source)[4, 4], answers_of(spoilt)[4, 4]
    assert found[2] == pytest.approx(clean[2], rel=0.1)
    unclean = answers_of(spoilt, "filters_of_all")[4, 4, 1]
    assert abs(unclean - clean[2]) > 0.5 * clean[2]


@pytest.mark.parametrize("sigma", [1.0, 1.4, 2.0])
def test_nothing_is_cut_from_a_source(sigma):
    image = 100 * psf(sigma, x=0.4, y=0.3)[None, ..., None]
    left = np.asarray(matched_filters._without_peaks(matched_filters._without_lines(image)))
    np.testing.assert_allclose(left, image, atol=0.5)


def test_features_do_not_depend_on_quarter_turns():
    keras.utils.set_random_seed(1)
    given = keras.Input((21, 21, 1))
    network = keras.Model(given, matched_filters.build(given))
    image = np.random.default_rng(2).normal(size=(21, 21, 1)).astype("float32")
    found = np.asarray(network(np.stack([np.rot90(image, number) for number in range(4)])))
    np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), atol=2e-3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 4, 2), (21, 21, 1), (40, 33, 3)])
def test_any_image(shape):
    network = compose_network(job("matched_filters"), {"image": shape}, POINT)
    images = np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")
    assert np.isfinite(np.asarray(network({"image": images}))).all()


def test_what_is_trained_does_not_depend_on_the_image():
    counts = []
    for shape in ((21, 21, 1), (33, 30, 2)):
        network = compose_network(job("matched_filters"), {"image": shape}, POINT)
        counts.append(sum(int(np.prod(weight.shape)) for weight in network.trainable_weights))
    assert counts[0] == counts[1]
