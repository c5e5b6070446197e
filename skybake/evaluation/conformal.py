"""Conformal prediction: intervals and sets of classes that hold the truth as often as they say, whatever the network.

The validation part tells how large a region must be, by a score of each of its labelled objects, and the test part how
often such regions hold the truth. A label is in the region of an object where its score is at most ``threshold``:

- ``"absolute"``, of points: ``|y - point|``.
- ``"normalised"``, of Gaussians and Student's t: ``|y - point| / std`` (Lei et al. 2018, JASA 113, 1094, section 5.2).
- ``"quantiles"``, of quantiles, bins and mixtures: ``max(low - y, y - high)`` with the central interval from low to
  high that the distribution has at the same level (Romano, Patterson & Candès 2019, NeurIPS 32, eq. 6).
- ``"adaptive"``, of classes: the probability of all classes that are at least as probable as y (Romano, Sesia & Candès
  2020, NeurIPS 33, eq. 8 with u = 1). No number is drawn, which makes sets larger than need be; the most probable class
  is always among them, so that they hold the truth at least as often as it does.

The threshold is a quantile of the scores of G groups, each of the weight 1 / (G + 1) that its N objects share evenly,
and of infinity with the weight 1 / (G + 1) that is left: hierarchical conformal prediction (Lee, Barber & Willett 2023,
arXiv:2306.06342, section 3), with at least the nominal coverage of an object of a new group. Where the split does not
keep groups whole every object is a group of its own, and this is split conformal prediction. With fewer than
level / (1 - level) groups no finite threshold will do.

The promise rests on the validation part being like the objects that are predicted. It was used to stop the training and
to choose, which makes its scores a little too small: the coverage of the test part shows how little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skybake.missing import present
from skybake.results import distributions
from skybake.results.predictions import Predicted, Prediction

LEVELS = (0.68, 0.95)
ABSOLUTE, NORMALISED, QUANTILES, ADAPTIVE = "absolute", "normalised", "quantiles", "adaptive"


@dataclass(frozen=True)
class Calibration:
    """What regions of new objects are made by.

    Attributes:
        score: ``"absolute"``, ``"normalised"``, ``"quantiles"`` or ``"adaptive"``.
        levels: (L,) nominal ones.
        thresholds: (L,) largest scores inside: in units of the label, of ``std``, or a probability; infinite where too
            few groups are known.
        n, groups: Objects and groups that they rest on.
    """

    score: str
    levels: tuple[float, ...]
    thresholds: tuple[float, ...]
    n: int
    groups: int

    def intervals(self, prediction: Prediction) -> np.ndarray:
        """Return low and high ends (N, L, 2), in units of the label; empty ones have low above high."""
        point, room = prediction.point[:, None], np.asarray(self.thresholds)
        if self.score == NORMALISED and prediction.std is not None:
            room = room * np.maximum(prediction.std, distributions.TINY)[:, None]
        low, high = (point, point) if self.score != QUANTILES else _central(prediction, self.levels)
        return np.stack([low - room, high + room], axis=-1)

    def sets(self, prediction: Prediction) -> np.ndarray:
        """Return whether a class is in the set of an object, (N, L, K)."""
        scores = _adaptive(prediction.class_probabilities)
        first = scores <= scores.min(axis=1, keepdims=True)  # of the most probable class
        return (scores[:, None, :] <= np.asarray(self.thresholds)[:, None]) | first[:, None, :]


def calibrate(
    part: Predicted, groups: np.ndarray | None = None, levels: Sequence[float] = LEVELS
) -> Calibration | None:
    """Find how large regions must be; None where a prediction is no number.

    Args:
        part: Objects that the network was not fitted to; those without a label are left out.
        groups: (n,) names of the groups of those with a label, where the split keeps groups whole.
        levels: Nominal coverages, between 0 and 1.
    """
    known = present(part.label)
    label, prediction = np.asarray(part.label, dtype=np.float64)[known], part.prediction.select(known)
    score, scores = _scores(label, prediction, levels)
    if not len(label) or not np.isfinite(scores).all():
        return None
    names = np.arange(len(label)) if groups is None else groups
    thresholds = tuple(threshold(of_level, names, level) for of_level, level in zip(scores.T, levels, strict=True))
    return Calibration(score, tuple(levels), thresholds, len(label), len(np.unique(names)))


def threshold(scores: np.ndarray, groups: np.ndarray, level: float) -> float:
    """Return the quantile of scores (n,) of objects in groups (n,) that a new one stays below with at least ``level``.

    Each group has the same weight, and the new object's the same again, at infinity.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(1 / sizes[codes[order]])  # in units of a group
    inside = np.flatnonzero(below >= level * (len(sizes) + 1) - 1e-9)
    return float(scores[order[inside[0]]]) if inside.size else float("inf")


def _scores(label: np.ndarray, prediction: Prediction, levels: Sequence[float]) -> tuple[str, np.ndarray]:
    """Return which score it is, and the scores (n, L)."""
    if prediction.classes is not None:
        scores = _adaptive(prediction.classes)[np.arange(len(label)), label.astype(np.int64)]
        return ADAPTIVE, np.repeat(scores[:, None], len(levels), axis=1)
    distribution = distributions.of(prediction)
    if distribution is None or isinstance(distribution, distributions.Normal | distributions.StudentT):
        away = np.abs(label - prediction.point)
        std = None if distribution is None else distribution.std
        scores = away if std is None else away / std
        return ABSOLUTE if std is None else NORMALISED, np.repeat(scores[:, None], len(levels), axis=1)
    low, high = _central(prediction, levels)
    return QUANTILES, np.maximum(low - label[:, None], label[:, None] - high)


def _central(prediction: Prediction, levels: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (N, L) of the central intervals that a distribution has."""
    ends = [(1 - level) / 2 for level in levels]
    found = distributions.required(prediction).quantile([*ends, *(1 - end for end in ends)])
    return found[:, : len(ends)], found[:, len(ends) :]


def _adaptive(probabilities: np.ndarray) -> np.ndarray:
    """Return the probability (N, K) of a class and of all that are more probable; of equal ones the first counts so."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    found = np.empty_like(probabilities)
    np.put_along_axis(found, order, np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1), axis=1)
    return found
