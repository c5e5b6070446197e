"""Labels and outputs of a batch: which labels are missing, what shapes must agree, and the mean over what is known.

A label is missing where it is the magic number -9999 (astroNN's convention) or not finite.
"""

from keras import ops

from skybake import missing
from skybake.losses._numbers import HUGE, limited, working


def present(y_true):
    """Return where labels are known, as booleans of the same shape.

    The comparison is in the labels' own precision: in float16 the magic number is -10000, in bfloat16 -9984.
    """
    y_true = ops.convert_to_tensor(y_true)
    return missing.present(y_true, ops, ops.cast(missing.MAGIC, y_true.dtype))


def rows(x):
    """Return x as (batch, columns): a vector becomes one column."""
    x = ops.convert_to_tensor(x)
    return x[:, None] if len(x.shape) == 1 else x


def labels(y_true):
    """Return labels (batch, L) with 0 where one is missing, and where they are known.

    The zeros are put in before any arithmetic, so that gradients are finite there too.
    """
    y_true = rows(y_true)
    known = present(y_true)
    return limited(working(ops.where(known, y_true, ops.zeros_like(y_true))), HUGE), known


def outputs(y_pred, count, each=1):
    """Return the outputs for ``count`` labels, (batch, count), or (batch, each, count) if a label has several.

    Raises:
        ValueError: Their number is another.
    """
    y_pred = limited(working(rows(y_pred)), HUGE)
    if y_pred.shape[-1] != each * count:
        raise ValueError(
            f"{y_pred.shape[-1]} outputs found; expected {each * count}, {each} for each of {count} labels."
            " Hint: the loss names the head that has the right width"
        )
    return y_pred if each == 1 else ops.reshape(y_pred, (-1, each, count))


def errors(y_true, y_pred):
    """Return p - y, (batch, L), and where labels are known."""
    values, known = labels(y_true)
    return outputs(y_pred, values.shape[-1]) - values, known


def correction(y_true):
    """Return F = (n_ok + n_missing) / n_ok of each row, (batch,); the number of labels where none is known."""
    known = present(rows(y_true))
    return known.shape[-1] / ops.maximum(_count(known), 1.0)


def mean_over_labels(values, known):
    """Return the mean of values (batch, L) over the known labels of each row, (batch,); 0 where none is known.

    This is the mean over all labels, the missing ones counted as 0, times the correction F.
    """
    total = ops.sum(ops.where(known, values, ops.zeros_like(values)), axis=-1)
    return total / ops.cast(ops.maximum(_count(known), 1.0), total.dtype)


def _count(known):
    return ops.sum(ops.cast(known, "float32"), axis=-1)
