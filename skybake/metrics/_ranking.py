"""Areas under the curves of scores for many draws of objects at once; the scores are sorted once for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def times_drawn(rows: np.ndarray) -> np.ndarray:
    """Return how often each object is in a draw: (D, n) for rows (D, n)."""
    draws, n = rows.shape
    places = rows + n * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def mean_area(area: Callable, rankings: list[Ranking], rows: np.ndarray) -> np.ndarray:
    """Return the mean area (D,) over classes, each with its ranking, of drawn objects (D, n)."""
    weights = times_drawn(rows)
    return np.mean([area(item, weights) for item in rankings], axis=0)


@dataclass(frozen=True)
class Ranking:
    """Scores of objects that are of a class and of those that are not, sorted once for all draws of objects.

    Attributes:
        yes, no: (P,), (M,) object of each score, in ascending order of the score; an object has one of each seed.
        same: (P,) place of the first score of ``yes`` that is no smaller.
        below, up_to: (P,) how many scores of ``no`` are smaller; are smaller or the same.
    """

    yes: np.ndarray
    no: np.ndarray
    same: np.ndarray
    below: np.ndarray
    up_to: np.ndarray

    def roc_auc(self, weights: np.ndarray) -> np.ndarray:
        """Return the areas (D,) under the ROC curve for weights (D, n) of objects; NaN where a side has none."""
        yes, no = weights[:, self.yes], _cumulative(weights[:, self.no])
        won = (yes * 0.5 * (no[:, self.below] + no[:, self.up_to])).sum(axis=1)
        return _ratio(won, yes.sum(axis=1) * no[:, -1])

    def pr_auc(self, weights: np.ndarray) -> np.ndarray:
        """Return the average precisions (D,) for weights (D, n) of objects; NaN where a side has none."""
        yes = weights[:, self.yes]
        ours, others = _cumulative(yes), _cumulative(weights[:, self.no])
        ours, others = ours[:, -1:] - ours[:, self.same], others[:, -1:] - others[:, self.below]
        precision = ours / np.maximum(ours + others, 1)
        found = _ratio((yes * precision).sum(axis=1), yes.sum(axis=1))
        return np.where(weights[:, self.no].any(axis=1), found, np.nan)


def ranking(member: np.ndarray, scores: np.ndarray) -> Ranking:
    """Sort scores (S, n) of objects that are members (n,) of a class or not."""
    objects = np.tile(np.arange(len(member)), len(scores))
    scores, inside = scores.ravel(), np.tile(member, len(scores))
    yes, no = scores[inside], scores[~inside]
    up, down = np.argsort(yes, kind="stable"), np.argsort(no, kind="stable")
    yes, no = yes[up], no[down]
    return Ranking(
        yes=objects[inside][up],
        no=objects[~inside][down],
        same=np.searchsorted(yes, yes, side="left"),
        below=np.searchsorted(no, yes, side="left"),
        up_to=np.searchsorted(no, yes, side="right"),
    )


def _cumulative(weights: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)
