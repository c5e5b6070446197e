"""Cross-entropies that learn the noise of the logits, as astroNN documents them.

The network predicts logits and their log-variances. Noise on the logits shifts the cross-entropy; what noise gains and
what it costs is passed through elu, and a large variance is paid for. These are not the mean probabilities under noise
of Kendall & Gal (:mod:`skybake.losses.bayesian_crossentropy`): both learn, and their values differ.
"""

from keras import ops

from skybake.losses import loss
from skybake.losses._classes import class_weight, log_probabilities, one_hot
from skybake.losses._draws import draws as normal_draws
from skybake.losses._noise import noisy
from skybake.losses._numbers import HUGE, LOG_VARIANCE, limited, log_softmax, working
from skybake.losses._rows import correction, labels, mean_over_labels, outputs, rows
from skybake.losses.crossentropy import yes_or_no_weight

LIMITS = {
    "draws": {"at_least": 2},
    "seed": {"at_least": 0},
    "class_weights": {"one_of": ["balanced"], "kind": "numbers by class", "above": 0},
}
LARGEST = 60.0  # variance: its exponential stays within float32


@loss(head="logits_variance", tasks=("classification",))
def robust_categorical_crossentropy(y_true, y_pred, draws=25, seed=0, class_weights=None):
    """Categorical cross-entropy, what noise on the logits changes of it, and a price of the noise.

    Formula:
        C(z) + mean_t elu(C(z) - C(z + sqrt(s) ε_t)) + mean_k e^(s_k) - 1, C(z) = -F sum_k y_k ln softmax_k(z) over the
        known k, z logits, s their variances, ε_t standard normal
    Args:
        draws: How many.
        seed: Of the draws.
        class_weights: One number for each class.
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428), documentation of its losses, robust_categorical_crossentropy; its
        code draws anew in each step, here the draws are the same ones.
    """
    logits, log_variance = ops.split(limited(working(rows(y_pred)), HUGE), 2, axis=-1)
    plain = log_probabilities(logits, from_logits=True)
    members, known = one_hot(y_true, plain.shape[-1])
    noise = normal_draws(draws, plain.shape[-1], seed)
    moved = log_softmax(noisy(logits, log_variance, noise), axis=-1)
    zero = ops.zeros_like(plain)
    entropy = -ops.sum(ops.where(known, members * plain, zero), axis=-1)
    distorted = -ops.sum(ops.where(known[:, None], members[:, None] * moved, zero[:, None]), axis=-1)
    gained = ops.mean(ops.elu(entropy[:, None] - distorted), axis=1)
    price = ops.mean(_price(log_variance), axis=-1)
    total = ops.where(ops.any(known, axis=-1), entropy + gained + price, ops.zeros_like(entropy))
    return total * ops.cast(correction(y_true), total.dtype) * class_weight(members, class_weights)


@loss(head="binary_variance", tasks=("classification",))
def robust_binary_crossentropy(y_true, y_pred, draws=25, seed=0, class_weights=None):
    """Binary cross-entropy, what noise on the logit changes of it, and a price of the noise; the mean over labels.

    Formula:
        B(z) + mean_t elu(B(z) - B(z + sqrt(s) ε_t)) + e^s - 1, B(z) = -y ln p - (1 - y) ln(1 - p), p = sigmoid(z), z
        logit, s its variance, ε_t standard normal
    Args:
        draws: How many.
        seed: Of the draws.
        class_weights: Two numbers, for no (0) and for yes (1).
    Source:
        astroNN (Leung & Bovy 2019, arXiv:1808.04428), documentation of its losses, robust_binary_crossentropy; its code
        draws anew in each step, here the draws are the same ones.
    """
    values, known = labels(y_true)
    moments = outputs(y_pred, values.shape[-1], 2)
    logits, log_variance = moments[:, 0], moments[:, 1]
    plain = _entropy(values, logits)
    moved = _entropy(values[:, None], noisy(logits, log_variance, normal_draws(draws, 1, seed)))
    total = plain + ops.mean(ops.elu(plain[:, None] - moved), axis=1) + _price(log_variance)
    return mean_over_labels(total * yes_or_no_weight(values, class_weights), known)


def _entropy(values, logits):
    return values * ops.softplus(-logits) + (1.0 - values) * ops.softplus(logits)


def _price(log_variance):
    """Return e^s - 1 of log-variances ln s."""
    return ops.expm1(limited(ops.exp(limited(log_variance, LOG_VARIANCE)), LARGEST))
