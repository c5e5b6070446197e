"""What is done to images, scalars and labels before a network sees them, fitted on the training part only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.dataset import MAGIC


@dataclass(frozen=True)
class ImageStep:
    """A fitted step on images; the numbers are one per band.

    Attributes:
        name: ``none``, ``standardise`` or ``log``.
        noise: Scale of the asinh stretch, in image units; None if there is none.
        mean, std: Taken off and divided by, after the stretch; None for ``none``.
    """

    name: str
    noise: tuple[float, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Return images (N, H, W, C) as the network sees them, float32; the given array may be overwritten."""
        if self.noise is not None:
            images /= np.float32(self.noise)
            np.arcsinh(images, out=images)
        if self.mean is not None:
            images -= np.float32(self.mean)
            images /= np.float32(self.std)
        return images

    def as_dict(self) -> dict[str, Any]:
        """Return name and numbers, for the run record."""
        return {"name": self.name, "noise": self.noise, "mean": self.mean, "std": self.std}


def fit_images(name: str, images: np.ndarray) -> ImageStep:
    """Fit a step on training images (N, H, W, C).

    ``log`` is asinh(pixel / noise): logarithmic above the noise, linear below, and defined for the negative pixels of
    sky-subtracted images (Lupton et al. 1999, AJ 118, 1406). The noise of a band is 1.4826 times the median absolute
    deviation of its pixels, or their standard deviation where more than half of them are equal.
    """
    if name == "none":
        return ImageStep(name)
    bands = range(images.shape[-1])
    noise = tuple(_noise(images[..., band]) for band in bands) if name == "log" else None
    means, stds = [], []
    for band in bands:  # one band at a time: the float64 copy stays small
        pixels = images[..., band].astype(np.float64)
        if noise:
            pixels = np.arcsinh(pixels / noise[band])
        means.append(float(pixels.mean()))
        stds.append(float(pixels.std()) or 1.0)
    return ImageStep(name, noise, tuple(means), tuple(stds))


def _noise(pixels: np.ndarray) -> float:
    mad = 1.4826 * float(np.median(np.abs(pixels - np.median(pixels))))
    return mad or float(pixels.std()) or 1.0


@dataclass(frozen=True)
class Affine:
    """A shift and a scale, one per column: ``(value - mean) / std``.

    Attributes:
        mean, std: In the units of the values.
    """

    mean: np.ndarray = field(default_factory=lambda: np.zeros(1))
    std: np.ndarray = field(default_factory=lambda: np.ones(1))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return values (N, columns) shifted and scaled; missing ones become -9999."""
        scaled = (values - self.mean) / self.std
        return np.where(is_missing(values), MAGIC, scaled).astype(np.float32)

    def as_dict(self) -> dict[str, list[float]]:
        """Return the numbers, for the run record."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}


def is_missing(values: np.ndarray) -> np.ndarray:
    """Return where values are not known: -9999 or NaN."""
    return (values == MAGIC) | np.isnan(values)


def fit_affine(values: np.ndarray) -> Affine:
    """Fit zero mean and unit variance on the known values of each column of (N, columns).

    Raises:
        ValueError: A column has no known value.
    """
    known = np.where(is_missing(values), np.nan, values)
    if np.isnan(known).all(axis=0).any():
        raise ValueError("a column of the training part has no known value")
    std = np.nanstd(known, axis=0)
    return Affine(np.nanmean(known, axis=0), np.where(std > 0, std, 1.0))
