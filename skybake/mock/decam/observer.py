"""How well sources can be told from noise at all: ideal observers of the simulated stamps.

The observer weighs the likelihood of a stamp with a source against that without one and knows how often each is
simulated (Neyman & Pearson 1933, Phil. Trans. R. Soc. A 231, 289): no classifier has a lower expected log loss from
the same stamps. Both observers know the noise of a pixel, and are told of the artefact which it is, its light, and
which pixels it masks; a network is told nothing of that, so these are bounds for it. With the source's unit shape T,
signal to noise s, and d the stamp over its noise without the artefact, ln likelihood ratio = s T.d - s^2 T.T / 2 over
the pixels that are left.

*Known*: T and s are told; of noise stamps, those of a source that might have been there. *Unknown*: the mean of the
ratio over T and s as they are drawn, place, track and PSF by a bank of shapes, brightness by a grid.
"""

from __future__ import annotations

import numpy as np

from skybake.data.limit import PROBABILITY, Limit, Truth

SHAPES = 4000  # of the bank: twice as many change the mean log loss by less than 0.001
GRID = 40  # of signal to noise
BLOCK = 256  # stamps at once


def lines(truth: Truth, shapes: np.ndarray, snr: tuple[float, float], told: np.ndarray) -> list[Limit]:
    """Return the probability of a source that each observer gives.

    Args:
        truth: ``stamp`` and ``signal`` (n, H, W) over the noise of a pixel, ``stamp`` with neither artefact nor masked
            pixels, which are NaN.
        shapes: (K, H, W) sources as they are drawn, of unit norm.
        snr: Least and greatest signal to noise, uniform in its logarithm.
        told: (n,) what is known before looking at the light: ln of the odds of a source.
    """
    n = len(told)
    stamps = truth["stamp"].reshape(n, -1).astype(np.float64)
    left = np.isfinite(stamps)
    stamps = np.where(left, stamps, 0.0)
    signal = truth["signal"].reshape(n, -1).astype(np.float64)
    known = (signal * stamps).sum(axis=1) - 0.5 * (np.square(signal) * left).sum(axis=1)
    unknown = np.concatenate(
        [
            _unknown(stamps[first : first + BLOCK], left[first : first + BLOCK], shapes.reshape(len(shapes), -1), snr)
            for first in range(0, n, BLOCK)
        ]
    )
    said = "Bayes' theorem with the simulation's priors, noise and artefacts told"
    averaged = f"place, track, PSF and brightness averaged over {len(shapes)} drawn sources"
    return [
        Limit(name, PROBABILITY, f"{said}; {more}", _probability(ratio + told))
        for name, more, ratio in (
            ("source to be found", averaged, unknown),
            ("source known", "place, track, PSF and brightness told", known),
        )
    ]


def _unknown(stamps: np.ndarray, left: np.ndarray, shapes: np.ndarray, snr: tuple[float, float]) -> np.ndarray:
    """Return ln of the mean likelihood ratio (n,) over shapes and signal to noise."""
    s = np.geomspace(*snr, GRID)
    weight = np.full(GRID, 1.0)
    weight[[0, -1]] = 0.5
    weight = np.log(weight / weight.sum())
    matched = stamps @ shapes.T  # (n, K)
    whole = left.all(axis=1)
    norm = np.ones_like(matched)
    norm[~whole] = left[~whole].astype(np.float64) @ np.square(shapes).T
    found = np.full(matched.shape, -np.inf)
    for each, share in zip(s, weight, strict=True):
        np.logaddexp(found, each * matched - 0.5 * each**2 * norm + share, out=found)
    return np.logaddexp.reduce(found, axis=1) - np.log(len(shapes))


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
