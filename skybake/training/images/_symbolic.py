"""What several steps do to Keras tensors, in ``keras.ops``; imported late, since steps are read without a framework."""

from __future__ import annotations

from typing import Any

import numpy as np

from skybake.training.images._percentiles import SIGMA_G


def shift_and_scale(images: Any, mean: np.ndarray, std: np.ndarray) -> Any:
    """Return ``(images - mean) / std`` of images (N, H, W, C); numbers are (C,) or (H, W, C)."""
    from keras import ops

    return ops.divide(ops.subtract(images, mean.astype(np.float32)), std.astype(np.float32))


def pixels_of(images: Any) -> Any:
    """Return images (N, H, W, C) as (N, H W, 1, C): an axis that is a tuple is lost in a file."""
    from keras import ops

    _, height, width, bands = images.shape
    return ops.reshape(images, (-1, height * width, 1, bands))


def median_and_sigma_g(pixels: Any) -> tuple[Any, Any]:
    """Return the median and sigma_G (N, 1, 1, C) of each band of pixels (N, H W, 1, C).

    ``ops.quantile`` would not do: its axis is lost in a file too.
    """
    from keras import ops

    ordered = ops.sort(pixels, axis=1)

    def quantile(level: float) -> Any:
        place = level * (pixels.shape[1] - 1)
        low = int(place)
        start = ordered[:, low : low + 1]
        if place == low:
            return start
        return start + (ordered[:, low + 1 : low + 2] - start) * (place - low)

    return quantile(0.5), ops.multiply(ops.subtract(quantile(0.75), quantile(0.25)), SIGMA_G)


def std_of(pixels: Any) -> Any:
    """Return the standard deviation (N, 1, 1, C) of each band of pixels (N, H W, 1, C)."""
    from keras import ops

    mean = ops.mean(pixels, axis=1, keepdims=True)
    return ops.sqrt(ops.mean(ops.square(ops.subtract(pixels, mean)), axis=1, keepdims=True))
