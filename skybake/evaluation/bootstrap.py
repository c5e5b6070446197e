"""Bootstrap draws of objects.

Objects are drawn, not errors: an object comes with the errors of all its seeds, since those are not independent of one
another (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 8 and 13). Draws depend on the seed and the
number of objects only, so two models on the same objects get the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from skybake.metrics.regression import Statistic

FEWEST = 10  # objects or groups that an interval is told of
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
        strata: (n,) class numbers of the n objects, if every draw is to hold as many of each class. Of groups that hold
            several classes, the rarest one counts.
    """

    draws: int = 10_000
    level: float = 0.95
    seed: int = 0
    groups: np.ndarray | None = None
    strata: np.ndarray | None = None

    def units(self, n: int) -> int:
        """Return how many things are drawn of n objects: these, or their groups."""
        return n if self.groups is None else len(np.unique(self.groups))

    def is_informative(self, n: int) -> bool:
        """Tell whether n objects, or their groups, are so many that draws say how the next ones would differ."""
        return self.units(n) >= FEWEST


@dataclass(frozen=True)
class Interval:
    """An interval, in units of the statistic."""

    low: float
    high: float


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
    strata = None if bootstrap.strata is None else np.unique(bootstrap.strata, return_inverse=True)[1]
    for first in range(0, bootstrap.draws, step):
        last = min(first + step, bootstrap.draws)
        if bootstrap.groups is not None:
            yield slice(first, last), _drawn_groups(bootstrap.groups, last - first, rng, strata)
        elif strata is not None:
            yield slice(first, last), _drawn_in_strata(strata, last - first, rng)
        else:
            yield slice(first, last), rng.integers(0, n, size=(last - first, n))


def _drawn_in_strata(strata: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return objects (draws, n) drawn with replacement from their own stratum; strata (n,) are numbers from 0."""
    order, sizes = np.argsort(strata, kind="stable"), np.bincount(strata)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return order[starts + rng.integers(0, np.repeat(sizes, sizes), size=(draws, len(strata)))]


def _drawn_groups(
    groups: np.ndarray, draws: int, rng: np.random.Generator, strata: np.ndarray | None = None
) -> np.ndarray:
    """Return the objects (draws, n) of groups drawn with replacement until n objects are there; the last one is cut.

    The cluster bootstrap (Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8), with as many
    objects in every draw. With strata (n,), numbers from 0, groups are drawn so from those of the same rarest class.
    """
    _, codes = np.unique(groups, return_inverse=True)
    found = np.empty((draws, len(codes)), dtype=np.int64)
    parts = [_Groups.of(codes, here) for here in _same_rarest(codes, strata)]
    for place in range(draws):
        end = 0
        for part in parts:
            begin, end = end, end + len(part.order)
            found[place, begin:end] = part.drawn(rng)
    return found


def _same_rarest(codes: np.ndarray, strata: np.ndarray | None) -> list[np.ndarray]:
    """Return the objects of all groups; with strata, of the groups in which the same class is the rarest, in turn."""
    if strata is None:
        return [np.arange(len(codes))]
    rank = np.argsort(np.argsort(np.bincount(strata), kind="stable"))[strata]  # 0 for objects of the rarest class
    rarest = np.full(codes.max() + 1, len(codes))
    np.minimum.at(rarest, codes, rank)
    return [np.flatnonzero(rarest[codes] == one) for one in np.unique(rarest)]


@dataclass(frozen=True)
class _Groups:
    """Objects in the order of their groups, with the size of each group and its first place."""

    order: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray, objects: np.ndarray) -> _Groups:
        """Sort some objects by the codes (n,) of all objects' groups."""
        _, codes = np.unique(codes[objects], return_inverse=True)
        sizes = np.bincount(codes)
        return cls(objects[np.argsort(codes, kind="stable")], sizes, np.cumsum(sizes) - sizes)

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Return as many objects, of groups drawn with replacement."""
        chosen, total = [], 0
        while total < len(self.order):
            chosen.append(rng.integers(0, len(self.sizes), size=len(self.sizes)))
            total += self.sizes[chosen[-1]].sum()
        drawn = np.concatenate(chosen)
        lengths = self.sizes[drawn]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.order[(np.repeat(self.starts[drawn], lengths) + offsets)[: len(self.order)]]


def percentiles(draws: np.ndarray, level: float, units: int) -> Interval:
    """Return the expanded percentile interval of draws (D,) of so many units.

    Plain percentiles are those of a normal distribution and of a variance with divisor n; these are as much farther out
    as the t quantile and the divisor n - 1 ask for (Hesterberg 2015, The American Statistician 69, 371, section 5.3).
    """
    far = stats.norm.cdf(stats.t.ppf((1 + level) / 2, units - 1) * np.sqrt(units / (units - 1)))
    low, high = np.quantile(draws, [1 - far, far])
    return Interval(float(low), float(high))
