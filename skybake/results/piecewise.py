"""Predictive distributions that are even between values: of bins, and of what lies between quantiles.

Only numpy is needed, so that what predicts in a training environment may average them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from skybake.results.predictions import NARROW, TINY

FLOOR = 1e-6  # of a probability spread over the whole range: the smallest density that a likelihood is taken of


def beside(parameter: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a parameter (N,) in a shape that goes with values (N,) or (N, G)."""
    return parameter if np.ndim(values) == 1 else parameter[:, None]


@dataclass(frozen=True)
class Piecewise:
    """Densities that are even within bins and zero outside.

    Attributes:
        edges: (N, B + 1), or (1, B + 1) for bins that all objects share; ascending.
        mass: (N, B) probabilities of the bins.
    """

    edges: np.ndarray
    mass: np.ndarray

    @property
    def cumulative(self) -> np.ndarray:
        """(N, B + 1) probability below each edge."""
        below = np.cumsum(self.mass, axis=1)
        return np.concatenate([np.zeros((len(below), 1)), below / below[:, -1:]], axis=1)

    def _each(self, values: np.ndarray) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the values, edges and cumulative probabilities of each object."""
        edges = np.broadcast_to(self.edges, (len(self.mass), self.edges.shape[1]))
        return zip(values, edges, self.cumulative, strict=True)

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the probability below values."""
        return np.array([np.interp(value, edges, below) for value, edges, below in self._each(values)])

    def pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the density at values; at an edge that of the bin above it, at the last edge of the bin below."""
        density = self.mass / np.diff(self.edges)
        found = []
        for (value, edges, _), heights in zip(self._each(values), density, strict=True):
            place = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(heights) - 1)
            found.append(np.where((value >= edges[0]) & (value <= edges[-1]), heights[place], 0.0))
        return np.array(found)

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density, which counts as at least 1e-6 spread over the whole range.

        Else one object in an empty bin, or out of range, would make every mean infinite.
        """
        floor = FLOOR / np.broadcast_to(self.edges[:, -1] - self.edges[:, 0], len(self.mass))
        return np.log(np.maximum(self.pdf(values), beside(floor, values)))

    def quantile(self, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q)."""
        each = np.broadcast_to(np.asarray(levels, dtype=np.float64), (len(self.mass), len(levels)))
        return np.array([np.interp(level, below, edges) for level, edges, below in self._each(each)])

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the score (N,), the exact integral of (F(z) - 1[z ≥ y])² for this density."""
        label = np.asarray(label, dtype=np.float64)[:, None]
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        start, end = self.cumulative[:, :-1], self.cumulative[:, 1:]
        split = np.clip(label, low, high)
        middle = start + (end - start) * (split - low) / (high - low)
        below = (split - low) * (start**2 + start * middle + middle**2) / 3
        above = (high - split) * ((1 - middle) ** 2 + (1 - middle) * (1 - end) + (1 - end) ** 2) / 3
        outside = np.maximum(self.edges[:, :1] - label, 0) + np.maximum(label - self.edges[:, -1:], 0)
        return (below + above).sum(axis=1) + outside[:, 0]

    def square_integral(self) -> np.ndarray:
        """Return the sum of mass² / width, (N,)."""
        return (np.square(self.mass) / np.diff(self.edges)).sum(axis=1)


def between_quantiles(quantiles: np.ndarray, levels: np.ndarray) -> Piecewise:
    """Return the distribution that is even between quantiles (N, Q), Q > 1.

    Beyond the outermost ones the density goes on at the height it has next to them until nothing is left.
    """
    levels = np.asarray(levels, dtype=np.float64)
    widths = np.diff(quantiles, axis=1)
    # Sorted quantiles that had crossed all but coincide: taken at their word, one such object rules every mean density.
    size = np.abs(quantiles).max(axis=1, keepdims=True)
    widths = np.maximum(widths, np.maximum(NARROW * widths.mean(axis=1, keepdims=True), 1e-9 * size + TINY))
    steps = np.diff(levels)
    first, last = widths[:, :1] * levels[0] / steps[0], widths[:, -1:] * (1 - levels[-1]) / steps[-1]
    all_widths = np.concatenate([first, widths, last], axis=1)
    start = quantiles[:, :1] - first
    edges = np.concatenate([start, start + np.cumsum(all_widths, axis=1)], axis=1)
    mass = np.broadcast_to([levels[0], *steps, 1 - levels[-1]], all_widths.shape)
    return Piecewise(edges, mass)


def pooled(parts: Sequence[Piecewise]) -> Piecewise:
    """Return the equal-weight mixture of distributions of the same objects; exact."""
    each = [np.broadcast_to(part.edges, (len(part.mass), part.edges.shape[1])) for part in parts]
    edges = np.sort(np.concatenate(each, axis=1), axis=1)
    return Piecewise(edges, np.diff(np.mean([part.cdf(edges) for part in parts], axis=0), axis=1))


def of_bins(probabilities: np.ndarray, edges: np.ndarray) -> Piecewise:
    """Return the distributions of probabilities (N, B) of bins with edges (B + 1,)."""
    return Piecewise(edges[None, :], probabilities / probabilities.sum(axis=1, keepdims=True))
