"""Classification with predicted noise on the logits.

The network predicts logits f and their log-variances s; the probability of a class is the mean over draws of Gaussian
noise on the logits. The draws depend on ``seed`` alone and are the same for every object and step, so the loss of an
object depends on its label and outputs only.
"""

from keras import ops

from skybake.losses import loss
from skybake.losses._classes import class_weight, one_hot
from skybake.losses._noise import log_mean_no_and_yes, log_mean_probabilities
from skybake.losses._rows import correction, labels, mean_over_labels, outputs
from skybake.losses.crossentropy import yes_or_no_weight

LIMITS = {
    "draws": {"at_least": 2},
    "seed": {"at_least": 0},
    "class_weights": {"one_of": ["balanced"], "kind": "numbers by class", "above": 0},
}


@loss(head="logits_variance", tasks=("classification",))
def bayesian_categorical_crossentropy(y_true, y_pred, draws=25, seed=0, class_weights=None):
    """Categorical cross-entropy of the mean probabilities under noise on the logits.

    Formula:
        -F sum_k y_k ln mean_t softmax_k(f + exp(s / 2) ε_t) over the known k, ε_t standard normal
    Args:
        draws: How many.
        seed: Of the draws.
        class_weights: One number for each class.
    Source:
        Kendall & Gal 2017, arXiv:1703.04977, eq. 12. astroNN names this equation, but its code applies the correction F
        twice, takes the log-variance for a standard deviation and adds terms of the whole batch.
    """
    log_mean = log_mean_probabilities(y_pred, draws, seed)
    members, known = one_hot(y_true, log_mean.shape[-1])
    total = -ops.sum(ops.where(known, members * log_mean, ops.zeros_like(log_mean)), axis=-1)
    return total * ops.cast(correction(y_true), total.dtype) * class_weight(members, class_weights)


@loss(head="binary_variance", tasks=("classification",))
def bayesian_binary_crossentropy(y_true, y_pred, draws=25, seed=0, class_weights=None):
    """Binary cross-entropy of the mean probability under noise on the logit, the mean over yes-or-no labels.

    Formula:
        -y ln mean_t p_t - (1 - y) ln mean_t (1 - p_t), p_t = sigmoid(f + exp(s / 2) ε_t), ε_t standard normal
    Args:
        draws: How many.
        seed: Of the draws.
        class_weights: Two numbers, for no (0) and for yes (1).
    Source:
        Kendall & Gal 2017, arXiv:1703.04977, eq. 12. astroNN names this equation, but its code takes the log-variance
        for a standard deviation and adds terms of the whole batch.
    """
    values, known = labels(y_true)
    moments = outputs(y_pred, values.shape[-1], 2)
    log_no, log_yes = log_mean_no_and_yes(moments[:, 0], moments[:, 1], draws, seed)
    entropy = -values * log_yes - (1.0 - values) * log_no
    return mean_over_labels(entropy * yes_or_no_weight(values, class_weights), known)
