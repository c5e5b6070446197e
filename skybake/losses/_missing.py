"""Missing labels: the magic number -9999 (astroNN's convention) or NaN."""

from keras import ops

from skybake.dataset import MAGIC


def present(y_true):
    """Return where labels are known, as booleans of the same shape."""
    return ops.logical_and(ops.not_equal(y_true, MAGIC), ops.equal(y_true, y_true))


def filled(y_true, value: float = 0.0):
    """Return the labels with ``value`` where one is missing, so that gradients stay finite there."""
    return ops.where(present(y_true), y_true, ops.full_like(y_true, value))


def mean_over_labels(values, y_true):
    """Return the mean of ``values`` over the known labels of each row; 0 where none is known.

    The mean over all labels times the correction F = (n_ok + n_missing) / n_ok.
    """
    known = present(y_true)
    total = ops.sum(ops.where(known, values, ops.zeros_like(values)), axis=-1)
    return total / ops.maximum(ops.sum(ops.cast(known, total.dtype), axis=-1), 1.0)
