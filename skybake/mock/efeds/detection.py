"""The detection cut, as eSASS makes it: likelihood of a source, likelihood that it is extended."""

from __future__ import annotations

from functools import cache

import numpy as np

from skybake.mock.efeds.maps import PIXEL, PIXELS, PSF_SIGMA

DETECTION_BOX = 22  # pixels, in the middle of the image
EXTENTS = (0.0, 10.0, 20.0, 35.0, 60.0)  # core radii of the beta models tried [arcsec]; 0 is a point


@cache
def source_templates() -> np.ndarray:
    """(extents, pixels) of unit sum: a point and beta models (beta = 2/3), after the PSF."""
    from scipy.ndimage import gaussian_filter

    fine, side = PIXEL / 9, 9 * DETECTION_BOX
    grid = (np.arange(side) - (side - 1) / 2) * fine
    radius2 = grid[None, :] ** 2 + grid[:, None] ** 2
    models = [radius2 == radius2.min(), *((1 + radius2 / core**2) ** -1.5 for core in EXTENTS[1:])]
    smeared = [gaussian_filter(model / model.sum(), PSF_SIGMA / fine) for model in models]
    return np.array([image.reshape(DETECTION_BOX, 9, DETECTION_BOX, 9).sum(axis=(1, 3)).ravel() for image in smeared])


def likelihoods_of_models(counts: np.ndarray, sky: np.ndarray) -> dict[str, np.ndarray]:
    """Fit the amplitude of each model to the counts of all bands.

    Args:
        counts: (n, 50, 50).
        sky: (n, 50, 50) what is expected without the cluster; known here, as if every point source had been found.

    Returns:
        ``DET_LIKE`` and ``EXT_LIKE``, the log likelihood ratios of the best extended model against none and against a
        point; its ``ML_CTS`` and ``EXT`` [arcsec].
    """
    middle = slice((PIXELS - DETECTION_BOX) // 2, (PIXELS + DETECTION_BOX) // 2)
    counts, sky = (image[:, middle, middle].reshape(len(image), -1) for image in (counts, np.maximum(sky, 1e-6)))
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
