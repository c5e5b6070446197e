"""A probability for each bin of the label.

The network gives one logit a bin; p = softmax. Bins are ``count`` equal ones from ``low`` to ``high``, or as many with
equally many training labels each (``spacing: equal_population``), or those of ``edges``. These numbers are in units of
the label in a bake-off, and in those of ``y_true`` elsewhere; without ``low`` and ``high`` a bake-off takes the range
of the training labels and 5 % more on either side. A label outside belongs to the nearest bin.
"""

import numpy as np
from keras import ops

from skybake.losses import loss
from skybake.losses._bins import binned, edges_of
from skybake.losses._numbers import squared
from skybake.losses._rows import mean_over_labels

LIMITS = {
    "count": {"at_least": 2},
    "low": {"kind": "number"},
    "high": {"kind": "number"},
    "spacing": {"one_of": ["uniform", "equal_population"]},
    "edges": {"kind": "numbers"},
    "smoothing": {"above": 0},
}


def _constant(values, like):
    return ops.convert_to_tensor(np.asarray(values)[None, :], dtype=like.dtype)


@loss(head="bins", tasks=("regression",))
def expectation(y_true, y_pred, count=50, low=None, high=None, spacing="uniform", edges=None):
    """Squared error of the expectation over bins, object by object.

    Formula:
        (sum_k p_k c_k - y)², c the centres of the bins
    Source:
        After Pasquet et al. 2019, arXiv:1806.06607, as the photo-z reference meant it.
    Note:
        It sees the mean of the distribution only: its width is left to chance.
    """
    edges = edges_of(edges, count, low, high, spacing)
    values, known, _, logits = binned(y_true, y_pred, edges)
    centres = _constant(0.5 * (edges[1:] + edges[:-1]), logits)
    mean = ops.sum(ops.softmax(logits, axis=-1) * centres, axis=-1, keepdims=True)
    return mean_over_labels(squared(mean - values), known)


@loss(head="bins", tasks=("regression",), batch=True)
def expectation_batchsum(y_true, y_pred, count=50, low=None, high=None, spacing="uniform", edges=None):
    """Squared error of the expectation summed over the whole batch: a fault, kept to reproduce the photo-z reference.

    Formula:
        (sum_j sum_k p_jk c_k - y)², j over the batch
    Source:
        The photo-z reference's code, which sums without an axis; a network can only learn a constant from it.
    """
    edges = edges_of(edges, count, low, high, spacing)
    values, known, _, logits = binned(y_true, y_pred, edges)
    centres = _constant(0.5 * (edges[1:] + edges[:-1]), logits)
    return mean_over_labels(squared(ops.sum(ops.softmax(logits, axis=-1) * centres) - values), known)


@loss(head="bins", tasks=("regression",))
def bin_crossentropy(y_true, y_pred, count=50, low=None, high=None, spacing="uniform", edges=None):
    """Categorical cross-entropy of the bin that the label falls into.

    Formula:
        -ln p_k(y)
    Source:
        Pasquet et al. 2019, arXiv:1806.06607.
    """
    _, known, place, logits = binned(y_true, y_pred, edges_of(edges, count, low, high, spacing))
    members = ops.equal(place, ops.arange(logits.shape[-1], dtype=logits.dtype))
    log_probability = ops.log_softmax(logits, axis=-1)
    chosen = ops.where(members, log_probability, ops.zeros_like(log_probability))
    return mean_over_labels(-ops.sum(chosen, axis=-1, keepdims=True), known)


@loss(head="bins", tasks=("regression",))
def binned_crps(y_true, y_pred, count=50, low=None, high=None, spacing="uniform", edges=None):
    """Continuous ranked probability score on bins.

    The distance of the cumulative distribution from a step at the label.

    Formula:
        sum_k width_k (F_k - 1[z_k ≥ y])², F_k = p_1 + ... + p_k, z_k the upper edge of bin k
    Source:
        Matheson & Winkler 1976, Manage. Sci. 22, 1087; Epstein 1969, J. Appl. Meteorol. 8, 985.
    """
    edges = edges_of(edges, count, low, high, spacing)
    values, known, _, logits = binned(y_true, y_pred, edges)
    step = ops.cast(_constant(edges[1:], logits) >= values, logits.dtype)
    cumulative = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    distance = ops.sum(_constant(np.diff(edges), logits) * ops.square(cumulative - step), axis=-1, keepdims=True)
    return mean_over_labels(distance, known)


@loss(head="bins", tasks=("regression",))
def ordinal_crossentropy(y_true, y_pred, smoothing=1.0, count=50, low=None, high=None, spacing="uniform", edges=None):
    """Cross-entropy with the label's bin smoothed over its neighbours: a near miss costs less than a far one.

    Formula:
        -sum_k q_k ln p_k, q_k ∝ exp(-0.5 [(k - k(y)) / smoothing]²)
    Args:
        smoothing: Width of the label in bins.
    Source:
        Díaz & Marathe 2019, Soft labels for ordinal regression, CVPR.
    """
    _, known, place, logits = binned(y_true, y_pred, edges_of(edges, count, low, high, spacing))
    distance = (ops.arange(logits.shape[-1], dtype=logits.dtype) - place) / smoothing
    target = ops.softmax(-0.5 * ops.square(distance), axis=-1)
    return mean_over_labels(-ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1, keepdims=True), known)
