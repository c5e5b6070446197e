"""Pixel values of every band in numbers, gathered block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.metrics.regression import nmad

PERCENTILES = (1, 16, 50, 84, 99)
SAMPLE_PIXELS = 2**21  # of a band, for percentiles, which cannot be joined from blocks; 8 MB
SIGMA_G = 0.7413011092528009  # sigma of a Gaussian over its interquartile range


@dataclass(frozen=True)
class BandPixels:
    """The pixels of one band [pixel units]; None where it has no number.

    Attributes:
        name: Of the band.
        low, high, mean, std: Of all pixels that are numbers; the standard deviation with N in the denominator.
        percentiles: Value at each of ``PERCENTILES``, of the sample.
        sigma_g: 0.7413 times the distance of the quartiles, of the sample.
        mad: 1.4826 times the median absolute deviation from the median, of the sample.
        not_numbers, zero, negative: Fractions of all pixels.
    """

    name: str
    low: float | None
    high: float | None
    mean: float | None
    std: float | None
    percentiles: tuple[float | None, ...]
    sigma_g: float | None
    mad: float | None
    not_numbers: float
    zero: float
    negative: float


@dataclass
class Gathered:
    """Pixels of all bands, as far as they have been added.

    Attributes:
        objects, shape: Objects that there are, and the shape (H, W, C) of their images.
    """

    objects: int
    shape: tuple[int, int, int]
    _seen: int = 0
    _sample: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        bands = self.shape[2]
        self._known, self._zero, self._negative = (np.zeros(bands) for _ in range(3))
        self._mean, self._squares = np.zeros(bands), np.zeros(bands)
        self._low, self._high = np.full(bands, np.inf), np.full(bands, -np.inf)

    @property
    def every(self) -> int:
        """Of so many objects one is in the sample of percentiles, evenly spaced in the file; 1 for all of them."""
        return -(-self.objects * math.prod(self.shape[:2]) // SAMPLE_PIXELS)

    def add(self, images: np.ndarray) -> None:
        """Add images (n, H, W, C), the next ones of the file."""
        first = -self._seen % self.every
        self._sample.append(images[first :: self.every].copy())
        self._seen += len(images)
        for band in range(self.shape[2]):  # one at a time: the float64 copy stays small
            pixels = images[..., band]
            self._zero[band] += np.count_nonzero(pixels == 0)
            self._negative[band] += np.count_nonzero(pixels < 0)
            known = pixels[np.isfinite(pixels)].astype(np.float64)
            if known.size:
                self._join(band, known)

    def _join(self, band: int, known: np.ndarray) -> None:
        """Join pixels as Chan, Golub & LeVeque (1983, The American Statistician 37, 242) do: nothing cancels."""
        before, total = self._known[band], self._known[band] + known.size
        change = known.mean() - self._mean[band]
        self._squares[band] += known.var() * known.size + change**2 * before * known.size / total
        self._mean[band] += change * known.size / total
        self._known[band] = total
        self._low[band] = min(self._low[band], known.min())
        self._high[band] = max(self._high[band], known.max())

    def bands(self, names: tuple[str, ...]) -> list[BandPixels]:
        """Return every band in numbers."""
        pixels = self._seen * math.prod(self.shape[:2])
        found = []
        for band, name in enumerate(names):
            sample = np.concatenate([images[..., band].ravel() for images in self._sample])
            sample = sample[np.isfinite(sample)].astype(np.float64)
            known = bool(self._known[band])
            found.append(
                BandPixels(
                    name=name,
                    low=float(self._low[band]) if known else None,
                    high=float(self._high[band]) if known else None,
                    mean=float(self._mean[band]) if known else None,
                    std=float(np.sqrt(self._squares[band] / self._known[band])) if known else None,
                    **_of_sample(sample),
                    not_numbers=float(1 - self._known[band] / pixels),
                    zero=float(self._zero[band] / pixels),
                    negative=float(self._negative[band] / pixels),
                )
            )
        return found


def _of_sample(sample: np.ndarray) -> dict[str, Any]:
    if not sample.size:
        return {"percentiles": (None,) * len(PERCENTILES), "sigma_g": None, "mad": None}
    low, high, *percentiles = np.percentile(sample, (25, 75, *PERCENTILES))
    return {
        "percentiles": tuple(map(float, percentiles)),
        "sigma_g": float(SIGMA_G * (high - low)),
        "mad": float(nmad(sample)),
    }
