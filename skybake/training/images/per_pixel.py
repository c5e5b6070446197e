"""Zero mean and unit variance of every pixel of every band."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from skybake.training.images import _symbolic
from skybake.training.images._pixels import Pixels, moments, shift_and_scale
from skybake.training.images._step import Step


class Options(Step):
    """Zero mean and unit variance of every pixel of every band, over the training part."""

    name: Literal["per_pixel"]


def fit(images: Pixels, options: Options) -> dict[str, np.ndarray]:
    """Return ``mean`` and ``std`` (H, W, C)."""
    return moments(images, per_pixel=True)


def apply(images: np.ndarray, options: Options, *, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return the images (N, H, W, C), shifted and scaled."""
    return shift_and_scale(images, mean, std)


def symbolic(images: Any, options: Options, *, mean: np.ndarray, std: np.ndarray) -> Any:
    """Return what :func:`apply` does, in ``keras.ops``."""
    return _symbolic.shift_and_scale(images, mean, std)
