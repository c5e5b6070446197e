"""Baselines on aperture fluxes: the radius that is chosen, and what stands beside the fluxes."""

import numpy as np
import pytest
from sklearn.base import clone

from skybake.baselines import _aperture, _scalars, boosted_trees, ridge_bands, total_flux
from skybake.data.columns import Column


def blobs(sigma, n=240):
    """Return round blobs (n, 40, 40, 2) whose total flux tells the label, noise 1 a pixel, and the label (n,)."""
    rng = np.random.default_rng(3)
    label = rng.uniform(4, 6, n)
    y, x = np.mgrid[:40, :40] - 19.5
    profile = np.exp(-0.5 * (x**2 + y**2) / sigma**2)
    images = np.exp(label)[:, None, None, None] * (profile / profile.sum())[None, :, :, None] * np.ones(2)
    return (images + rng.normal(0, 1, images.shape)).astype(np.float32), label


def scalars_of(kind, values):
    return _scalars.Scalars({"a": values}, {"a": Column("", "", kind)})


@pytest.mark.parametrize("baseline", [total_flux, ridge_bands])
def test_the_radius_follows_the_size_of_the_objects(baseline):
    chosen = []
    for sigma in (0.7, 4.0):
        images, label = blobs(sigma)
        features = baseline.features(images, scalars_of("other", np.zeros(len(label))))
        model = baseline.build("regression").fit(features[:180], label[:180])
        fixed = np.split(features, len(_aperture.RADII), axis=1)[-1]
        wide = clone(model.best_estimator_.steps[1][1]).fit(fixed[:180], label[:180]).predict(fixed[180:])
        assert np.std(model.predict(features[180:]) - label[180:]) < 0.9 * np.std(wide - label[180:])
        chosen.append(_aperture.RADII[model.best_index_])
    assert chosen[0] < chosen[1] < _aperture.RADII[-1]


def test_a_redshift_has_its_logarithm_beside_it():
    images, _ = blobs(2.0, 3)
    redshift = scalars_of("redshift", np.array([0.5, 1.0, -0.1]))
    blocks = np.split(total_flux.features(images, redshift), len(_aperture.RADII), axis=1)
    for radius, block in zip(_aperture.RADII, blocks, strict=True):
        assert block[:, 0] == pytest.approx(np.arcsinh(_aperture.fluxes(images, radius).sum(axis=1)))
        assert block[:, 1].tolist() == [0.5, 1.0, -0.1]
        assert block[:, 2] == pytest.approx([np.log(0.5), 0.0, np.nan], nan_ok=True)


def test_trees_see_the_catalogue_alone_where_it_has_magnitudes():
    images, label = blobs(2.0, 4)
    assert boosted_trees.features(images, scalars_of("magnitude", label)).tolist() == label[:, None].tolist()
    assert boosted_trees.features(images, scalars_of("redshift", label)).shape == (4, 2 * len(_aperture.RADII) + 2)


def test_the_smallest_aperture_has_a_pixel():
    assert _aperture.fluxes(np.ones((1, 6, 6, 1)) * np.eye(6)[None, :, :, None], 0.03).tolist() == [[2.0]]
