"""Signed errors: they tell a bias. None has a minimum, so none trains a network."""

from skybake.losses import loss
from skybake.losses._percentage import percentages
from skybake.losses._rows import errors, mean_over_labels

LIMITS = {"scale": {"above": 0}, "shift": {}}


@loss(head="point", tasks=("regression",), trains=False)
def mean_error(y_true, y_pred):
    """Mean error, predicted minus true: the bias.

    Formula:
        p - y
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428), as it is documented; its code has y - p.
    """
    error, known = errors(y_true, y_pred)
    return mean_over_labels(error, known)


@loss(head="point", tasks=("regression",), trains=False)
def mean_percentage_error(y_true, y_pred, scale=1.0, shift=0.0):
    """Mean percentage error, true minus predicted.

    Formula:
        100 (y - p) / y, |y| at least 1e-7
    Args:
        scale, shift: Bring labels and outputs into the label's units, scale * y + shift; a bake-off sets them.
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428), as it is documented; its code divides only p.
    """
    percentage, known = percentages(y_true, y_pred, scale, shift)
    return mean_over_labels(percentage, known)
