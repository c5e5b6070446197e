"""Weighted metrics of point estimates, and the robust ones of photometric redshifts.

Errors are those of :func:`skybake.metrics.regression.errors`.
"""

from __future__ import annotations

import numpy as np

from skybake.metrics import Measured
from skybake.metrics.regression import DIFFERENCE, NORMAL_MAD, errors
from skybake.missing import present

NORMAL_IQR = 1.349  # the interquartile range of a Gaussian with standard deviation 1
RAIL_OUTLIER = 0.06  # the smallest threshold of an outlier: LSST Science Requirements, as in RAIL and qp


def sigma_iqr(d: np.ndarray) -> np.ndarray:
    """Return the interquartile range of errors (..., n) over that of a unit Gaussian."""
    low, high = np.quantile(d, [0.25, 0.75], axis=-1)
    return (high - low) / NORMAL_IQR


def rail_outlier_fraction(d: np.ndarray) -> np.ndarray:
    """Return the fraction of errors (..., n) with |d| > max(0.06, 3 sigma_IQR), RAIL's definition; NaN if one is."""
    threshold = np.maximum(RAIL_OUTLIER, 3 * sigma_iqr(d))
    return np.where(np.isnan(d).any(axis=-1), np.nan, np.mean(np.abs(d) > threshold[..., None], axis=-1))


def median(d: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted median of (n,): half of the weight is on either side, between two values their middle."""
    order = np.argsort(d)
    ordered, share = np.asarray(d)[order], np.cumsum(np.asarray(weights)[order])
    half = 0.5 * share[-1]
    low = np.searchsorted(share, half * (1 - 1e-12))
    high = np.searchsorted(share, half * (1 + 1e-12))
    return float(0.5 * (ordered[low] + ordered[min(high, len(ordered) - 1)]))


def measure(
    label: np.ndarray, point: np.ndarray, weights: np.ndarray, threshold: float, formula: str = DIFFERENCE
) -> dict[str, Measured]:
    """Return the weighted forms of :func:`skybake.metrics.regression.measure`, by the same names.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (N,) predictions.
        weights: (N,), not negative; they need not sum to anything.
        threshold: Size of error above which an object is an outlier.
        formula: Of the error, as there.

    Raises:
        ValueError: Weights are negative or not finite, or none is above zero.
    """
    is_known = present(label)
    d, used = errors(label, point, formula), np.asarray(weights, dtype=np.float64)[is_known]
    if not np.isfinite(used).all() or (used < 0).any() or not used.sum() > 0:
        raise ValueError("weights: expected finite numbers, none negative, and some above zero among known labels")
    if np.isnan(d).any():
        return {key: Measured(float("nan"), d.size) for key in NAMES}
    bias, middle = np.average(d, weights=used), median(d, used)
    known = np.asarray(label, dtype=np.float64)[is_known]
    spread = np.average(np.square(known - np.average(known, weights=used)), weights=used)
    raw = errors(label, point)
    values = (
        bias,
        middle,
        np.sqrt(np.average(np.square(d - bias), weights=used)),
        NORMAL_MAD * median(np.abs(d - middle), used),
        np.sqrt(np.average(np.square(d), weights=used)),
        np.average(np.abs(d), weights=used),
        np.average(np.abs(d) > threshold, weights=used),
        1 - np.average(np.square(raw), weights=used) / spread if spread > 0 else np.nan,
    )
    return {key: Measured(float(value), d.size) for key, value in zip(NAMES, values, strict=True)}


NAMES = ("mean_error", "median_error", "std_error", "nmad", "rmse", "mae", "outlier_fraction", "r2")
