"""What a prediction is worth for each class alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from sklearn import metrics


@dataclass(frozen=True)
class PerClass:
    """Of one class, seeds together; NaN where there is nothing to divide by.

    Attributes:
        objects: Test objects that are of it.
        precision: Fraction that is of the class among what is predicted so.
        recall: Fraction that is predicted so among what is of the class.
        f1: Harmonic mean of the two.
        roc_auc: Area under the ROC curve of the class against the rest.
    """

    objects: int
    precision: float
    recall: float
    f1: float
    roc_auc: float


def per_class(label: np.ndarray, classes: np.ndarray) -> list[PerClass]:
    """Judge every class; the predicted class is the most probable one.

    Args:
        label: (n,) class numbers.
        classes: (S, n, K) probabilities of S seeds, finite.

    Returns:
        K of them.
    """
    predicted = classes.argmax(axis=-1)
    return [_of(label == kind, predicted == kind, classes[..., kind]) for kind in range(classes.shape[-1])]


def _of(member: np.ndarray, said: np.ndarray, probability: np.ndarray) -> PerClass:
    right = int((said & member).sum())
    claimed, there = int(said.sum()), int(member.sum()) * len(said)
    return PerClass(
        objects=int(member.sum()),
        precision=right / claimed if claimed else math.nan,
        recall=right / there if there else math.nan,
        f1=2 * right / (claimed + there) if there else math.nan,
        roc_auc=_area(member, probability),
    )


def _area(member: np.ndarray, probability: np.ndarray) -> float:
    if member.all() or not member.any():
        return math.nan
    return float(metrics.roc_auc_score(np.tile(member, len(probability)), probability.ravel()))
