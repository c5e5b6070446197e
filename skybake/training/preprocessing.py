"""What is done to scalars and labels before a network sees them, and to images at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from skybake.missing import MAGIC, present


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
        return np.where(present(values), scaled, missing).astype(np.float32)

    def as_dict(self) -> dict[str, list[float]]:
        """Return the numbers, for the run record."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def of_dict(cls, facts: Mapping[str, list[float]]) -> Affine:
        """Return the step of a run record."""
        return cls(**{key: np.array(value) for key, value in facts.items()})


def fit_affine(values: np.ndarray) -> Affine:
    """Fit zero mean and unit variance on the known values of each column of (N, columns).

    Raises:
        ValueError: A column has no known value.
    """
    known = np.where(present(values), values, np.nan)
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
