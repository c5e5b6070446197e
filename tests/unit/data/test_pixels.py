"""Pixel values of every band, block by block, against numpy on all of them at once."""

import numpy as np
import pytest

from skybake.data import pixels
from skybake.data.pixels import PERCENTILES, Gathered


@pytest.fixture
def images():
    found = np.random.default_rng(5).normal(3e4, 2.0, (50, 6, 7, 2)).astype(np.float32)
    found[..., 1] -= 30000
    found[:10, 0, 0, 1] = 0
    found[3, 2, :, 1] = np.nan
    return found


def gathered(images, block):
    found = Gathered(len(images), images.shape[1:])
    for first in range(0, len(images), block):
        found.add(images[first : first + block])
    return found


def test_numbers_are_those_of_all_pixels(images):
    found = gathered(images, 8)
    assert found.every == 1
    for band, numbers in enumerate(found.bands(("u", "g"))):
        values = images[..., band].astype(np.float64).ravel()
        known = values[np.isfinite(values)]
        assert numbers.name == "ug"[band]
        assert (numbers.low, numbers.high) == (known.min(), known.max())
        assert numbers.mean == pytest.approx(known.mean(), rel=1e-12)
        assert numbers.std == pytest.approx(known.std(), rel=1e-9)
        assert numbers.percentiles == pytest.approx(np.percentile(known, PERCENTILES), rel=1e-12)
        low, high = np.percentile(known, (25, 75))
        assert numbers.sigma_g == pytest.approx(0.7413 * (high - low), rel=1e-4)
        assert numbers.mad == pytest.approx(1.4826 * np.median(np.abs(known - np.median(known))), rel=1e-4)
        assert numbers.not_numbers == pytest.approx(1 - known.size / values.size)
        assert numbers.zero == pytest.approx(np.mean(values == 0))
        assert numbers.negative == pytest.approx(np.mean(values < 0))


def test_percentiles_of_a_sample_are_those_of_evenly_spaced_objects(images, monkeypatch):
    monkeypatch.setattr(pixels, "SAMPLE_PIXELS", 20 * 42)
    found = gathered(images, 8)
    assert found.every == 3
    expected = np.nanpercentile(images[::3, ..., 1].astype(np.float64), PERCENTILES)
    assert found.bands(("u", "g"))[1].percentiles == pytest.approx(expected, rel=1e-12)
    assert found.bands(("u", "g"))[0].high == images[..., 0].max()


def test_a_band_without_a_number_has_none(images):
    images[..., 0] = np.nan
    first = gathered(images, 16).bands(("u", "g"))[0]
    assert (first.low, first.mean, first.std, first.mad, first.not_numbers) == (None, None, None, None, 1)
    assert first.percentiles == (None,) * len(PERCENTILES)
