"""Student's t: a Gaussian with heavy tails, which outliers pull less."""

import math

from keras import ops

from skybake.losses import loss
from skybake.losses._numbers import LOG_VARIANCE, limited, standardised
from skybake.losses._rows import labels, mean_over_labels, outputs

LIMITS = {"dof": {"above": 2}}


@loss(head="student_t", tasks=("regression",))
def student_t_nll(y_true, y_pred, dof=5.0):
    """Negative log-likelihood of Student's t with predicted location and log-scale² s.

    Formula:
        -ln Γ((ν + 1) / 2) + ln Γ(ν / 2) + 0.5 ln(π ν) + 0.5 s + 0.5 (ν + 1) ln(1 + w² / ν), w = (y - p) exp(-s / 2)
    Args:
        dof: Degrees of freedom ν. Above 2 there is a variance.
    Source:
        Lange, Little & Taylor 1989, J. Am. Stat. Assoc. 84, 881.
    """
    values, known = labels(y_true)
    moments = outputs(y_pred, values.shape[-1], 2)
    log_scale = limited(moments[:, 1], LOG_VARIANCE)
    w = standardised(moments[:, 0] - values, log_scale)
    constant = math.lgamma(0.5 * dof) - math.lgamma(0.5 * (dof + 1)) + 0.5 * math.log(math.pi * dof)
    values = constant + 0.5 * log_scale + 0.5 * (dof + 1) * ops.log1p(ops.square(w) / dof)
    return mean_over_labels(values, known)
