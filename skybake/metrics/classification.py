"""Metrics of classifications: labels are class numbers 0 to K - 1, predictions probabilities (N, K).

Objects without a label are left out. The predicted class is the most probable one.
"""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from skybake.metrics import FRACTION, SCALE, Measured
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


def scores(label: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is measured of each object that has a label, (n,) each, for means and bootstrap draws.

    ``correct`` 1 or 0; ``brier`` as in :func:`brier`; ``log_loss`` -ln p of the true class.
    """
    numbers, classes, _ = known(label, classes)
    true = np.take_along_axis(classes, numbers[:, None], axis=1)[:, 0]
    squares = np.square(classes - np.eye(classes.shape[1])[numbers]).sum(axis=1)
    return {
        "correct": (classes.argmax(axis=1) == numbers).astype(np.float64),
        "brier": squares / 2 if classes.shape[1] == 2 else squares,
        "log_loss": -np.log(np.maximum(true, np.finfo(np.float64).eps)),
    }


def confusion(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how many objects of each class (rows) were taken for each class (columns), (K, K)."""
    numbers, classes, weights = known(label, classes, weights)
    return metrics.confusion_matrix(
        numbers, classes.argmax(axis=1), labels=range(classes.shape[1]), sample_weight=weights
    )


def ece(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error, sum over bins of (n_b / N) |accuracy - confidence|.

    Confidence is the probability of the predicted class; its bins, from 0 to 1, are equally wide (Naeini, Cooper &
    Hauskrecht 2015, AAAI, 2901).
    """
    weights = known(label, classes, weights)[2]
    confidence, right, place = _confidence(label, classes, bins)
    gaps = np.bincount(place, weights * (right - confidence), minlength=bins)
    return float(np.abs(gaps).sum() / weights.sum())


def reliability(label: np.ndarray, classes: np.ndarray, bins: int = ECE_BINS) -> list[Bin]:
    """Return the bins of :func:`ece`: in each the mean ``confidence`` and the ``accuracy``, NaN without objects."""
    confidence, right, place = _confidence(label, classes, bins)
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


def _confidence(label: np.ndarray, classes: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of each object that has a label (n,): probability of the predicted class, whether it is right, the bin."""
    numbers, classes, _ = known(label, classes)
    confidence = classes.max(axis=1)
    return confidence, classes.argmax(axis=1) == numbers, np.minimum((confidence * bins).astype(np.int64), bins - 1)


def roc_auc(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the area under the ROC curve of class 1 of two, or its mean over classes, each against the rest.

    NaN where a class has no object.
    """
    numbers, classes, weights = known(label, classes, weights)
    return _mean_over_classes(metrics.roc_auc_score, numbers, classes, weights)


def pr_auc(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the average precision of class 1 of two, or its mean over classes, each against the rest.

    NaN where a class has no object.
    """
    numbers, classes, weights = known(label, classes, weights)
    return _mean_over_classes(metrics.average_precision_score, numbers, classes, weights)


def _mean_over_classes(area, numbers: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> float:
    count = classes.shape[1]
    if len(np.unique(numbers)) < count:
        return float("nan")
    kinds = [1] if count == 2 else range(count)
    return float(np.mean([area(numbers == kind, classes[:, kind], sample_weight=weights) for kind in kinds]))


def accuracy(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the fraction of objects whose class is right."""
    numbers, classes, weights = known(label, classes, weights)
    return float(metrics.accuracy_score(numbers, classes.argmax(axis=1), sample_weight=weights))


def balanced_accuracy(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean over classes of the fraction of their objects that are right; absent classes do not count."""
    table = confusion(label, classes, weights)
    present_classes = table.sum(axis=1) > 0
    return float(np.mean(table.diagonal()[present_classes] / table.sum(axis=1)[present_classes]))


def brier(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the Brier score: the mean of (p - y)² of class 1 of two, or of its sum over more classes.

    Brier 1950, Mon. Weather Rev. 78, 1; as scikit-learn, two classes are not counted twice.
    """
    return float(np.average(scores(label, classes)["brier"], weights=known(label, classes, weights)[2]))


def log_loss(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean of -ln p of the true class; p counts as at least 2.2e-16."""
    return float(np.average(scores(label, classes)["log_loss"], weights=known(label, classes, weights)[2]))


METRICS = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "brier": brier,
    "ece": ece,
    "log_loss": log_loss,
}


KINDS = {"accuracy": FRACTION, "balanced_accuracy": FRACTION, "brier": SCALE, "log_loss": SCALE}


def measure(label: np.ndarray, classes: np.ndarray, weights: np.ndarray | None = None) -> dict[str, Measured]:
    """Return every metric of this family but the confusion matrix.

    Args:
        label: (N,) class numbers, -9999 or NaN where missing.
        classes: (N, K) probabilities, or (S, N, K) of several seeds, which are pooled.
        weights: (N,), not negative.

    Raises:
        ValueError: Shapes do not agree, a label is no class number, or no object has a label.
    """
    classes = np.asarray(classes, dtype=np.float64)
    if classes.ndim == 3:
        label = np.tile(label, len(classes))
        weights = None if weights is None else np.tile(weights, len(classes))
        classes = classes.reshape(-1, classes.shape[-1])
    used = len(known(label, classes)[0])
    if not used:
        raise ValueError(f"none of {len(label)} objects has a label: all are NaN or -9999")
    return {name: Measured(metric(label, classes, weights), used) for name, metric in METRICS.items()}
