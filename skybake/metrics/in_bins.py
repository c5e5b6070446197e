"""Metrics of objects in bins of a scalar: redshift, mass, magnitude, signal to noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skybake.metrics.regression import Statistic
from skybake.missing import present

MOST, OBJECTS = 10, 20  # as many bins as have so many objects each


@dataclass(frozen=True)
class Bin:
    """The objects between two values of a scalar.

    Attributes:
        low, high: Of the scalar; ``low`` belongs to the bin, ``high`` to the next one, or to the last bin.
        middle: Median of the scalar; NaN without objects.
        n: Number of objects.
        values: Statistic -> value; NaN without objects.
    """

    low: float
    high: float
    middle: float
    n: int
    values: Mapping[str, float]


def edges(scalar: np.ndarray, count: int, spacing: str = "equal_population") -> np.ndarray:
    """Return the edges (B + 1,) of bins of a scalar (n,); missing ones are left out.

    Args:
        scalar: (n,) values.
        count: Number of bins; fewer of equal population where values repeat.
        spacing: ``"equal_population"`` or ``"uniform"``.

    Raises:
        ValueError: There is no bin or no value, or another spacing.
    """
    values = np.asarray(scalar, dtype=np.float64)
    values = values[present(values)]
    if count < 1 or not values.size:
        raise ValueError(f"{count} bins of {values.size} values found; expected at least one of each")
    if spacing not in ("uniform", "equal_population"):
        raise ValueError(f"spacing: {spacing!r} found; expected 'equal_population' or 'uniform'")
    if spacing == "equal_population":
        found = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)))
    else:
        found = np.linspace(values.min(), values.max(), count + 1)
    return found if found[-1] > found[0] else np.array([found[0], np.nextafter(found[0], np.inf)])


def even_edges(scalar: np.ndarray) -> np.ndarray:
    """Return the edges (B + 1,) of bins of equally many objects by a scalar (n,): what tables and figures show."""
    count = int(np.clip(present(np.asarray(scalar, dtype=np.float64)).sum() // OBJECTS, 1, MOST))
    return edges(scalar, count)


def places(scalar: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the number (n,) of the bin of each object; what is below all, above all or missing has no bin's number."""
    scalar = np.asarray(scalar, dtype=np.float64)
    found = np.searchsorted(edges, scalar, side="right") - 1
    found[scalar == edges[-1]] = len(edges) - 2
    found[~present(scalar)] = -1
    return found


def measure(
    values: np.ndarray, scalar: np.ndarray, edges: np.ndarray, statistics: Mapping[str, Statistic]
) -> list[Bin]:
    """Return statistics of the objects in each bin; objects outside all bins or without the scalar are left out.

    Args:
        values: (n,) errors or scores of objects, or (S, n) of several seeds, which are pooled.
        scalar: (n,) of the same objects.
        edges: (B + 1,) ascending.
        statistics: Name -> function of (m,) values.

    Raises:
        ValueError: The numbers of objects differ.
    """
    values, scalar = np.atleast_2d(values), np.asarray(scalar, dtype=np.float64)
    if values.shape[1:] != scalar.shape:
        raise ValueError(f"{values.shape[1]} objects found; expected {len(scalar)}, as many as have the scalar")
    place = places(scalar, edges)
    found = []
    for number, (low, high) in enumerate(pairwise(edges)):
        here = place == number
        pooled = values[:, here].ravel()
        found.append(
            Bin(
                low=float(low),
                high=float(high),
                middle=float(np.median(scalar[here])) if here.any() else float("nan"),
                n=int(here.sum()),
                values={
                    name: float(statistic(pooled)) if pooled.size else float("nan")
                    for name, statistic in statistics.items()
                },
            )
        )
    return found
