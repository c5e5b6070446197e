"""Each band of each image clipped, shifted and scaled to unit sum: the stamps' normalisation of astroML's chapter.

Pixels below median - 2 sigma_G are set to that, sigma_G = 0.7413 (q75 - q25); then the lowest is taken off and the rest
is divided by its sum. A band without contrast becomes 0 throughout, where the formula has 0 / 0. Pixels are then about
1 / (H W): small inputs, which plain SGD learns slowly from.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from skybake.training.images import _symbolic
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


def symbolic(images: Any, options: Options) -> Any:
    """Return what :func:`apply` does, in ``keras.ops``."""
    from keras import ops

    pixels = _symbolic.pixels_of(images)
    median, sigma = _symbolic.median_and_sigma_g(pixels)
    clipped = ops.maximum(pixels, ops.subtract(median, ops.multiply(sigma, 2.0)))
    above = ops.subtract(clipped, ops.min(clipped, axis=1, keepdims=True))
    total = ops.sum(above, axis=1, keepdims=True)
    return ops.reshape(ops.divide(above, ops.where(ops.greater(total, 0.0), total, 1.0)), (-1, *images.shape[1:]))
