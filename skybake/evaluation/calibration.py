"""Tests whether predictions are calibrated.

Of distributions by the Kolmogorov-Smirnov distance of their PIT values; of classes by how many are right in a bin of
confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from skybake.evaluation.bootstrap import FEWEST, Bootstrap

POINTS = 512  # of the distribution function, at which distances of draws are taken


@dataclass(frozen=True)
class Calibration:
    """What distances calibrated distributions have.

    Attributes:
        critical: That a share ``level`` of them stay below; None of fewer than ten groups.
        p_value: Share of them with a larger distance than the one found; None likewise.
        effective_n: Number of independent objects whose distances are as large; None likewise.
    """

    critical: float | None
    p_value: float | None
    effective_n: float | None


def judge(pit: np.ndarray, distance: float, bootstrap: Bootstrap, table: Any = stats.kstwo) -> Calibration:
    """Judge the distance of the PIT values (S, n) of S seeds from even ones.

    Seeds say much the same of an object: n objects are tested, not S n. Where groups are drawn, the table for
    independent objects would find fault with far too many calibrated distributions. What replaces it is the distance
    of drawn groups from all of them (van der Vaart & Wellner 1996, Weak Convergence and Empirical Processes, section
    3.6), larger by the t quantile over the normal one, since groups are few.

    Args:
        pit: Of the objects that have a label.
        distance: Found, all seeds together.
        bootstrap: How objects are drawn.
        table: Distribution of scipy, with the number of independent objects as its parameter.
    """
    n = pit.shape[1]
    independent = float(table.ppf(bootstrap.level, n))
    if bootstrap.groups is None:
        return Calibration(independent, float(table.sf(distance, n)), n)
    if not bootstrap.is_informative(n) or not np.isfinite(pit).all():
        return Calibration(None, None, None)
    distances = _distances(pit, bootstrap.groups, bootstrap)
    critical = float(np.quantile(distances, bootstrap.level))
    effective = float(np.clip(n * (independent / critical) ** 2, 1, n))  # distances go as one over the root of n
    return Calibration(critical, float(np.mean(distances >= distance)), effective)


def effective_number(off: np.ndarray, inside: np.ndarray, bootstrap: Bootstrap) -> float | None:
    """Return how many independent objects would let the accuracy of a bin scatter as that of its objects does.

    A bin rests on as many objects as one seed has there on average: seeds say much the same of an object. Where groups
    are drawn, that is divided by the design effect, the variance over groups / that over objects (Kish 1965, Survey
    Sampling, section 8.2), and by the square of the t quantile over the normal one, since groups are few.

    Args:
        off: (S, n) of S seeds: 1 where a prediction is right and 0 where not, less its confidence.
        inside: (S, n) whether a prediction is in the bin; some are.
        bootstrap: How objects are drawn.

    Returns:
        At least 1; None of fewer than ten groups in the bin.
    """
    objects = max(np.count_nonzero(inside) / len(inside), 1.0)
    if bootstrap.groups is None:
        return objects
    some = inside.any(axis=0)
    _, codes = np.unique(bootstrap.groups[some], return_inverse=True)
    count = int(codes.max()) + 1
    if count < FEWEST:
        return None
    if np.ptp(off[inside]) == 0:
        return min(objects, count)
    by_object = np.where(inside, off - off[inside].mean(), 0).sum(axis=0)[some]
    by_group = np.bincount(codes, by_object)
    tail = (1 + bootstrap.level) / 2
    few = (stats.t.ppf(tail, count - 1) / stats.norm.ppf(tail)) ** 2 * count / (count - 1)
    return float(np.clip(objects / max(1.0, few * np.sum(by_group**2) / np.sum(by_object**2)), 1, objects))


def _distances(pit: np.ndarray, groups: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Return the distances (D,) of drawn groups' PIT values from those of all groups."""
    names, codes = np.unique(groups, return_inverse=True)
    count = len(names)
    ordered = np.sort(pit, axis=None)
    points = ordered[np.linspace(0, len(ordered) - 1, min(POINTS, len(ordered))).astype(np.int64)]
    below = np.stack([(pit[:, codes == code].ravel()[:, None] <= points).sum(axis=0) for code in range(count)])
    sizes = pit.shape[0] * np.bincount(codes)
    whole = below.sum(axis=0) / sizes.sum()
    rng = np.random.default_rng(bootstrap.seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=bootstrap.draws).astype(np.float64)
    found = np.abs((times @ below) / (times @ sizes)[:, None] - whole).max(axis=1)
    tail = (1 + bootstrap.level) / 2
    return found * np.sqrt(count / (count - 1)) * stats.t.ppf(tail, count - 1) / stats.norm.ppf(tail)
