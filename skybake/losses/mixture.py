"""Mixture density networks: several peaks."""

import math

from keras import ops

from skybake.losses import loss
from skybake.losses._numbers import LOG_VARIANCE, limited, log_softmax, log_sum_exp, standardised
from skybake.losses._rows import labels, mean_over_labels, outputs

LIMITS = {"components": {"at_least": 1}}


@loss(head="mixture", tasks=("regression",))
def mixture_nll(y_true, y_pred, components=3):
    """Negative log-likelihood of a mixture of Gaussians with predicted weights, means and log-variances.

    Formula:
        -ln sum_k π_k N(y; μ_k, exp(s_k)), π = softmax of the first outputs
    Args:
        components: Number of Gaussians.
    Source:
        Bishop 1994, Mixture density networks, Aston University NCRG/94/004.
    """
    values, known = labels(y_true)
    parts = outputs(y_pred, values.shape[-1], 3 * components)
    logits, means, log_variances = ops.split(parts, 3, axis=1)
    log_variances = limited(log_variances, LOG_VARIANCE)
    w = standardised(means - values[:, None, :], log_variances)
    log_density = -0.5 * (ops.square(w) + log_variances + math.log(2 * math.pi))
    return mean_over_labels(-log_sum_exp(log_softmax(logits, axis=1) + log_density, axis=1), known)
