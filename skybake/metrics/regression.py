"""Metrics of point estimates; an error is always predicted minus true.

Every statistic takes errors of shape (..., n) and reduces the last axis, so that one call serves one run or thousands
of bootstrap draws. A NaN error (the network gave no finite number) makes the result NaN: it must not vanish from it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from skybake.metrics import FRACTION, SCALE, Measured
from skybake.missing import MAGIC, present

Statistic = Callable[[np.ndarray], np.ndarray]

DIFFERENCE = "predicted - true"
RELATIVE = "(predicted - true) / (1 + true)"  # of redshifts
FORMULAS = (DIFFERENCE, RELATIVE)
"""Errors of a prediction; a dataset says which is its label's."""
KINDS = {"std_error": SCALE, "rmse": SCALE, "mae": SCALE, "outlier_fraction": FRACTION}
NORMAL_MAD = 1.4826  # the standard deviation of a Gaussian whose median absolute deviation is 1


def errors(label: np.ndarray, point: np.ndarray, formula: str = DIFFERENCE) -> np.ndarray:
    """Return the errors of the objects that have a label.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (..., N) predictions, e.g. one row per seed.
        formula: One of :data:`FORMULAS`.

    Returns:
        (..., n) for the n objects with a label; NaN where the prediction is not finite.

    Raises:
        ValueError: The last axis of ``point`` is not that of ``label``.
    """
    label, point = np.asarray(label, dtype=np.float64), np.asarray(point, dtype=np.float64)
    if point.shape[-1:] != label.shape or label.ndim != 1:
        raise ValueError(
            f"predictions of shape {point.shape} for labels of shape {label.shape}; expected (..., N), (N,)"
        )
    known = present(label)
    label, point = label[known], point[..., known]
    found = np.where(np.isfinite(point), point, np.nan) - label
    return found / (1 + label) if formula == RELATIVE else found


def mean_error(d: np.ndarray) -> np.ndarray:
    """Return the mean of errors (..., n): the bias."""
    return np.mean(d, axis=-1)


def median_error(d: np.ndarray) -> np.ndarray:
    """Return the median of errors (..., n)."""
    # A sort, since numpy's is vectorised by the processor: three times as fast as np.median's partition here.
    ordered = np.sort(d, axis=-1)
    n = ordered.shape[-1]
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    return np.where(np.isnan(ordered[..., -1]), np.nan, middle)


def std_error(d: np.ndarray) -> np.ndarray:
    """Return the standard deviation of errors (..., n) about their mean, with divisor n (``ddof=0``)."""
    return np.std(d, axis=-1)


def nmad(d: np.ndarray) -> np.ndarray:
    """Return 1.4826 median|d - median d| of errors (..., n)."""
    return NORMAL_MAD * median_error(np.abs(d - median_error(d)[..., None]))


def rmse(d: np.ndarray) -> np.ndarray:
    """Return the root of the mean square of errors (..., n)."""
    return np.sqrt(np.mean(np.square(d), axis=-1))


def mae(d: np.ndarray) -> np.ndarray:
    """Return the mean absolute value of errors (..., n)."""
    return np.mean(np.abs(d), axis=-1)


def outlier_fraction(d: np.ndarray, threshold: float) -> np.ndarray:
    """Return the fraction of errors (..., n) with |d| > ``threshold``."""
    return np.where(np.isnan(d).any(axis=-1), np.nan, np.mean(np.abs(d) > threshold, axis=-1))


def r2(label: np.ndarray, point: np.ndarray) -> Measured:
    """Return 1 - sum (p - y)^2 / sum (y - mean y)^2; NaN where all labels are equal.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (..., N) predictions; further axes (seeds) are pooled.
    """
    d = errors(label, point)
    known = np.asarray(label, dtype=np.float64)[present(label)]
    spread = np.square(known - known.mean()).sum() if known.size else 0.0
    value = 1 - np.square(d).sum() / (spread * d[..., 0].size) if spread > 0 else np.nan
    return Measured(float(value), d.size)


def statistics(threshold: float) -> dict[str, Statistic]:
    """Return the statistics of errors by name.

    Args:
        threshold: Size of error above which an object is an outlier.
    """
    return {
        "mean_error": mean_error,
        "median_error": median_error,
        "std_error": std_error,
        "nmad": nmad,
        "rmse": rmse,
        "mae": mae,
        "outlier_fraction": partial(outlier_fraction, threshold=threshold),
    }


def measure(label: np.ndarray, point: np.ndarray, threshold: float, formula: str = DIFFERENCE) -> dict[str, Measured]:
    """Return every metric of this family.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (..., N) predictions; further axes (seeds) are pooled.
        threshold: Size of error above which an object is an outlier.
        formula: Of the error, one of :data:`FORMULAS`.

    Raises:
        ValueError: No object has a label.
    """
    d = errors(label, point, formula).ravel()
    if not d.size:
        raise ValueError(f"none of {np.size(label)} objects has a label: all are NaN or {MAGIC:g}")
    found = {key: Measured(float(statistic(d)), d.size) for key, statistic in statistics(threshold).items()}
    return {**found, "r2": r2(label, point)}
