"""Each band of each image brought to median 0 and noise 1, which suits networks.

sigma_G = 0.7413 (q75 - q25); where more than half of the pixels are equal it is 0, and their standard deviation stands
in its place. A band without contrast becomes 0 throughout.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from skybake.training.images import _symbolic
from skybake.training.images._percentiles import blocks
from skybake.training.images._step import Step


class Options(Step):
    """Each band of each image by itself: (pixel - median) / sigma_G."""

    name: Literal["robust"]


def apply(images: np.ndarray, options: Options) -> np.ndarray:
    """Return the images (N, H, W, C), shifted and scaled."""
    for block, median, scale in blocks(images):
        if (scale <= 0).any():
            scale = np.where(scale > 0, scale, block.std(axis=(1, 2), keepdims=True, dtype=np.float64))
        block -= median
        block /= np.where(scale > 0, scale, 1.0)
    return images


def symbolic(images: Any, options: Options) -> Any:
    """Return what :func:`apply` does, in ``keras.ops``."""
    from keras import ops

    pixels = _symbolic.pixels_of(images)
    median, scale = _symbolic.median_and_sigma_g(pixels)
    scale = ops.where(ops.greater(scale, 0.0), scale, _symbolic.std_of(pixels))
    return ops.divide(ops.subtract(images, median), ops.where(ops.greater(scale, 0.0), scale, 1.0))
