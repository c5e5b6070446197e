"""Losses between the squared and the absolute error: quadratic near zero, linear far off."""

import math

from keras import ops

from skybake.losses import loss
from skybake.losses._rows import errors, mean_over_labels

LIMITS = {"delta": {"above": 0}}


@loss(head="point", tasks=("regression",))
def huber(y_true, y_pred, delta=0.5):
    """Squared error below ``delta``, linear beyond.

    Formula:
        0.5 e² if |e| ≤ delta, else delta (|e| - 0.5 delta); e = p - y
    Args:
        delta: In the units that the network is trained in: standard deviations of the label with
            ``labels: standardise``, the label's own with ``none``.
    Source:
        Huber 1964, Ann. Math. Statist. 35, 73.
    """
    error, known = errors(y_true, y_pred)
    error = ops.abs(error)
    quadratic = ops.minimum(error, delta)
    return mean_over_labels(0.5 * ops.square(quadratic) + delta * (error - quadratic), known)


@loss(head="point", tasks=("regression",))
def log_cosh(y_true, y_pred):
    """Logarithm of the hyperbolic cosine: a smooth absolute error.

    Formula:
        ln cosh(p - y)
    Source:
        Keras, keras.losses.LogCosh.
    """
    error, known = errors(y_true, y_pred)
    error = ops.abs(error)
    return mean_over_labels(error + ops.softplus(-2.0 * error) - math.log(2.0), known)
