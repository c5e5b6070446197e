"""Robust metrics of photometric redshifts, as RAIL and qp have them.

Errors are those of :func:`skybake.metrics.regression.errors`.
"""

from __future__ import annotations

import numpy as np

from skybake.metrics import metric

NORMAL_IQR = 1.349  # the interquartile range of a Gaussian with standard deviation 1
RAIL_OUTLIER = 0.06  # the smallest threshold of an outlier: LSST Science Requirements, as in RAIL and qp


def sigma_iqr(d: np.ndarray) -> np.ndarray:
    """Return the interquartile range of errors (..., n) over that of a unit Gaussian."""
    low, high = np.quantile(d, [0.25, 0.75], axis=-1)
    return (high - low) / NORMAL_IQR


@metric(
    of="errors",
    head="RAIL outliers [%]",
    said="errors larger than 0.06 and than 3 times the interquartile range over 1.349",
    shown="first",
    order=60,
    form="percent",
    in_bins=True,
    relative=True,
)
def rail_outlier_fraction(d: np.ndarray) -> np.ndarray:
    """Return the fraction of errors (..., n) with |d| > max(0.06, 3 sigma_IQR), RAIL's definition; NaN if one is."""
    threshold = np.maximum(RAIL_OUTLIER, 3 * sigma_iqr(d))
    return np.where(np.isnan(d).any(axis=-1), np.nan, np.mean(np.abs(d) > threshold[..., None], axis=-1))
