"""What is done to images, scalars and labels before a network sees them, fitted on the training part only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.dataset import MAGIC


@dataclass(frozen=True)
class ImageStep:
    """A fitted step on images.

    Attributes:
        name: ``none``, ``standardise``, ``log`` or ``per_pixel``.
        noise: (C,) scale of the asinh stretch, in image units; None if there is none.
        mean, std: Taken off and divided by, after the stretch: (C,), or (H, W, C) for ``per_pixel``; None for ``none``.
    """

    name: str
    noise: np.ndarray | None = None
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Return images (N, H, W, C) as the network sees them, float32; the given array may be overwritten."""
        if self.noise is not None:
            images /= self.noise.astype(np.float32)
            np.arcsinh(images, out=images)
        if self.mean is not None:
            images -= self.mean.astype(np.float32)
            images /= self.std.astype(np.float32)
        return images

    def as_dict(self) -> dict[str, Any]:
        """Return name and numbers, for the run record."""
        numbers = {"noise": self.noise, "mean": self.mean, "std": self.std}
        return {"name": self.name, **{key: None if value is None else value.tolist() for key, value in numbers.items()}}


def fit_images(name: str, images: np.ndarray) -> ImageStep:
    """Fit a step on training images (N, H, W, C).

    ``log`` is asinh(pixel / noise): logarithmic above the noise, linear below, and defined for the negative pixels of
    sky-subtracted images (Lupton et al. 1999, AJ 118, 1406). The noise of a band is 1.4826 times the median absolute
    deviation of its pixels, or their standard deviation where more than half of them are equal.
    """
    if name == "none":
        return ImageStep(name)
    noise, means, stds = [], [], []
    for band in range(images.shape[-1]):  # one band at a time: the float64 copy stays small
        pixels = images[..., band].astype(np.float64)
        if name == "log":
            noise.append(_noise(pixels))
            pixels = np.arcsinh(pixels / noise[-1])
        axis = 0 if name == "per_pixel" else None
        means.append(pixels.mean(axis=axis))
        stds.append(pixels.std(axis=axis))
    mean, std = np.stack(means, axis=-1), np.stack(stds, axis=-1)
    return ImageStep(name, np.array(noise) if noise else None, mean, np.where(std > 0, std, 1.0))


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

    def apply(self, values: np.ndarray, missing: float | np.ndarray = MAGIC) -> np.ndarray:
        """Return values (N, columns) shifted and scaled, float32; missing ones become ``missing``."""
        scaled = (values - self.mean) / self.std
        return np.where(is_missing(values), missing, scaled).astype(np.float32)

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


def augment(images: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """Return images (N, H, W, C), each mirrored, or mirrored and turned, at random.

    Args:
        images: Left as they are.
        name: ``flips`` (up-down and left-right: 4 forms) or ``flips_and_turns`` (quarter turns too: 8 forms).
        rng: Chooses the form of each.

    Raises:
        ValueError: Quarter turns of images that are not square.
    """
    turns = name == "flips_and_turns"
    if turns and images.shape[1] != images.shape[2]:
        raise ValueError(f"images of {images.shape[1:3]} pixels cannot be turned. Hint: augmentation: flips")
    form = rng.integers(8 if turns else 4, size=len(images))
    result = images.copy()
    for bit, change in ((1, lambda x: x[:, ::-1]), (2, lambda x: x[:, :, ::-1]), (4, lambda x: x.swapaxes(1, 2))):
        chosen = (form & bit) > 0
        result[chosen] = change(result[chosen])
    return result
