"""Absolute error."""

from keras import ops

from skybake.losses import loss
from skybake.losses._missing import filled, mean_over_labels


@loss(head="point", tasks=("regression",), aliases=("mean_absolute_error",))
def mae(y_true, y_pred):
    """Mean absolute error, |p - y|."""
    return mean_over_labels(ops.abs(y_pred - filled(y_true)), y_true)
