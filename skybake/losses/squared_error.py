"""Squared errors."""

from keras import ops

from skybake.losses import loss
from skybake.losses._numbers import squared
from skybake.losses._rows import errors, labels, mean_over_labels, outputs

LIMITS = {"scale": {"above": 0}, "shift": {}}


@loss(head="point", tasks=("regression",), aliases=("mean_squared_error",))
def mse(y_true, y_pred):
    """Mean squared error.

    Formula:
        (p - y)²
    Source:
        Gauss 1809, Theoria motus, §179.
    """
    error, known = errors(y_true, y_pred)
    return mean_over_labels(squared(error), known)


@loss(head="point", tasks=("regression",))
def mean_squared_logarithmic_error(y_true, y_pred, scale=1.0, shift=0.0):
    """Mean squared error of the logarithms, for labels that are not negative.

    Formula:
        [ln(1 + max(p, 0)) - ln(1 + max(y, 0))]²
    Args:
        scale, shift: Bring labels and outputs into the label's units, scale * y + shift; a bake-off sets them.
    Source:
        Keras, keras.losses.MeanSquaredLogarithmicError; astroNN (Leung & Bovy 2019, arXiv:1808.04428).
    Note:
        Where p is negative the gradient is zero.
    """
    values, known = labels(y_true)
    predicted = outputs(y_pred, values.shape[-1])
    difference = _log(scale * predicted + shift) - _log(scale * values + shift)
    return mean_over_labels(ops.square(difference), known)


def _log(x):
    return ops.log1p(ops.maximum(x, 0.0))
