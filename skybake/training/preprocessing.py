"""What is done to scalars and labels before a network sees them, and to images at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


FORMS = {"none": 1, "flips": 4, "flips_and_turns": 8}  # how many each augmentation chooses from


def draw_forms(augmentation: str, n: int, batch_size: int, seed: Sequence[int]) -> np.ndarray:
    """Draw for each of n objects, in the order of an epoch, the form in which its image is shown: (n,) int32.

    Each batch has a generator of its own, of ``seed`` and its number.
    """
    if augmentation == "none":
        return np.zeros(n, np.int32)
    starts = range(0, n, batch_size)
    drawn = [
        np.random.default_rng([*seed, index]).integers(FORMS[augmentation], size=min(batch_size, n - start))
        for index, start in enumerate(starts)
    ]
    return np.concatenate(drawn).astype(np.int32)


def mirrored(images: Any, forms: Any, augmentation: str) -> Any:
    """Return images (N, H, W, C), each in its form; tensors of the backend.

    Args:
        images: Square if they are turned.
        forms: (N,) int32, a sum: 1 for up-down, 2 for left-right, 4 for rows and columns exchanged, which with the
            others makes quarter turns.
        augmentation: ``flips`` knows the first two, ``flips_and_turns`` all.
    """
    from keras import ops

    changes = [(1, lambda x: ops.flip(x, 1)), (2, lambda x: ops.flip(x, 2))]
    if augmentation == "flips_and_turns":
        changes.append((4, lambda x: ops.transpose(x, (0, 2, 1, 3))))
    for bit, change in changes:
        chosen = ops.bitwise_and(forms, bit) > 0
        images = ops.where(chosen[:, None, None, None], change(images), images)
    return images
