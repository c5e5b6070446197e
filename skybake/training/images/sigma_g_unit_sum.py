"""Each band of each image clipped, shifted and scaled to unit sum: the stamps' normalisation of astroML's chapter.

Pixels below median - 2 sigma_G are set to that, sigma_G = 0.7413 (q75 - q25); then the lowest is taken off and the rest
is divided by its sum. A band without contrast becomes 0 throughout, where the formula has 0 / 0. Pixels are then about
1 / (H W): small inputs, which plain SGD learns slowly from.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from skybake.training.images._percentiles import blocks
from skybake.training.images._step import Step


class Options(Step):
    """Each band of each image by itself: clipped below median - 2 sigma_G, shifted to 0 and divided by its sum, as the
    stamp reference does."""

    name: Literal["sigma_g_unit_sum"]


def apply(images: np.ndarray, options: Options) -> np.ndarray:
    """Return the images (N, H, W, C), not negative; each band sums to 1 or to 0."""
    for block, median, sigma in blocks(images):
        np.maximum(block, (median - 2 * sigma).astype(block.dtype), out=block)
        block -= block.min(axis=(1, 2), keepdims=True)
        total = block.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
        block /= np.where(total > 0, total, 1.0)
    return images
