"""Metrics of predictive distributions, in whatever form: Gaussian, Student's t, mixture, quantiles or bins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skybake.metrics import metric
from skybake.results.distributions import Distribution

CENTRAL = (0.16, 0.84)  # ends of the interval whose width is the sharpness


def mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of values (..., n), with weights of the same shape or (n,)."""
    if weights is None:
        return np.mean(values, axis=-1)
    return np.sum(weights * values, axis=-1) / np.sum(np.broadcast_to(weights, np.shape(values)), axis=-1)


@metric(
    of="pit",
    head="PIT-KS",
    said="Kolmogorov-Smirnov distance of the PIT from a uniform distribution: 0 is calibrated",
    shown="first",
    order=90,
    in_bins=True,
    per_seed=True,
    tex="PIT-KS",
    calibrated="kstwo",
)
def pit_ks(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the Kolmogorov-Smirnov distance of PIT values (..., n) from a uniform distribution; 0 is calibrated.

    With weights the steps of the empirical distribution are as high as these.
    """
    pit = np.asarray(pit)
    order = np.argsort(pit, axis=-1)
    ordered = np.take_along_axis(pit, order, axis=-1)
    steps = np.broadcast_to(1.0 if weights is None else weights, pit.shape)
    steps = np.take_along_axis(steps / steps.sum(axis=-1, keepdims=True), order, axis=-1)
    above = np.cumsum(steps, axis=-1)
    below = above - steps
    return np.maximum(above - ordered, ordered - below).max(axis=-1)


def coverage(pit: np.ndarray, weights: np.ndarray | None = None, *, level: float) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central interval of a level."""
    return mean(np.abs(2 * np.asarray(pit) - 1) <= level, weights)


def coverage_curve(
    pit: np.ndarray, levels: Sequence[float] | np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the coverage (L,) of central intervals of several levels, for PIT values (n,)."""
    return np.array([coverage(pit, weights, level=level) for level in levels])


@metric(
    of="distributions",
    head="CRPS",
    said="continuous ranked probability score, in units of the label",
    shown="first",
    order=70,
    decimals_of="std_error",
    interval=True,
    kind="scale",
    in_bins=True,
    per_seed=True,
    valid=True,
    tex="CRPS",
)
def crps(label: np.ndarray, distribution: Distribution) -> np.ndarray:
    """Return the continuous ranked probability score (n,), in units of the label."""
    return distribution.crps(label)


@metric(
    of="distributions",
    head="NLL",
    said="mean negative logarithm of the density at the label",
    shown="first",
    order=80,
    interval=True,
    per_seed=True,
    valid=True,
    tex="NLL",
)
def nll(label: np.ndarray, distribution: Distribution) -> np.ndarray:
    """Return -ln f(y), (n,)."""
    return -distribution.log_pdf(label)


@metric(
    of="distributions", head="CDE loss", said="of the density", shown="nowhere", order=85, interval=True, in_bins=True
)
def cde_loss(label: np.ndarray, distribution: Distribution) -> np.ndarray:
    """Return the integral of f² minus 2 f(y), (n,), per unit of the label (Izbicki & Lee 2017, arXiv:1704.08095)."""
    return distribution.square_integral() - 2 * distribution.pdf(label)


@metric(
    of="distributions",
    head="Sharpness",
    said="width of the central 68 % interval",
    shown="nowhere",
    order=110,
    interval=True,
)
def sharpness(label: np.ndarray, distribution: Distribution) -> np.ndarray:
    """Return the width (n,) of the central 68 % interval, in units of the label."""
    low, high = distribution.quantile(CENTRAL).T
    return high - low


@metric(of="std", head="Mean std", said="mean of the predicted ones", shown="nowhere", order=120, interval=True)
def mean_std(std: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the mean of predicted standard deviations (..., n)."""
    return mean(std, weights)


@metric(
    of="pit",
    head="Coverage 50 [%]",
    said="labels inside the central 50 % interval",
    shown="nowhere",
    interval=True,
    kind="fraction",
)
def coverage_50(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central 50 % interval."""
    return coverage(pit, weights, level=0.5)


@metric(
    of="pit",
    head="Coverage [%]",
    said="labels inside the central 68 % interval of their prediction",
    shown="first",
    order=100,
    form="percent",
    interval=True,
    kind="fraction",
)
def coverage_68(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central 68 % interval."""
    return coverage(pit, weights, level=0.68)


@metric(
    of="pit",
    head="Coverage 90 [%]",
    said="labels inside the central 90 % interval",
    shown="nowhere",
    interval=True,
    kind="fraction",
)
def coverage_90(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central 90 % interval."""
    return coverage(pit, weights, level=0.9)


@metric(
    of="pit",
    head="Coverage 95 [%]",
    said="labels inside the central 95 % interval",
    shown="nowhere",
    interval=True,
    kind="fraction",
)
def coverage_95(pit: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the fraction of objects (..., n) whose label is inside the central 95 % interval."""
    return coverage(pit, weights, level=0.95)
