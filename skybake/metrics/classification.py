"""Metrics of classifications: labels are class numbers 0 to K - 1, predictions probabilities (N, K).

Objects without a label are left out. The predicted class is the most probable one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from sklearn import metrics

from skybake.metrics import metric
from skybake.metrics._ranking import Ranking, mean_area, ranking, times_drawn
from skybake.metrics.in_bins import Bin
from skybake.missing import present

ECE_BINS = 15  # Guo et al. 2017, arXiv:1706.04599, section 5


def known(
    label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class numbers (n,), probabilities (n, K) and weights (n,) of the objects that have a label.

    Args:
        label: (N,) class numbers, -9999 or NaN where missing.
        classes: (N, K) probabilities.
        weights: (N,), not negative; 1 by default.

    Raises:
        ValueError: Shapes do not agree, or a label is no class number.
    """
    label, classes = np.asarray(label, dtype=np.float64), np.asarray(classes, dtype=np.float64)
    if classes.ndim != 2 or label.shape != classes.shape[:1]:
        raise ValueError(
            f"probabilities of shape {classes.shape} for labels of shape {label.shape}; expected (N, K), (N,)"
        )
    is_known = present(label)
    weights = np.ones(len(label)) if weights is None else np.asarray(weights, dtype=np.float64)
    numbers = label[is_known].astype(np.int64)
    wrong = (numbers != label[is_known]) | (numbers < 0) | (numbers >= classes.shape[1])
    if wrong.any():
        raise ValueError(f"class {label[is_known][wrong][0]:g} found; expected 0 to {classes.shape[1] - 1}")
    return numbers, classes[is_known], weights[is_known]


def confusion(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how many objects of each class (rows) were taken for each class (columns), (K, K)."""
    numbers, classes, weights = known(label, classes, weights)
    return metrics.confusion_matrix(
        numbers, classes.argmax(axis=1), labels=range(classes.shape[1]), sample_weight=weights
    )


@metric(
    of="classes",
    head="ECE",
    said="expected calibration error: mean difference of confidence and accuracy",
    shown="first",
    order=70,
    per_seed=True,
    tex="ECE",
)
def ece(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error, sum over bins of (n_b / N) |accuracy - confidence|.

    Confidence is the probability of the predicted class; its bins, from 0 to 1, are equally wide (Naeini, Cooper &
    Hauskrecht 2015, AAAI, 2901).
    """
    weights = known(label, classes, weights)[2]
    confidence, right, place = in_confidence(label, classes, bins)
    gaps = np.bincount(place, weights * (right - confidence), minlength=bins)
    return float(np.abs(gaps).sum() / weights.sum())


def reliability(label: np.ndarray, classes: np.ndarray, bins: int = ECE_BINS) -> list[Bin]:
    """Return the bins of :func:`ece`: in each the mean ``confidence`` and the ``accuracy``, NaN without objects."""
    confidence, right, place = in_confidence(label, classes, bins)
    found = []
    for number in range(bins):
        here = place == number
        means = {
            name: float(values[here].mean()) if here.any() else float("nan")
            for name, values in (("confidence", confidence), ("accuracy", right))
        }
        middle = float(np.median(confidence[here])) if here.any() else float("nan")
        found.append(Bin(number / bins, (number + 1) / bins, middle, int(here.sum()), means))
    return found


def in_confidence(
    label: np.ndarray, classes: np.ndarray, bins: int = ECE_BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each object that has a label (n,): probability of the predicted class, whether it is right, the bin."""
    numbers, classes, _ = known(label, classes)
    confidence = classes.max(axis=1)
    return confidence, classes.argmax(axis=1) == numbers, np.minimum((confidence * bins).astype(np.int64), bins - 1)


@metric(
    of="classes",
    head="ROC AUC",
    said="area under the ROC curve; of several classes their mean",
    shown="first",
    order=40,
    interval="roc_auc_of_draws",
    per_seed=True,
    tex="ROC AUC",
)
def roc_auc(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the area under the ROC curve of class 1 of two, or its mean over classes, each against the rest.

    NaN where a class has no object.
    """
    numbers, classes, weights = known(label, classes, weights)
    return _mean_over_classes(metrics.roc_auc_score, numbers, classes, weights)


@metric(
    of="classes",
    head="PR AUC",
    said="average precision; of several classes their mean",
    shown="first",
    order=50,
    interval="pr_auc_of_draws",
    per_seed=True,
)
def pr_auc(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the average precision of class 1 of two, or its mean over classes, each against the rest.

    NaN where a class has no object.
    """
    numbers, classes, weights = known(label, classes, weights)
    return _mean_over_classes(metrics.average_precision_score, numbers, classes, weights)


def roc_auc_of_draws(label: np.ndarray, classes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of drawn objects (D, n), of labels (n,) and the probabilities (S, n, K) of all seeds."""
    return partial(mean_area, Ranking.roc_auc, _rankings(label, classes))


def pr_auc_of_draws(label: np.ndarray, classes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of drawn objects (D, n), of labels (n,) and the probabilities (S, n, K) of all seeds."""
    return partial(mean_area, Ranking.pr_auc, _rankings(label, classes))


def _rankings(label: np.ndarray, classes: np.ndarray) -> list[Ranking]:
    return [ranking(label == kind, classes[..., kind]) for kind in _kinds(classes.shape[-1])]


def _kinds(count: int) -> Sequence[int]:
    """Return the classes that areas are of: the second one of two, or all."""
    return [1] if count == 2 else range(count)


def _mean_over_classes(area, numbers: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> float:
    count = classes.shape[1]
    if len(np.unique(numbers)) < count:
        return float("nan")
    each = [area(numbers == kind, classes[:, kind], sample_weight=weights) for kind in _kinds(count)]
    return float(np.mean(each))


@metric(
    of="class_scores",
    head="Accuracy",
    said="fraction of the objects whose class is right",
    shown="first",
    order=10,
    interval=True,
    kind="fraction",
    per_seed=True,
    over_seeds="page",
    valid=True,
    compared=True,
    headline="accuracy",
    tex="Accuracy",
    tex_interval=True,
)
def accuracy(label: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return 1 for each object (n,) whose class is right, 0 for others."""
    numbers, classes, _ = known(label, classes)
    return (classes.argmax(axis=1) == numbers).astype(np.float64)


@metric(
    of="classes",
    head="Balanced accuracy",
    said="mean over classes of the fraction of their objects that are right",
    shown="first",
    order=20,
    interval="balanced_accuracy_of_draws",
    kind="fraction",
    per_seed=True,
    headline="balanced accuracy",
    tex="Balanced",
)
def balanced_accuracy(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean over classes of the fraction of their objects that are right; absent classes do not count."""
    table = confusion(label, classes, weights)
    present_classes = table.sum(axis=1) > 0
    return float(np.mean(table.diagonal()[present_classes] / table.sum(axis=1)[present_classes]))


def balanced_accuracy_of_draws(label: np.ndarray, classes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of drawn objects (D, n), of labels (n,) and the probabilities (S, n, K) of all seeds.

    A class that is not drawn does not count.
    """
    right_in = np.stack([accuracy(label, found) for found in classes]).mean(axis=0)
    member = np.eye(classes.shape[-1])[label]

    def balanced(rows: np.ndarray) -> np.ndarray:
        weights = times_drawn(rows)
        drawn = weights @ member
        right = weights @ (right_in[:, None] * member)
        return np.sum(right / np.maximum(drawn, 1), axis=-1) / np.sum(drawn > 0, axis=-1)

    return balanced


@metric(
    of="class_scores",
    head="Brier",
    said="mean squared error of the probabilities",
    shown="first",
    order=60,
    interval=True,
    kind="scale",
    per_seed=True,
)
def brier(label: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the Brier score (n,): (p - y)² of class 1 of two, or its sum over more classes.

    Brier 1950, Mon. Weather Rev. 78, 1; as scikit-learn, two classes are not counted twice.
    """
    numbers, classes, _ = known(label, classes)
    squares = np.square(classes - np.eye(classes.shape[1])[numbers]).sum(axis=1)
    return squares / 2 if classes.shape[1] == 2 else squares


@metric(
    of="class_scores",
    head="Log loss",
    said="mean negative logarithm of the probability of the true class",
    shown="first",
    order=30,
    interval=True,
    kind="scale",
    per_seed=True,
    over_seeds="csv",
    valid=True,
    compared=True,
    headline="log loss",
    tex="Log loss",
    tex_interval=True,
)
def log_loss(label: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return -ln p of the true class, (n,); p counts as at least 2.2e-16."""
    numbers, classes, _ = known(label, classes)
    true = np.take_along_axis(classes, numbers[:, None], axis=1)[:, 0]
    return -np.log(np.maximum(true, np.finfo(np.float64).eps))
