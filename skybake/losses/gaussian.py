"""A Gaussian whose mean p and log-variance s the network predicts.

Labels may come with known errors, as (batch, 2 L): labels first, then their standard deviations sigma. A label is then
scattered by both, with variance V = exp(s) + sigma²; a missing error counts as 0. In a bake-off ``label_errors: true``
gives the loss those errors that the dataset has of its label, of training and validation alike. What the network
predicts is then the label without its error, and NLL, CRPS, PIT and coverage, which hold it against labels as they were
measured, add sigma² to its variance. Without ``label_errors`` it predicts labels as they are measured, and nothing is
added.
"""

import math

from keras import ops

from skybake.losses import loss
from skybake.losses._numbers import LOG_VARIANCE, ROOT, limited, squared, standardised
from skybake.losses._rows import errors, labels, mean_over_labels, outputs, rows

LIMITS: dict[str, dict] = {"label_errors": {}}
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _gaussian(y_true, y_pred, label_errors):
    """Return p - y and ln V, (batch, L), and where labels are known.

    Raises:
        ValueError: Errors of labels are promised, and labels alone given.
    """
    y_true = rows(y_true)
    count = max(rows(y_pred).shape[-1] // 2, 1)
    if label_errors and y_true.shape[-1] != 2 * count:
        raise ValueError(
            f"label_errors: labels with {y_true.shape[-1]} columns found; expected {2 * count}: labels, then their"
            " errors"
        )
    values, known = labels(y_true[:, :count] if y_true.shape[-1] == 2 * count else y_true)
    moments = outputs(y_pred, values.shape[-1], 2)
    log_variance = limited(moments[:, 1], LOG_VARIANCE)
    if y_true.shape[-1] == 2 * count:
        sigma, _ = labels(y_true[:, count:])
        # An error below 1e-30 is lost beside any variance, and its logarithm stays finite.
        log_variance = ops.logaddexp(log_variance, 2.0 * ops.log(ops.clip(ops.abs(sigma), 1e-30, ROOT)))
    return moments[:, 0] - values, log_variance, known


def _likelihood(y_true, y_pred, constant, label_errors):
    error, log_variance, known = _gaussian(y_true, y_pred, label_errors)
    return mean_over_labels(0.5 * (ops.square(standardised(error, log_variance)) + log_variance) + constant, known)


@loss(head="gaussian", tasks=("regression",))
def gaussian_nll(y_true, y_pred, label_errors=False):
    """Negative log-likelihood of a Gaussian with predicted mean and log-variance.

    Formula:
        0.5 [(y - p)² / V + ln V + ln 2π], V = exp(s) + sigma²
    Args:
        label_errors: Whether labels come with their known errors; in a bake-off, from the dataset.
    Source:
        Nix & Weigend 1994, Proc. ICNN 1, 55; Kendall & Gal 2017, arXiv:1703.04977, eq. 8.
    """
    return _likelihood(y_true, y_pred, HALF_LOG_2PI, label_errors)


@loss(head="gaussian", tasks=("regression",))
def robust_mse(y_true, y_pred, label_errors=False):
    """Squared error weighted by the predicted variance: the Gaussian likelihood without its constant.

    Formula:
        0.5 [(y - p)² / V + ln V], V = exp(s) + sigma²
    Args:
        label_errors: Whether labels come with their known errors; in a bake-off, from the dataset.
    Source:
        astroNN's mse_lin_wrapper and mse_var_wrapper as one loss of two outputs (Leung & Bovy 2019, arXiv:1808.04428);
        Kendall & Gal 2017, arXiv:1703.04977, eq. 8.
    """
    return _likelihood(y_true, y_pred, 0.0, label_errors)


@loss(head="gaussian", tasks=("regression",))
def gaussian_crps(y_true, y_pred, label_errors=False):
    """Continuous ranked probability score of a Gaussian with predicted mean and log-variance.

    Formula:
        σ {w [2 Φ(w) - 1] + 2 φ(w) - 1/√π}, w = (y - p) / σ, σ² = V = exp(s) + sigma²
    Args:
        label_errors: Whether labels come with their known errors; in a bake-off, from the dataset.
    Source:
        Gneiting, Raftery, Westveld & Goldman 2005, Mon. Weather Rev. 133, 1098, eq. 5.
    """
    error, log_variance, known = _gaussian(y_true, y_pred, label_errors)
    w = standardised(error, log_variance)
    density = math.sqrt(2.0 / math.pi) * ops.exp(-0.5 * ops.square(w))
    # σ w is the error itself: written so, it cannot overflow.
    spread = ops.exp(0.5 * log_variance) * (density - 1.0 / math.sqrt(math.pi))
    return mean_over_labels(error * ops.erf(w / math.sqrt(2.0)) + spread, known)


@loss(head="point", tasks=("regression",), batch=True)
def batch_log_likelihood(y_true, y_pred):
    """Negative log-likelihood of the residuals under one Gaussian whose variance V is theirs over the batch.

    V is the maximum-likelihood variance of an unbiased Gaussian, so a bias is not forgiven. The sum over a batch of n
    is 0.5 n [1 + ln(2π V)]: the logarithm of the squared error, whose step size adapts to the scatter.

    Formula:
        0.5 [e² / V + ln(2π V)], e = p - y, V = mean over the batch of e²
    Source:
        Krippendorf et al. 2023, arXiv:2305.00016, meant a likelihood of this kind; theirs never worked.
    """
    error, known = errors(y_true, y_pred)
    squares = ops.where(known, squared(error), ops.zeros_like(error))
    count = ops.maximum(ops.sum(ops.cast(known, squares.dtype)), 1.0)
    variance = ops.sum(squares) / count + 1e-12
    return mean_over_labels(0.5 * (squares / variance + ops.log(variance)) + HALF_LOG_2PI, known)
