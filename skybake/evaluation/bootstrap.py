"""Bootstrap intervals over objects, and paired comparisons of two models on the same objects.

Objects are drawn, not errors: an object comes with the errors of all its seeds, since those are not independent of one
another (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13). Draws depend on the seed and the
number of objects only, so two models on the same objects get the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from skybake.metrics.regression import Statistic

CHUNK_ERRORS = 1_000_000  # 8 MB at a time: stays near the processor's cache whatever the number of draws


@dataclass(frozen=True)
class Bootstrap:
    """How draws are made.

    Attributes:
        draws: How many.
        level: Confidence level of intervals, between 0 and 1.
        seed: Of the draws.
        groups: (n,) names of the groups of the n objects, if whole groups are to be drawn: objects of a group (one halo
            in several realisations, one field) are not independent of one another. None to draw objects.
    """

    draws: int = 10_000
    level: float = 0.95
    seed: int = 0
    groups: np.ndarray | None = None

    @property
    def is_informative(self) -> bool:
        """Whether draws differ: a single group is drawn again and again, and its interval would be a point."""
        return self.groups is None or len(np.unique(self.groups)) > 1


@dataclass(frozen=True)
class Interval:
    """A percentile interval, in units of the statistic."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """A statistic of one model minus that of another, on the same objects.

    Attributes:
        difference: On the objects as they are.
        low, high: Percentile interval of the difference.
        below_zero: Fraction of draws with a difference below zero.
    """

    difference: float
    low: float
    high: float
    below_zero: float


def resample(errors: np.ndarray, statistics: Mapping[str, Statistic], bootstrap: Bootstrap) -> dict[str, np.ndarray]:
    """Return statistics of drawn objects.

    Args:
        errors: (n,) errors of n objects, or (S, n) of S seeds; seeds are pooled.
        statistics: Name -> function of (..., m) errors that reduces the last axis.
        bootstrap: How to draw.

    Returns:
        Name -> (draws,); all NaN if an error is.

    Raises:
        ValueError: There is no object.
    """
    by_object = np.ascontiguousarray(np.atleast_2d(errors).T)  # an object's seeds side by side: one read gathers them
    if not by_object.size:
        raise ValueError("no object to draw from")
    if np.isnan(by_object).any():
        return {name: np.full(bootstrap.draws, np.nan) for name in statistics}
    found = {name: np.empty(bootstrap.draws) for name in statistics}
    for rows, drawn in _draws(len(by_object), max(1, CHUNK_ERRORS // by_object.size), bootstrap):
        pooled = by_object[drawn].reshape(len(drawn), -1)
        for name, statistic in statistics.items():
            found[name][rows] = statistic(pooled)
    return found


def _draws(n: int, step: int, bootstrap: Bootstrap) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield draws in pieces of ``step``: their places, and the objects of each, (step, n)."""
    rng = np.random.default_rng(bootstrap.seed)
    for first in range(0, bootstrap.draws, step):
        last = min(first + step, bootstrap.draws)
        if bootstrap.groups is None:
            yield slice(first, last), rng.integers(0, n, size=(last - first, n))
        else:
            yield slice(first, last), _drawn_groups(bootstrap.groups, last - first, rng)


def _drawn_groups(groups: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return the objects (draws, n) of groups drawn with replacement until n objects are there; the last one is cut.

    The cluster bootstrap (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8), with as many
    objects in every draw.
    """
    _, codes = np.unique(groups, return_inverse=True)
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    starts, n = np.cumsum(sizes) - sizes, len(codes)
    found = np.empty((draws, n), dtype=np.int64)
    for place in range(draws):
        chosen, total = [], 0
        while total < n:
            chosen.append(rng.integers(0, len(sizes), size=len(sizes)))
            total += sizes[chosen[-1]].sum()
        drawn = np.concatenate(chosen)
        lengths = sizes[drawn]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        found[place] = order[(np.repeat(starts[drawn], lengths) + offsets)[:n]]
    return found


def interval(draws: np.ndarray, level: float) -> Interval:
    """Return the percentile interval of draws (D,)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def intervals(errors: np.ndarray, statistics: Mapping[str, Statistic], bootstrap: Bootstrap) -> dict[str, Interval]:
    """Return bootstrap intervals of statistics of errors, (n,) or (S, n); arguments as :func:`resample`.

    There is none where draws do not differ.
    """
    if not bootstrap.is_informative:
        return {}
    draws = resample(errors, statistics, bootstrap)
    return {name: interval(values, bootstrap.level) for name, values in draws.items()}


def paired(
    models: Mapping[str, np.ndarray], reference: np.ndarray, statistics: Mapping[str, Statistic], bootstrap: Bootstrap
) -> dict[str, dict[str, Paired]]:
    """Compare models with a reference on the same objects, each object drawn for all of them at once.

    Args:
        models: Name -> (n,) or (S, n) errors of the same n objects in the same order; S may differ.
        reference: (n,) or (S, n) errors of the model that the others are compared with.
        statistics: Name -> function of (..., m) errors that reduces the last axis.
        bootstrap: How to draw.

    Returns:
        Model -> statistic -> the model's minus the reference's.

    Raises:
        ValueError: The numbers of objects differ.
    """
    reference = np.atleast_2d(reference)
    against = resample(reference, statistics, bootstrap)
    found = {}
    for model, errors in models.items():
        errors = np.atleast_2d(errors)
        if errors.shape[1] != reference.shape[1]:
            raise ValueError(
                f"{model}: errors of {errors.shape[1]} objects found; expected the reference's {reference.shape[1]}"
            )
        draws = resample(errors, statistics, bootstrap)
        found[model] = {
            name: _paired(
                float(statistic(errors.ravel()) - statistic(reference.ravel())),
                draws[name] - against[name],
                bootstrap.level,
            )
            for name, statistic in statistics.items()
        }
    return found


def _paired(difference: float, draws: np.ndarray, level: float) -> Paired:
    span = interval(draws, level)
    below = float(np.mean(draws < 0)) if np.isfinite(draws).all() else float("nan")
    return Paired(difference, span.low, span.high, below)
