"""Intervals of metrics, by the kind of number that a metric is.

The plain percentile bootstrap says [0, 0] of an outlier fraction where no outlier is seen, and its intervals of a
standard deviation hold the truth too seldom where objects are few. A fraction gets Wilson's interval (Wilson 1927,
JASA 22, 209), a scale one on the logarithm with a t quantile, everything else expanded percentiles. The first two rest
on the effective number of objects: that of independent ones that would scatter as these do (Kish 1965, Survey
Sampling, section 8.2).

No resampling repairs heavy tails: where a few errors in a hundred are ten times as large, the sample often holds none
of them, and no draw can (docs/measurements.md has the numbers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import stats

from skybake.evaluation.bootstrap import Bootstrap, Interval, percentiles, resample
from skybake.metrics import FRACTION, OTHER, SCALE
from skybake.metrics.regression import Statistic

DESIGN_DRAWS = 2_000  # tell a variance to 3 %, which is enough for an effective number


def intervals(
    errors: np.ndarray,
    statistics: Mapping[str, Statistic],
    bootstrap: Bootstrap,
    kinds: Mapping[str, str] | None = None,
    most: Mapping[str, float] | None = None,
) -> dict[str, Interval]:
    """Return intervals of statistics of errors, over objects.

    There is none of fewer than ten objects, or groups where these are drawn, nor where all draws are the same.

    Args:
        errors: (n,) errors of n objects, or (S, n) of S seeds; seeds are pooled.
        statistics: Name -> function of (..., m) errors that reduces the last axis.
        bootstrap: How to draw.
        kinds: Name -> kind, one of :mod:`skybake.metrics`; "other" by default.
        most: Name -> the largest effective number of a fraction that rests on fewer than n objects.

    Raises:
        ValueError: There is no object.
    """
    errors, kinds, most = np.atleast_2d(errors), kinds or {}, most or {}
    n = errors.shape[1]
    if not bootstrap.is_informative(n):
        return {}
    draws = resample(errors, statistics, bootstrap)
    pooled = np.ascontiguousarray(errors.T).reshape(1, -1)
    values = {name: float(statistic(pooled)[0]) for name, statistic in statistics.items()}
    scales = {name: statistic for name, statistic in statistics.items() if kinds.get(name) == SCALE}
    effects = _design_effects(errors, scales, draws, bootstrap)
    found: dict[str, Interval | None] = {}
    for name, value in values.items():
        kind, drawn = kinds.get(name, OTHER), draws[name][np.isfinite(draws[name])]
        if np.isnan(value):
            found[name] = Interval(float("nan"), float("nan"))
        elif len(drawn) < bootstrap.draws / 2:  # in the others a class is missing, and the statistic is not defined
            continue
        elif kind == FRACTION:
            number = _effective_number(value, drawn, n, most.get(name), bootstrap)
            found[name] = wilson(value, number, bootstrap.level)
        elif kind == SCALE:
            found[name] = on_log_scale(value, drawn, n / effects[name], bootstrap.units(n), bootstrap.level)
        elif np.ptp(drawn) > 0:
            found[name] = percentiles(drawn, bootstrap.level, bootstrap.units(n))
    return {name: span for name, span in found.items() if span}


def wilson(fraction: float, number: float, level: float) -> Interval:
    """Return Wilson's interval of a fraction of an effective number of objects, which need not be whole."""
    z = stats.norm.ppf((1 + level) / 2)
    middle = (fraction + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * np.sqrt(fraction * (1 - fraction) / number + z**2 / (4 * number**2)) / (1 + z**2 / number)
    return Interval(min(max(middle - half, 0.0), fraction), max(min(middle + half, 1.0), fraction))


def on_log_scale(value: float, draws: np.ndarray, number: float, units: int, level: float) -> Interval | None:
    """Return value exp(-bias -+ t SE), bias and SE the mean and the standard deviation of ln(draw / value) over draws.

    Small samples have too small a scatter, and draws of them again: that is the bias. The t quantile has ``number`` - 1
    degrees of freedom, at most those of the units. None where a draw is not positive, or all are the same.

    Args:
        value: Of the objects as they are.
        draws: (D,) of drawn ones.
        number: Effective number of objects.
        units: Number of objects, or of groups, that are drawn.
        level: Of confidence.
    """
    if not (draws > 0).all() or np.ptp(draws) == 0:
        return None
    relative = np.log(draws / value)
    error = np.std(relative, ddof=1) * np.sqrt(units / (units - 1))  # draws vary with divisor n, not n - 1
    half = stats.t.ppf((1 + level) / 2, max(min(number, units) - 1, 1)) * error
    low, high = value * np.exp(-relative.mean() - half), value * np.exp(-relative.mean() + half)
    return Interval(float(low), float(high))


def _effective_number(fraction: float, draws: np.ndarray, n: int, most: float | None, bootstrap: Bootstrap) -> float:
    """Return how many independent objects would let a fraction scatter as its draws do; at most ``most`` or n.

    Where nobody or everybody is counted draws do not scatter: groups are then taken for one object each.
    """
    if bootstrap.groups is None and most is None:
        return n
    most = n if most is None else min(most, n)
    variance = np.var(draws, ddof=1)
    if variance == 0:
        return min(most, bootstrap.units(n))
    return float(min(most, fraction * (1 - fraction) / variance))


def _design_effects(
    errors: np.ndarray, statistics: Mapping[str, Statistic], draws: Mapping[str, np.ndarray], bootstrap: Bootstrap
) -> dict[str, float]:
    """Return variance over draws of groups / variance over draws of objects, of ln of each statistic; at least 1."""
    if bootstrap.groups is None or not statistics:
        return dict.fromkeys(statistics, 1.0)
    single = replace(bootstrap, groups=None, draws=min(bootstrap.draws, DESIGN_DRAWS))
    by_object = resample(errors, statistics, single)
    return {name: max(1.0, _ratio(draws[name], values)) for name, values in by_object.items()}


def _ratio(groups: np.ndarray, objects: np.ndarray) -> float:
    if not ((groups > 0).all() and (objects > 0).all()) or np.ptp(objects) == 0:
        return 1.0
    return float(np.var(np.log(groups)) / np.var(np.log(objects)))
