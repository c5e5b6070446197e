"""Classification: cross-entropies.

Labels are class numbers or memberships; their number of columns tells which. In ``class_weights`` stands one number for
each class, by which the loss of its objects is multiplied. A bake-off also takes them by the class's name or number,
``class_weights: {source: 5}``, and 1 for what is not given; ``balanced`` there gives every class the same weight in
total, N / (K n_k) for n_k of the N training objects in one of K classes. The validation loss has the weights of the
training loss, so the best epoch is chosen by it; accuracies and all metrics are without weights.
"""

from keras import ops

from skybake.losses import loss
from skybake.losses._classes import EPSILON, check_weights, class_weight, log_probabilities, one_hot
from skybake.losses._rows import correction, labels, mean_over_labels, outputs

LIMITS = {
    "from_logits": {},
    "gamma": {"at_least": 0},
    "class_weights": {"one_of": ["balanced"], "kind": "numbers by class", "above": 0},
}


@loss(head="logits", tasks=("classification",), aliases=("sparse_categorical_crossentropy",))
def categorical_crossentropy(y_true, y_pred, from_logits=True, class_weights=None):
    """Categorical cross-entropy of classes that exclude each other, given as numbers or as memberships.

    Formula:
        -F sum_k y_k ln p_k over the known k, p = softmax of the outputs
    Args:
        from_logits: Whether outputs are logits; else they are probabilities, kept 1e-7 away from 0 and 1.
        class_weights: One number for each class.
    Source:
        Bridle 1990, in Neurocomputing, NATO ASI F68, 227; astroNN (Leung & Bovy 2019, arXiv:1808.04428).
    """
    log_probability = log_probabilities(y_pred, from_logits)
    members, known = one_hot(y_true, log_probability.shape[-1])
    total = -ops.sum(ops.where(known, members * log_probability, ops.zeros_like(log_probability)), axis=-1)
    return total * _known_share(y_true, total) * class_weight(members, class_weights)


def _known_share(y_true, like):
    return ops.cast(correction(y_true), like.dtype)


@loss(head="logits", tasks=("classification",))
def focal(y_true, y_pred, gamma=2.0, from_logits=True, class_weights=None):
    """Focal loss: cross-entropy that dwells on what is still wrong.

    Formula:
        -F sum_k y_k (1 - p_k)^gamma ln p_k over the known k, p = softmax of the outputs
    Args:
        gamma: How much what is right already is played down; 0 is cross-entropy.
        from_logits: Whether outputs are logits; else they are probabilities, kept 1e-7 away from 0 and 1.
        class_weights: One number for each class; the paper's alpha.
    Source:
        Lin et al. 2017, arXiv:1708.02002, eq. 5.
    """
    log_probability = log_probabilities(y_pred, from_logits)
    members, known = one_hot(y_true, log_probability.shape[-1])
    # Above zero: the power of zero has no finite gradient where gamma is below 1.
    doubt = ops.power(ops.maximum(-ops.expm1(log_probability), EPSILON), gamma)
    total = -ops.sum(ops.where(known, members * doubt * log_probability, ops.zeros_like(log_probability)), axis=-1)
    return total * _known_share(y_true, total) * class_weight(members, class_weights)


@loss(head="binary", tasks=("classification",))
def binary_crossentropy(y_true, y_pred, from_logits=True, class_weights=None):
    """Binary cross-entropy, the mean over an object's yes-or-no labels.

    Formula:
        -y ln p - (1 - y) ln(1 - p), p = sigmoid of the output
    Args:
        from_logits: Whether outputs are logits; else they are probabilities, kept 1e-7 away from 0 and 1.
        class_weights: Two numbers, for no (0) and for yes (1).
    Source:
        Keras, keras.losses.BinaryCrossentropy; astroNN (Leung & Bovy 2019, arXiv:1808.04428).
    """
    values, known = labels(y_true)
    predicted = outputs(y_pred, values.shape[-1])
    if from_logits:
        entropy = values * ops.softplus(-predicted) + (1.0 - values) * ops.softplus(predicted)
    else:
        probability = ops.clip(predicted, EPSILON, 1.0 - EPSILON)
        entropy = -values * ops.log(probability) - (1.0 - values) * ops.log(1.0 - probability)
    return mean_over_labels(entropy * yes_or_no_weight(values, class_weights), known)


def yes_or_no_weight(values, class_weights):
    """Return the weight of each yes-or-no label (batch, L); 1 without weights."""
    if class_weights is None:
        return 1.0
    check_weights(class_weights, 2)
    return class_weights[0] + (class_weights[1] - class_weights[0]) * values
