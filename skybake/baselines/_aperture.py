"""Aperture photometry of the object in the middle of an image, and the choice of its radius."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

RADII = (0.03, 0.05, 0.08, 0.12, 0.2, 0.35)  # as fractions of the shorter side
FOLDS = 5


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
    aperture |= distance == distance.min()  # the middle of a small image too
    background = np.median(images[:, outside], axis=1)
    return images[:, aperture].sum(axis=1, dtype=np.float64) - aperture.sum() * background


def by_radius(apertures: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """Return a block of columns for each radius, fluxes and then the other features: (N, R (C + S))."""
    return np.column_stack([column for flux in apertures for column in (flux, *others)])


def with_chosen_radius(model: Any, scoring: str) -> GridSearchCV:
    """Return an estimator of :func:`by_radius`'s features, which sees one radius.

    It is the radius that is best in a cross-validation of five folds within the training part.

    Args:
        model: A scikit-learn estimator of one radius's features.
        scoring: Scikit-learn's name of what is to be high.
    """
    seen = make_pipeline(FunctionTransformer(_block, kw_args={"radius": 0}), model)
    choices = {"functiontransformer__kw_args": [{"radius": place} for place in range(len(RADII))]}
    return GridSearchCV(seen, choices, scoring=scoring, cv=FOLDS)


def _block(features: np.ndarray, radius: int) -> np.ndarray:
    return np.split(features, len(RADII), axis=1)[radius]
