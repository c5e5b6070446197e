"""Squared error."""

from keras import ops

from skybake.losses import loss
from skybake.losses._missing import filled, mean_over_labels


@loss(head="point", tasks=("regression",), aliases=("mean_squared_error",))
def mse(y_true, y_pred):
    """Mean squared error, (p - y)^2."""
    return mean_over_labels(ops.square(y_pred - filled(y_true)), y_true)
