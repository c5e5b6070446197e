"""Huber loss (Huber 1964, Ann. Math. Statist. 35, 73)."""

from keras import ops

from skybake.losses import loss
from skybake.losses._missing import filled, mean_over_labels


@loss(head="point", tasks=("regression",))
def huber(y_true, y_pred, delta=0.5):
    """Squared below ``delta``, linear beyond: 0.5 e^2 or delta (|e| - 0.5 delta), e = p - y.

    ``delta`` is in the units that the network is trained in: standard deviations of the label with
    ``labels: standardise``, the label's own with ``none``.
    """
    error = ops.abs(y_pred - filled(y_true))
    quadratic = ops.minimum(error, delta)
    return mean_over_labels(0.5 * ops.square(quadratic) + delta * (error - quadratic), y_true)
