"""Gaussian likelihoods."""

import math

from keras import ops

from skybake.losses import loss
from skybake.losses._missing import filled, mean_over_labels, present

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@loss(head="gaussian", tasks=("regression",))
def gaussian_nll(y_true, y_pred):
    """Negative log-likelihood of a Gaussian whose mean and log-variance s the network predicts.

    0.5 [(y - p)^2 exp(-s) + s + ln 2 pi] (Kendall & Gal 2017, arXiv:1703.04977, eq. 8).
    """
    mean, log_variance = ops.split(y_pred, 2, axis=-1)
    squares = ops.square(filled(y_true) - mean)
    return mean_over_labels(0.5 * (squares * ops.exp(-log_variance) + log_variance) + HALF_LOG_2PI, y_true)


@loss(head="point", tasks=("regression",), batch=True)
def batch_log_likelihood(y_true, y_pred):
    """Negative log-likelihood of the residuals under one Gaussian whose variance V is theirs over the batch.

    0.5 [e^2 / V + ln(2 pi V)], e = p - y, V = mean over the batch of e^2: the maximum-likelihood variance of an
    unbiased Gaussian, so a bias is not forgiven. The sum over a batch of n is 0.5 n [1 + ln(2 pi V)]: the logarithm of
    the squared error, whose step size adapts to the scatter.
    """
    known = present(y_true)
    squares = ops.where(known, ops.square(y_pred - filled(y_true)), ops.zeros_like(y_pred))
    count = ops.maximum(ops.sum(ops.cast(known, squares.dtype)), 1.0)
    variance = ops.sum(squares) / count + 1e-12
    return mean_over_labels(0.5 * (squares / variance + ops.log(variance)) + HALF_LOG_2PI, y_true)
