"""Images as they are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from skybake.training.images._step import Step


class Options(Step):
    """Images as they are."""

    name: Literal["none"]


def apply(images: np.ndarray, options: Options) -> np.ndarray:
    """Return the images (N, H, W, C)."""
    return images


def symbolic(images: Any, options: Options) -> Any:
    """Return the images (N, H, W, C)."""
    return images
