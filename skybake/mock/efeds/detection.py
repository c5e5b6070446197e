"""The detection cut, as eSASS makes it: likelihood of a source, likelihood that it is extended."""

from __future__ import annotations

from functools import cache

import numpy as np

from skybake.mock.efeds.maps import OVERSAMPLING, PIXEL, PIXELS, psf_window

DETECTION_BOX = 6  # pixels, in the middle of the image: they hold the circle in which eSASS fits
FIT_RADIUS = 60.0  # arcsec (Merloni et al. 2024, A&A 682, A34, fig. A.1)
EXTENTS = (0.0, 10.0, 20.0, 35.0, 60.0)  # core radii of the beta models tried [arcsec]; 0 is a point


@cache
def source_templates() -> np.ndarray:
    """(extents, pixels of 8 arcsec in the circle): a point and beta models (beta = 2/3) of unit sum, after the PSF."""
    from scipy import fft

    finer, around = 3, 90  # pixels of 2.7 arcsec; the box and as many pixels of 8 arcsec as models need
    side, pixel = finer * around, PIXEL / OVERSAMPLING / finer
    grid = (np.arange(side) - (side - 1) / 2) * pixel
    radius2 = grid[None, :] ** 2 + grid[:, None] ** 2
    models = [radius2 == radius2.min(), *((1 + radius2 / core**2) ** -1.5 for core in EXTENTS[1:])]
    light = np.array([model / model.sum() for model in models])
    light = fft.irfft2(fft.rfft2(light) * psf_window(side, pixel), (side, side))
    edge = (around - DETECTION_BOX * OVERSAMPLING) // 2
    light = light.reshape(-1, around, finer, around, finer).sum(axis=(2, 4))[:, edge:-edge, edge:-edge]
    return light[:, _within()]


def photons_within(
    rng: np.random.Generator, counts: np.ndarray, cluster: np.ndarray, sky: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place the photons of the middle pixels on pixels of 8 arcsec: a detection sees finer than the cubes.

    Args:
        rng: Where in its pixel each photon fell.
        counts: (n, 50, 50) whole, of all bands.
        cluster: (n, 150, 150) expected of the cluster, on pixels of 8 arcsec.
        sky: (n, 50, 50) expected without it, even within a pixel.

    Returns:
        Counts and expected sky (n, pixels of 8 arcsec within the circle).
    """
    n, side = len(counts), DETECTION_BOX * OVERSAMPLING
    middle = slice((PIXELS - DETECTION_BOX) // 2, (PIXELS + DETECTION_BOX) // 2)
    finer = slice(middle.start * OVERSAMPLING, middle.stop * OVERSAMPLING)
    even = np.maximum(sky[:, middle, middle], 1e-6) / OVERSAMPLING**2
    even = even.repeat(OVERSAMPLING, axis=1).repeat(OVERSAMPLING, axis=2)
    blocks = (n, DETECTION_BOX, OVERSAMPLING, DETECTION_BOX, OVERSAMPLING)
    expected = (even + np.maximum(cluster[:, finer, finer], 0)).reshape(blocks).transpose(0, 1, 3, 2, 4)
    chance = expected.reshape(*expected.shape[:3], -1)
    placed = rng.multinomial(counts[:, middle, middle], chance / chance.sum(axis=-1, keepdims=True))
    placed = placed.reshape(expected.shape).transpose(0, 1, 3, 2, 4).reshape(n, side, side)
    return placed[:, _within()], even[:, _within()]


@cache
def _within() -> np.ndarray:
    """Return which pixels of 8 arcsec of the middle lie within the circle of the fit."""
    side = DETECTION_BOX * OVERSAMPLING
    grid = (np.arange(side) - (side - 1) / 2) * PIXEL / OVERSAMPLING
    return np.hypot(grid[:, None], grid) < FIT_RADIUS


def likelihoods_of_models(counts: np.ndarray, sky: np.ndarray) -> dict[str, np.ndarray]:
    """Fit the amplitude of each model to the counts of all bands.

    Args:
        counts: (n, pixels of 8 arcsec within the circle), as of :func:`photons_within`.
        sky: The same of what is expected without the cluster; known here, as if every point source had been found.

    Returns:
        ``DET_LIKE`` and ``EXT_LIKE``, the log likelihood ratios of the best extended model against none and against a
        point; its ``ML_CTS`` and ``EXT`` [arcsec].
    """
    fits = [_fit(counts, template, sky) for template in source_templates()]
    amplitude, likelihood = (np.array(values) for values in zip(*fits, strict=True))  # (extents, n)
    best = 1 + likelihood[1:].argmax(axis=0)
    each = np.arange(len(counts))
    return {
        "DET_LIKE": likelihood[best, each],
        "EXT_LIKE": likelihood[best, each] - likelihood[0],
        "EXT": np.array(EXTENTS)[best],
        "ML_CTS": amplitude[best, each],
    }


def _fit(counts: np.ndarray, template: np.ndarray, sky: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the most likely amplitude of ``template`` and its log likelihood ratio against none, (n,) each."""
    amplitude = np.zeros(len(counts))
    for _ in range(15):  # Newton from the left never overshoots: the slope is convex
        share = template / (sky + amplitude[:, None] * template)
        weighted = counts * share
        slope, curvature = weighted.sum(axis=1) - template.sum(), (weighted * share).sum(axis=1)
        amplitude = np.maximum(amplitude + slope / np.maximum(curvature, 1e-12), 0)
    ratio = np.log1p(amplitude[:, None] * template / sky)
    return amplitude, (counts * ratio).sum(axis=1) - amplitude * template.sum()
