"""Metrics of predictive distributions, in whatever form: Gaussian, Student's t, mixture, quantiles or bins.

:func:`scores` gives numbers for each object; every statistic takes such numbers of shape (..., n) and reduces the last
axis, so that one call serves one run or thousands of bootstrap draws. Objects without a label are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from skybake.metrics import FRACTION, SCALE, Measured
from skybake.missing import present
from skybake.results import distributions
from skybake.results.predictions import Prediction

Statistic = Callable[..., np.ndarray]
LEVELS = (0.68, 0.95)  # of central intervals whose coverage is told
COVERAGE = "coverage_{:g}"  # name of the metric, by per cent
CENTRAL = (0.16, 0.84)  # ends of the interval whose width is the sharpness


def scores(label: np.ndarray, prediction: Prediction) -> dict[str, np.ndarray]:
    """Return what is measured of each object that has a label, (n,) each; empty if nothing but a point is predicted.

    ``pit`` F(y); ``crps`` in units of the label; ``nll`` -ln f(y); ``cde`` the integral of f² minus 2 f(y), per unit of
    the label; ``width`` of the central 68 %, in units of the label.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        prediction: Of the same objects.

    Raises:
        ValueError: The numbers of objects differ.
    """
    label = np.asarray(label, dtype=np.float64)
    if label.shape != (len(prediction),):
        raise ValueError(f"labels of shape {label.shape} found; expected ({len(prediction)},), as predictions")
    known = present(label)
    distribution = distributions.of(prediction.select(known))
    if distribution is None or not known.any():
        return {}
    label = label[known]
    low, high = distribution.quantile(CENTRAL).T
    return {
        "pit": distribution.cdf(label),
        "crps": distribution.crps(label),
        "nll": -distribution.log_pdf(label),
        "cde": distribution.square_integral() - 2 * distribution.pdf(label),
        "width": high - low,
    }


def mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of values (..., n), with weights of the same shape or (n,)."""
    if weights is None:
        return np.mean(values, axis=-1)
    return np.sum(weights * values, axis=-1) / np.sum(np.broadcast_to(weights, np.shape(values)), axis=-1)


def ks(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the Kolmogorov-Smirnov distance of PIT values (..., n) from a uniform distribution; 0 is calibrated.

    With weights the steps of the empirical distribution are as high as these.
    """
    pit = np.asarray(pit)
    order = np.argsort(pit, axis=-1)
    ordered = np.take_along_axis(pit, order, axis=-1)
    steps = np.broadcast_to(1.0 if weights is None else weights, pit.shape)
    steps = np.take_along_axis(steps / steps.sum(axis=-1, keepdims=True), order, axis=-1)
    above = np.cumsum(steps, axis=-1)
    below = above - steps
    return np.maximum(above - ordered, ordered - below).max(axis=-1)


def coverage(pit: np.ndarray, weights: np.ndarray | None = None, *, level: float) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central interval of a level."""
    return mean(np.abs(2 * np.asarray(pit) - 1) <= level, weights)


def coverage_curve(
    pit: np.ndarray, levels: Sequence[float] | np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the coverage (L,) of central intervals of several levels, for PIT values (n,)."""
    return np.array([coverage(pit, weights, level=level) for level in levels])


def statistics(levels: Sequence[float] = LEVELS) -> dict[str, tuple[str, Statistic]]:
    """Return the metrics by name: the score each is made of, and how it is reduced."""
    return {
        "pit_ks": ("pit", ks),
        "crps": ("crps", mean),
        "nll": ("nll", mean),
        "cde_loss": ("cde", mean),
        **{COVERAGE.format(100 * level): ("pit", partial(coverage, level=level)) for level in levels},
        "sharpness": ("width", mean),
    }


def kinds(levels: Sequence[float] = LEVELS) -> dict[str, str]:
    """Return the kinds of the metrics by name, as :mod:`skybake.metrics` has them; what is left out is another."""
    return {"crps": SCALE, **{COVERAGE.format(100 * level): FRACTION for level in levels}}


def measure(
    label: np.ndarray, predictions: Prediction | Sequence[Prediction], weights: np.ndarray | None = None
) -> dict[str, Measured]:
    """Return every metric of this family.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        predictions: Of the same objects; those of several seeds are pooled.
        weights: (N,) of the objects, not negative.

    Returns:
        Name -> value and number of labels used; empty if nothing but a point is predicted.

    Raises:
        ValueError: The numbers of objects differ.
    """
    many = [predictions] if isinstance(predictions, Prediction) else list(predictions)
    each = [scores(label, prediction) for prediction in many]
    if not each or not all(each):
        return {}
    pooled = {name: np.concatenate([found[name] for found in each]) for name in each[0]}
    weights = None if weights is None else np.tile(np.asarray(weights, dtype=np.float64)[present(label)], len(many))
    return _reduced(pooled, weights)


def _reduced(pooled: Mapping[str, np.ndarray], weights: np.ndarray | None) -> dict[str, Measured]:
    return {
        name: Measured(float(statistic(pooled[score], weights)), len(pooled[score]))
        for name, (score, statistic) in statistics().items()
    }
