"""How much each training object counts in the loss: the rare ones more, or as a column of the dataset says.

Weights have a mean of 1, so that the loss and its learning rate stay what they are. They count in training alone: the
validation loss, by which epochs and networks are chosen, and all metrics see every object alike.
"""

from __future__ import annotations

import numpy as np

from skybake.missing import present
from skybake.training.settings import ObjectWeights

GRID = 200  # places where the density of labels is found
NARROWEST = 1e-3  # width of its kernel, as a part of the labels' range


def of(settings: ObjectWeights, labels: np.ndarray, column: np.ndarray | None, *, classes: int) -> np.ndarray:
    """Return weights (n,) with a mean of 1 over the objects that have a label, and 1 where there is none.

    Args:
        settings: By what.
        labels: (n,) of the training part; numbers of classes, or values.
        column: (n,) what the column holds that ``settings`` names; None where it names none.
        classes: Number of classes; 0 of a number.

    Raises:
        ValueError: They do not suit the label, or the column has a value that is no weight.
    """
    known = present(labels)
    weights = np.ones(len(labels))
    if settings.by == "column":
        assert column is not None  # the caller reads it
        wrong = known & ~(present(column) & (column >= 0))
        if wrong.any() or not column[known].any():
            bad = column[np.flatnonzero(wrong)[0]] if wrong.any() else 0.0
            raise ValueError(
                f"training.object_weights: column {settings.column!r} has {bad:g} for an object of the training part;"
                " expected weights of at least 0, and some above"
            )
        found = column[known]
    elif settings.by == "effective_number":
        if not classes:
            raise ValueError(
                "training.object_weights: by: effective_number is of classes; expected inverse_density of a number"
            )
        counts = np.bincount(labels[known].astype(int), minlength=classes)
        # Cui et al. (2019), CVPR, eq. 2: a class of n objects has (1 - beta^n) / (1 - beta) that differ.
        found = ((1 - settings.beta) / (1 - settings.beta ** np.maximum(counts, 1)))[labels[known].astype(int)]
    else:
        if classes:
            raise ValueError(
                "training.object_weights: by: inverse_density is of a number; expected effective_number of classes"
            )
        found = 1 / _density(labels[known])
        found = np.minimum(found, settings.most * found.min())
    weights[known] = found / found.mean()
    return weights.astype(np.float32)


def _density(values: np.ndarray) -> np.ndarray:
    """Return the density of values (n,) at each of them: a Gaussian kernel of Silverman's width, on a grid.

    Silverman 1986, Density Estimation for Statistics and Data Analysis, eq. 3.31.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.ones(len(values))
    quarter = np.subtract(*np.percentile(values, [75, 25])) / 1.34
    spread = min(float(values.std()), quarter) or float(values.std())
    width = max(0.9 * spread * len(values) ** -0.2, NARROWEST * (high - low))
    grid = np.linspace(low, high, GRID)
    counts, edges = np.histogram(values, bins=GRID, range=(low, high))
    middles = (edges[1:] + edges[:-1]) / 2
    kernel = np.exp(-0.5 * ((grid[:, None] - middles) / width) ** 2)
    # Kernels reach over the ends, where there are no labels: what they lose there is given back.
    heights = kernel @ counts / kernel.sum(axis=1)
    return np.interp(values, grid, heights)
