"""The aperture network sees light in circles, whatever the size of the image, and little else."""

import keras
import numpy as np
import pytest

from skybake import heads
from skybake.models import aperture
from skybake.training import backend
from skybake.training.network import compose_network
from tests.training_settings import job

POINT = heads.HEADS["point"](bias=(0.0,))


@pytest.fixture(scope="module", autouse=True)
def _framework():
    backend.start("tensorflow", threads=1, precision="float32")


def sums_of(image, **parameters):
    """Return the sums (circles, groups) of one image (H, W, C), before the stretch."""
    given = keras.Input(image.shape)
    features = aperture.build(given, **parameters)
    network = keras.Model(given, features)
    stretch = network.get_layer("stretch")
    return np.asarray(keras.Model(given, stretch.input)(image[None]))[0].reshape(parameters["rings"], -1)


@pytest.mark.parametrize(("scalars", "parameters"), [(0, 3_077), (1, 3_678), (2, 3_751)])
def test_parameter_counts(scalars, parameters):
    shapes = {"image": (50, 50, 10)} | ({"scalars": (scalars,)} if scalars else {})
    network = compose_network(job("aperture"), shapes, POINT)
    assert network.count_params() == parameters


def test_sums_are_of_all_pixels_of_a_circle():
    image = np.random.default_rng(1).normal(size=(9, 7, 4)).astype("float32")
    found = sums_of(image, rings=4, groups=2)
    first, second, all_bands = (image[..., part].sum(axis=-1) for part in (slice(0, 2), slice(2, 4), slice(None)))
    whole = [part.sum() / np.sqrt(63 * bands) for part, bands in ((first, 2), (second, 2), (all_bands, 4))]
    np.testing.assert_allclose(found[-1], whole, rtol=1e-4)
    middle = np.zeros_like(image)
    middle[4, 3] = 1.0
    inner = sums_of(middle, rings=4, groups=2)
    assert (inner[:, 2] * 2 > 0).all()
    assert np.all(np.diff(inner[:, 2]) < 0)  # the same light, over more and more pixels
    assert sums_of(np.flip(image, (0, 1)), rings=4, groups=2) == pytest.approx(found, abs=1e-5)


@pytest.mark.parametrize(("shape", "groups"), [((5, 4, 1), 3), ((1, 1, 2), 2), ((64, 64, 5), 5)])
def test_any_image_and_every_band_alone(shape, groups):
    image = np.ones(shape, "float32")
    found = sums_of(image, rings=5, groups=groups)
    assert found.shape == (5, min(shape[2], groups) + (shape[2] > 1))
    assert np.isfinite(found).all()
    assert found[-1, 0] == pytest.approx(np.sqrt(shape[0] * shape[1]) * np.sqrt(-(-shape[2] // groups)), rel=1e-4)


def test_annuli_add_up_to_their_circle():
    image = np.random.default_rng(2).normal(size=(9, 9, 1)).astype("float32")
    circles, annuli = (sums_of(image, rings=4, groups=1, annuli=annuli)[:, 0] for annuli in (False, True))
    sizes = [sums_of(np.ones_like(image), rings=4, groups=1, annuli=annuli)[:, 0] for annuli in (False, True)]
    np.testing.assert_allclose(np.cumsum(annuli * sizes[1]), circles * sizes[0], rtol=1e-4, atol=1e-4)


def test_a_neighbour_is_taken_away_and_the_object_is_not():
    """Light on one side alone goes; that of an inclined disc, the same on both sides, stays."""
    y, x = np.mgrid[-10:11, -10:11]
    disc = np.exp(-np.hypot(x + y, 3 * (x - y)) / 4)
    neighbour = np.exp(-np.hypot(x - 6, y + 5))
    noise = np.random.default_rng(3).normal(0, 0.01, (21, 21, 2))
    alone, beside = (
        sums_of((sky[..., None] + noise).astype("float32"), rings=6, groups=1, without_neighbours=True)
        for sky in (disc, disc + 2 * neighbour)
    )
    plain = sums_of((disc[..., None] + noise).astype("float32"), rings=6, groups=1)
    assert alone == pytest.approx(plain, rel=0.01)
    assert beside == pytest.approx(plain, rel=0.06)
    assert sums_of(((disc + 2 * neighbour)[..., None] + noise).astype("float32"), rings=6, groups=1)[-1, 0] > (
        1.15 * plain[-1, 0]
    )


def test_a_point_source_beside_goes_with_its_sector():
    """In any band and any ring but the innermost; what all sectors have stays."""
    y, x = np.mgrid[-12:13, -12:13]
    cluster = np.exp(-np.hypot(x, y) / 4)[..., None] * [1.0, 2.0]
    source = np.exp(-((x - 5) ** 2 + (y + 7) ** 2))[..., None] * [0.0, 8.0]
    alone, beside = (
        sums_of(sky.astype("float32"), rings=8, groups=2, sectors=8) for sky in (cluster, cluster + source)
    )
    plain, more = (sums_of(sky.astype("float32"), rings=8, groups=2) for sky in (cluster, cluster + source))
    assert more[-2, 1] > 1.08 * plain[-2, 1]
    np.testing.assert_allclose(alone, plain, rtol=0.06)
    np.testing.assert_allclose(beside, alone, rtol=0.01)


@pytest.mark.parametrize(("shape", "sectors"), [((50, 50, 2), 7), ((9, 7, 1), 8), ((1, 1, 2), 4), ((2, 30, 1), 16)])
def test_sectors_of_even_light_tell_the_whole_ring(shape, sectors):
    image = np.ones(shape, "float32")
    found, plain = (sums_of(image, rings=6, groups=1, sectors=count) for count in (sectors, 0))
    np.testing.assert_allclose(found, plain, rtol=1e-4)
