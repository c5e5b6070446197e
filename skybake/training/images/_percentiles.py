"""The robust spread of each band of each image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SIGMA_G = 0.7413011092528009  # sigma of a Gaussian over its interquartile range: 1 / (2 sqrt(2) erfinv(1/2))
AT_ONCE = 4096  # images whose percentiles are taken together


def blocks(images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield images (n, H, W, C), some at a time, with the median and sigma_G (n, 1, 1, C) of each band."""
    for first in range(0, len(images), AT_ONCE):
        block = images[first : first + AT_ONCE]
        low, median, high = np.percentile(block, (25, 50, 75), axis=(1, 2), keepdims=True)
        yield block, median, SIGMA_G * (high - low)
