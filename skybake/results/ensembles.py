"""The mean of several predictions, of seeds or of passes with dropout: distributions become one equal-weight mixture.

Of Gaussians, of mixtures of them and of Student's t the mixture is kept as it is, exact. Probabilities of bins are
averaged, which is exact too where edges differ, since the density is even within a bin. Quantiles become those of the
mixture of what lies between the seeds' own (:func:`skybake.results.piecewise.between_quantiles`): exact at levels
0.25 % apart and at the seeds' levels, with densities that are even in between. Probabilities of classes are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skybake.results import piecewise
from skybake.results.predictions import Prediction

LEVELS = np.sort([*np.arange(1, 400) / 400, 0.16, 0.84])  # quantiles that tell a mixture of quantiles
CENTRAL = (0.158655, 0.841345)  # half the distance of these quantiles is the standard deviation, as of a single seed


def mean(predictions: Sequence[Prediction]) -> Prediction:
    """Return the ensemble of predictions for the same N objects.

    The point is the mean of points, for classes the most probable one of the averaged probabilities.

    Args:
        predictions: One of each seed or pass, all of the same head.

    Raises:
        ValueError: None is given, or they do not hold the same things, e.g. Student's t of other degrees of freedom.
    """
    if not predictions:
        raise ValueError("no prediction given; expected one of each seed")
    first = predictions[0]
    for other in predictions[1:]:
        if list(other.given()) != list(first.given()) or other.dof != first.dof:
            raise ValueError(f"{_said(other)} found beside {_said(first)}; expected predictions of the same head")
    if first.classes is not None:
        classes = np.mean([one.class_probabilities for one in predictions], axis=0)
        return Prediction(point=classes.argmax(axis=1).astype(np.float64), classes=classes)
    point = np.mean([one.point for one in predictions], axis=0)
    if first.quantiles is not None and first.levels is not None and len(first.levels) > 1:
        return _of_quantiles(point, predictions)
    if first.std is None:
        return Prediction(point=point)
    stds, points = (np.stack([getattr(one, name) for one in predictions], axis=1) for name in ("std", "point"))
    std = np.sqrt(np.mean(np.square(stds) + np.square(points - point[:, None]), axis=1))
    if first.probabilities is not None:
        return _of_bins(point, std, predictions)
    if first.weights is not None:
        parts = {
            name: np.concatenate([getattr(one, name) for one in predictions], axis=1) for name in ("means", "stds")
        }
        weights = np.concatenate([one.weights for one in predictions], axis=1) / len(predictions)
        return Prediction(point=point, std=std, weights=weights, **parts, dof=first.dof)
    weights = np.full(points.shape, 1 / len(predictions))
    return Prediction(point=point, std=std, weights=weights, means=points, stds=stds, dof=first.dof)


def with_parts(predictions: Sequence[Prediction]) -> Prediction:
    """Return :func:`mean` with the :func:`parts` of its uncertainty.

    Raises:
        ValueError: As :func:`mean`.
    """
    together = mean(predictions)
    epistemic, aleatoric = parts(predictions)
    return replace(together, epistemic=epistemic, aleatoric=aleatoric)


def parts(predictions: Sequence[Prediction]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what predictions for the same N objects differ by, epistemic, and what each says of itself, aleatoric.

    Of numbers, in units of the label: the standard deviation of their points, and the root of the mean of their
    variances, None where they have none. The squares add up to the variance of the mixture (of quantiles about, since
    its standard deviation is then half the central 68 %). More data would lower the first; the second is noise that
    stays (Depeweg et al. 2018, arXiv:1710.07283).

    Of classes, in nats: the mutual information of class and network, and the mean of the entropies; their sum is the
    entropy of the averaged probabilities (Houlsby et al. 2011, arXiv:1112.5745).
    """
    first = predictions[0]
    if first.classes is not None:
        each = np.stack([one.class_probabilities for one in predictions])
        aleatoric = _entropy(each).mean(axis=0)
        return np.maximum(_entropy(each.mean(axis=0)) - aleatoric, 0.0), aleatoric
    epistemic = np.std([one.point for one in predictions], axis=0)
    stds = [one.std for one in predictions if one.std is not None]
    return epistemic, np.sqrt(np.mean(np.square(stds), axis=0)) if stds else None


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy (...,) of probabilities (..., classes) in nats; where trainings run there is no scipy."""
    logarithms = np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.asarray(-(probabilities * logarithms).sum(axis=-1))


def _said(prediction: Prediction) -> str:
    return ", ".join(prediction.given()) + ("" if prediction.dof is None else f" ({prediction.dof:g})")


def _of_bins(point: np.ndarray, std: np.ndarray, predictions: Sequence[Prediction]) -> Prediction:
    """Average the probabilities of the bins that lie between all edges of all seeds."""
    known = [
        (one.probabilities, one.edges) for one in predictions if one.probabilities is not None and one.edges is not None
    ]
    edges = np.unique(np.concatenate([own for _, own in known]))
    wide = np.broadcast_to(edges, (len(point), len(edges)))
    each = [piecewise.of_bins(*one).cdf(wide) for one in known]
    return Prediction(point=point, std=std, probabilities=np.diff(np.mean(each, axis=0), axis=1), edges=edges)


def _of_quantiles(point: np.ndarray, predictions: Sequence[Prediction]) -> Prediction:
    """Return quantiles of the mixture of what lies between the quantiles of each seed."""
    each = [(one.quantiles, one.levels) for one in predictions if one.quantiles is not None and one.levels is not None]
    levels = np.unique(np.concatenate([LEVELS, *(known for _, known in each)]))
    mixture = piecewise.pooled([piecewise.between_quantiles(*known) for known in each])
    low, high = mixture.quantile(CENTRAL).T
    return Prediction(point=point, std=0.5 * (high - low), quantiles=mixture.quantile(levels.tolist()), levels=levels)
