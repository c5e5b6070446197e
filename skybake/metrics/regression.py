"""Metrics of point estimates; an error is always predicted minus true.

Every statistic takes errors of shape (..., n) and reduces the last axis, so that one call serves one run or thousands
of bootstrap draws. A NaN error (the network gave no finite number) makes the result NaN: it must not vanish from it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skybake.metrics import metric
from skybake.missing import present

Statistic = Callable[[np.ndarray], np.ndarray]

DIFFERENCE = "predicted - true"
RELATIVE = "(predicted - true) / (1 + true)"  # of redshifts
FORMULAS = (DIFFERENCE, RELATIVE)
"""Errors of a prediction; a dataset says which is its label's."""
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


@metric(
    of="errors",
    head="Mean error",
    said="bias: mean of the errors of all seeds' test predictions",
    shown="first",
    order=10,
    form="signed",
    decimals_of="std_error",
    interval=True,
    in_bins=True,
    per_seed=True,
    over_seeds="page",
    valid=True,
    headline="mean error",
    tex="Mean error",
    tex_interval=True,
)
def mean_error(d: np.ndarray) -> np.ndarray:
    """Return the mean of errors (..., n): the bias."""
    return np.mean(d, axis=-1)


@metric(
    of="errors",
    head="Median error",
    said="median of the errors",
    shown="nowhere",
    order=35,
    interval=True,
    in_bins=True,
)
def median_error(d: np.ndarray) -> np.ndarray:
    """Return the median of errors (..., n)."""
    # A sort, since numpy's is vectorised by the processor: three times as fast as np.median's partition here.
    ordered = np.sort(d, axis=-1)
    n = ordered.shape[-1]
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    return np.where(np.isnan(ordered[..., -1]), np.nan, middle)


@metric(
    of="errors",
    head="Std",
    said="standard deviation of the errors",
    shown="first",
    order=20,
    interval=True,
    kind="scale",
    in_bins=True,
    per_seed=True,
    over_seeds="page",
    valid=True,
    compared=True,
    headline="standard deviation",
    tex="Std",
    tex_interval=True,
)
def std_error(d: np.ndarray) -> np.ndarray:
    """Return the standard deviation of errors (..., n) about their mean, with divisor n (``ddof=0``)."""
    return np.std(d, axis=-1)


@metric(
    of="errors",
    head="NMAD",
    said="1.4826 times the median absolute deviation of the errors from their median",
    shown="first",
    order=30,
    decimals_of="std_error",
    interval=True,
    in_bins=True,
    per_seed=True,
    valid=True,
    headline="NMAD",
    tex="NMAD",
)
def nmad(d: np.ndarray) -> np.ndarray:
    """Return 1.4826 median|d - median d| of errors (..., n)."""
    return NORMAL_MAD * median_error(np.abs(d - median_error(d)[..., None]))


@metric(
    of="errors",
    head="RMSE",
    said="root of the mean squared error",
    order=40,
    decimals_of="std_error",
    interval=True,
    kind="scale",
    per_seed=True,
    valid=True,
    compared=True,
)
def rmse(d: np.ndarray) -> np.ndarray:
    """Return the root of the mean square of errors (..., n)."""
    return np.sqrt(np.mean(np.square(d), axis=-1))


@metric(of="errors", head="MAE", said="mean absolute error", shown="nowhere", order=42, interval=True, kind="scale")
def mae(d: np.ndarray) -> np.ndarray:
    """Return the mean absolute value of errors (..., n)."""
    return np.mean(np.abs(d), axis=-1)


@metric(
    of="errors",
    head="Outliers [%]",
    said="errors larger than the threshold named below",
    shown="first",
    order=50,
    form="percent",
    interval=True,
    kind="fraction",
    in_bins=True,
    tex=r"Outliers [\%]",
)
def outlier_fraction(d: np.ndarray, threshold: float) -> np.ndarray:
    """Return the fraction of errors (..., n) with |d| > ``threshold``."""
    return np.where(np.isnan(d).any(axis=-1), np.nan, np.mean(np.abs(d) > threshold, axis=-1))


@metric(of="errors", head="16 %", said="16 % of the errors are below", shown="nowhere", in_bins=True, overall=False)
def error_16(d: np.ndarray) -> np.ndarray:
    """Return the value that 16 % of errors (..., n) are below."""
    return np.quantile(d, 0.16, axis=-1)


@metric(of="errors", head="84 %", said="84 % of the errors are below", shown="nowhere", in_bins=True, overall=False)
def error_84(d: np.ndarray) -> np.ndarray:
    """Return the value that 84 % of errors (..., n) are below."""
    return np.quantile(d, 0.84, axis=-1)


@metric(
    of="points",
    head="R²",
    said="fraction of the labels' variance that is told",
    shown="nowhere",
    order=45,
    per_seed=True,
)
def r2(label: np.ndarray, point: np.ndarray) -> float:
    """Return 1 - sum (p - y)^2 / sum (y - mean y)^2; NaN where all labels are equal.

    Args:
        label: (N,) true values, -9999 or NaN where missing.
        point: (..., N) predictions; further axes (seeds) are pooled.
    """
    d = errors(label, point)
    known = np.asarray(label, dtype=np.float64)[present(label)]
    spread = np.square(known - known.mean()).sum() if known.size else 0.0
    return float(1 - np.square(d).sum() / (spread * d[..., 0].size)) if spread > 0 else float("nan")
