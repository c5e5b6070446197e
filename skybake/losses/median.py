"""Medians over the known labels of an object; with one label, the error itself."""

from keras import ops

from skybake.losses import loss
from skybake.losses._percentage import percentages
from skybake.losses._rows import errors

NORMAL_MAD = 1.4826  # the standard deviation of a Gaussian whose median absolute deviation is 1
BEYOND = 3e38  # what stands for a missing value in a sort

LIMITS = {"scale": {"above": 0}, "shift": {}}


def _median_over_labels(values, known):
    """Return the median of values (batch, L) over the known labels of each row, (batch,); 0 where none is known."""
    ordered = ops.sort(ops.where(known, values, ops.full_like(values, BEYOND)), axis=-1)
    count = ops.sum(ops.cast(known, "int32"), axis=-1, keepdims=True)
    low = ops.take_along_axis(ordered, ops.maximum(count - 1, 0) // 2, axis=-1)
    high = ops.take_along_axis(ordered, ops.minimum(count // 2, known.shape[-1] - 1), axis=-1)
    middle = 0.5 * low[:, 0] + 0.5 * high[:, 0]
    return ops.where(count[:, 0] > 0, middle, ops.zeros_like(middle))


@loss(head="point", tasks=("regression",), trains=False)
def median_error(y_true, y_pred):
    """Median error, predicted minus true.

    Formula:
        median over labels of p - y
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428); its code has y - p and counts missing labels.
    """
    return _median_over_labels(*errors(y_true, y_pred))


@loss(head="point", tasks=("regression",))
def median_absolute_error(y_true, y_pred):
    """Median absolute error.

    Formula:
        median over labels of |p - y|
    Source:
        astroNN's median_absolute_deviation (Leung & Bovy 2019, arXiv:1808.04428); its code counts missing labels.
    """
    error, known = errors(y_true, y_pred)
    return _median_over_labels(ops.abs(error), known)


@loss(head="point", tasks=("regression",))
def mad_std(y_true, y_pred):
    """Standard deviation of a Gaussian with this median absolute error.

    Formula:
        1.4826 median over labels of |p - y|
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428); its code counts missing labels.
    """
    return NORMAL_MAD * median_absolute_error(y_true, y_pred)


@loss(head="point", tasks=("regression",))
def median_absolute_percentage_error(y_true, y_pred, scale=1.0, shift=0.0):
    """Median absolute percentage error.

    Formula:
        median over labels of 100 |p - y| / |y|, |y| at least 1e-7
    Args:
        scale, shift: Bring labels and outputs into the label's units, scale * y + shift; a bake-off sets them.
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428); its code takes the median over the whole batch.
    """
    percentage, known = percentages(y_true, y_pred, scale, shift)
    return _median_over_labels(ops.abs(percentage), known)
