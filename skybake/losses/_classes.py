"""Classes as labels, and the weights of classes."""

from collections.abc import Sequence

from keras import ops

from skybake.losses._numbers import HUGE, limited, working
from skybake.losses._rows import labels, rows

EPSILON = 1e-7  # probabilities are kept this far from 0 and 1, as Keras and astroNN do


def one_hot(y_true, width: int):
    """Return class memberships (batch, K) with 0 where one is missing, and where they are known, (batch, K).

    Args:
        y_true: (batch, K) memberships, or (batch, 1) or (batch,) class numbers; a number that is no class is missing.
        width: K, at least two.

    Raises:
        ValueError: The number of columns is neither 1 nor K.
    """
    values, known = labels(y_true)
    if values.shape[-1] == width:
        return values, known
    if values.shape[-1] != 1:
        raise ValueError(
            f"labels with {values.shape[-1]} columns for {width} classes found; expected class numbers (1 column) or"
            f" memberships ({width} columns)"
        )
    members = ops.logical_and(ops.equal(values, ops.arange(width, dtype=values.dtype)), known)
    known = ops.broadcast_to(ops.any(members, axis=-1, keepdims=True), ops.shape(members))
    return ops.cast(members, values.dtype), known


def log_probabilities(y_pred, from_logits: bool):
    """Return ln p of each class, (batch, K), from logits or from probabilities, which are made to sum to 1."""
    y_pred = limited(working(rows(y_pred)), HUGE)
    if from_logits:
        return ops.log_softmax(y_pred, axis=-1)
    positive = ops.maximum(limited(y_pred, 1e10), 0.0)
    share = positive / ops.maximum(ops.sum(positive, axis=-1, keepdims=True), EPSILON)
    return ops.log(ops.clip(share, EPSILON, 1.0 - EPSILON))


def class_weight(members, class_weights: Sequence[float] | None):
    """Return the weight of each object, (batch,): that of its class; 1 without weights.

    Raises:
        ValueError: There is not one weight for each class.
    """
    if class_weights is None:
        return ops.ones_like(members[:, 0])
    check_weights(class_weights, members.shape[-1])
    return ops.sum(members * ops.convert_to_tensor(list(class_weights), dtype=members.dtype), axis=-1)


def check_weights(class_weights: Sequence[float] | str, width: int) -> None:
    """Raise ValueError unless there is one weight for each of ``width`` classes."""
    if isinstance(class_weights, str) or len(class_weights) != width:
        raise ValueError(
            f"class_weights: {class_weights!r} found; expected {width} numbers, one for each class."
            " Hint: 'balanced' is for bake-offs, where training labels are known"
        )
