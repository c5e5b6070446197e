"""Absolute error."""

from keras import ops

from skybake.losses import loss
from skybake.losses._rows import errors, mean_over_labels


@loss(head="point", tasks=("regression",), aliases=("mean_absolute_error",))
def mae(y_true, y_pred):
    """Mean absolute error.

    Formula:
        |p - y|
    Source:
        Boscovich 1757; its minimum is the conditional median.
    """
    error, known = errors(y_true, y_pred)
    return mean_over_labels(ops.abs(error), known)
