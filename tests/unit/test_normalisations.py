"""The stamps' normalisations against their formulas, one stamp at a time."""

import numpy as np
import pytest

from skybake.training import preprocessing
from skybake.training.preprocessing import fit_images

UNIT_SUM, ROBUST = "sigma_g_unit_sum", "robust"


def stamps(n=9, bands=2, seed=0):
    """Return noise with a source of growing brightness, each band on another level: (n, 21, 21, bands)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:21, :21] - 10.0
    source = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)[None, :, :, None]
    noise = rng.normal(size=(n, 21, 21, bands)) + 100 * np.arange(bands)
    return (noise + 5 * np.arange(n)[:, None, None, None] * source).astype(np.float32)


def applied(name, images):
    """Return what a network would see; the images are left as they are."""
    return fit_images(name, images).apply(images.copy())


def reference(stamp):
    """The stamp reference's normalisation of one stamp, in double precision."""
    stamp = stamp.astype(np.float64)
    low, median, high = np.percentile(stamp, [25, 50, 75])
    clipped = np.maximum(stamp, median - 2 * 0.7413 * (high - low))
    shifted = clipped - clipped.min()
    return shifted / shifted.sum()


def test_unit_sum_is_its_formula():
    images = stamps()
    found = applied(UNIT_SUM, images)
    assert found.dtype == np.float32
    for stamp, ours in zip(images, found, strict=True):
        for band in range(2):
            assert ours[..., band] == pytest.approx(reference(stamp[..., band]), rel=1e-3, abs=1e-7)
    assert found.sum(axis=(1, 2)) == pytest.approx(np.ones((9, 2)), rel=1e-5)
    assert found.min() == 0


def test_what_is_clipped_has_no_say():
    images = stamps(1, 1)
    low = images.copy()
    low[0, 3, 4, 0] = -1e4
    high = images.copy()
    high[0, 3, 4, 0] = -1e7
    assert np.array_equal(applied(UNIT_SUM, low), applied(UNIT_SUM, high))


def test_robust_is_its_formula():
    images = stamps()
    found = applied(ROBUST, images)
    for stamp, ours in zip(images.astype(np.float64), found, strict=True):
        for band in range(2):
            low, median, high = np.percentile(stamp[..., band], [25, 50, 75])
            assert ours[..., band] == pytest.approx((stamp[..., band] - median) / (0.7413 * (high - low)), abs=1e-3)
    assert found.dtype == np.float32
    # of pure noise the median is 0 and the spread 1, on whatever level it was
    assert np.median(found[0], axis=(0, 1)) == pytest.approx([0, 0], abs=1e-6)
    assert found[0].std(axis=(0, 1)) == pytest.approx([1, 1], abs=0.1)


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
@pytest.mark.parametrize("level", [0.0, 7.0, -3.0, 1e30])
def test_a_stamp_without_contrast_becomes_zero_and_never_nan(name, level):
    images = stamps(3)
    images[1] = level
    found = applied(name, images)
    assert np.isfinite(found).all()
    assert not found[1].any()
    assert np.array_equal(found[[0, 2]], applied(name, images[[0, 2]]))  # each image by itself


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_one_pixel_on_a_flat_stamp_stays_finite(name):
    images = np.zeros((1, 21, 21, 1), np.float32)
    images[0, 5, 6, 0] = 10.0
    found = applied(name, images)
    assert np.isfinite(found).all()
    assert found[0, 5, 6, 0] == pytest.approx(1.0 if name == UNIT_SUM else 10 / images.std(), rel=1e-5)
    assert np.count_nonzero(found) == 1


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_blocks_make_no_difference(name, monkeypatch):
    images = stamps(10)
    whole = applied(name, images)
    monkeypatch.setattr(preprocessing, "_AT_ONCE", 3)
    assert np.array_equal(applied(name, images), whole)


@pytest.mark.parametrize("name", [UNIT_SUM, ROBUST])
def test_scale_and_level_do_not_matter_and_nothing_is_fitted(name):
    images = stamps()
    assert applied(name, 3 * images) == pytest.approx(applied(name, images), rel=1e-3, abs=1e-4)
    assert fit_images(name, images) == fit_images(name, images[:2]) == preprocessing.ImageStep(name)
    assert fit_images(name, images).as_dict() == {"name": name, "noise": None, "mean": None, "std": None}
