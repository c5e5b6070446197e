"""Errors relative to the label."""

from keras import ops

from skybake.losses._numbers import limited
from skybake.losses._rows import labels, outputs

EPSILON = 1e-7  # the smallest |label| that is divided by, as in Keras and astroNN


def percentages(y_true, y_pred, scale, shift):
    """Return 100 (y - p) / y in the label's units, (batch, L), and where labels are known."""
    values, known = labels(y_true)
    error = scale * (values - outputs(y_pred, values.shape[-1]))
    label = scale * values + shift
    divisor = ops.maximum(ops.abs(label), EPSILON)
    bounded = limited(error, ops.minimum(1e25 * ops.maximum(divisor, 1.0), 1e36))  # the quotient fits into float32
    return 100.0 * ops.where(label < 0, -bounded, bounded) / divisor, known
