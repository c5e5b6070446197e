"""Percentage error."""

from keras import ops

from skybake.losses import loss
from skybake.losses._percentage import percentages
from skybake.losses._rows import mean_over_labels

LIMITS = {"scale": {"above": 0}, "shift": {}}


@loss(head="point", tasks=("regression",))
def mean_absolute_percentage_error(y_true, y_pred, scale=1.0, shift=0.0):
    """Mean absolute percentage error.

    Formula:
        100 |p - y| / |y|, |y| at least 1e-7
    Args:
        scale, shift: Bring labels and outputs into the label's units, scale * y + shift; a bake-off sets them.
    Source:
        Keras, keras.losses.MeanAbsolutePercentageError; astroNN (Leung & Bovy 2019, arXiv:1808.04428).
    """
    percentage, known = percentages(y_true, y_pred, scale, shift)
    return mean_over_labels(ops.abs(percentage), known)
