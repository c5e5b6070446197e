"""A logarithm that bears negative pixels, then zero mean and unit variance of each band.

asinh(pixel / noise) is logarithmic above the noise, linear below, and defined for the negative pixels of sky-subtracted
images (Lupton et al. 1999, AJ 118, 1406). The noise of a band is 1.4826 times the median absolute deviation of its
pixels, or their standard deviation where more than half of them are equal; where a band has more than four million
pixels, those of objects evenly spaced in the file tell it.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from skybake.training.images import _symbolic
from skybake.training.images._pixels import Pixels, moments, shift_and_scale, spread
from skybake.training.images._step import Step


class Options(Step):
    """asinh(pixel / noise), a logarithm that bears negative pixels, then as `standardise`."""

    name: Literal["log"] = "log"


SAMPLE_PIXELS = 2**22  # of a band, of which its noise is told; more would not tell it better


def fit(images: Pixels, options: Options) -> dict[str, np.ndarray]:
    """Return ``noise``, in image units, and ``mean`` and ``std`` after the stretch, (C,) each."""
    noise = _noise(images)

    def stretch(pixels: np.ndarray) -> None:
        pixels /= noise
        np.arcsinh(pixels, out=pixels)

    return {"noise": noise, **moments(images, stretch)}


def apply(images: np.ndarray, options: Options, *, noise: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return the images (N, H, W, C), stretched, shifted and scaled."""
    images /= spread(noise, images)
    np.arcsinh(images, out=images)
    return shift_and_scale(images, mean, std)


def symbolic(images: Any, options: Options, *, noise: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Any:
    """Return what :func:`apply` does, in ``keras.ops``."""
    from keras import ops

    return _symbolic.shift_and_scale(ops.arcsinh(ops.divide(images, noise.astype(np.float32))), mean, std)


def _noise(source: Pixels) -> np.ndarray:
    """Return the noise (C,) of each band."""
    objects = max(1, SAMPLE_PIXELS // math.prod(source.shape[:2]))
    every = -(-len(source) // objects)
    images = source.read(source.in_file_order[::every])
    found = []
    for band in range(source.shape[-1]):  # one band at a time: the float64 copy stays small
        pixels = images[..., band].astype(np.float64)
        mad = 1.4826 * float(np.median(np.abs(pixels - np.median(pixels))))
        found.append(mad or float(pixels.std()) or 1.0)
    return np.array(found)
