"""Aperture photometry of the object in the middle of an image."""

import numpy as np


def fluxes(images: np.ndarray, radius: float) -> np.ndarray:
    """Return the flux of each band in a central aperture, less the background: (N, C), in image units.

    Args:
        images: (N, H, W, C).
        radius: Of the aperture, as a fraction of the shorter side. The background is the median pixel outside twice
            that radius, or of the outermost pixels where nothing lies there.
    """
    height, width = images.shape[1:3]
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    size = radius * min(height, width)
    aperture, outside = distance <= size, distance > min(2 * size, (min(height, width) - 1) / 2)
    background = np.median(images[:, outside], axis=1)
    return images[:, aperture].sum(axis=1, dtype=np.float64) - aperture.sum() * background
