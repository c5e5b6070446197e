"""Images that a step is fitted on, which need not be in memory all at once, and what several steps measure of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

BLOCK = 256  # objects whose pixels are summed together: part of the result's last digits


class Pixels(Protocol):
    """Images that can be gone through, in memory or not."""

    def __len__(self) -> int:
        """Objects."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""

    @property
    def in_file_order(self) -> np.ndarray:
        """Places of the objects, in the order of :meth:`blocks`."""

    def read(self, places: np.ndarray) -> np.ndarray:
        """Return a copy of the images at some places."""

    def blocks(self, objects: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all images in one order, some at a time; what is yielded may be overwritten."""


@dataclass(frozen=True)
class Held:
    """An array of images (N, H, W, C) as :class:`Pixels`."""

    array: np.ndarray

    def __len__(self) -> int:
        return len(self.array)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.array.shape[1:]

    @property
    def in_file_order(self) -> np.ndarray:
        return np.arange(len(self.array))

    def read(self, places: np.ndarray) -> np.ndarray:
        return self.array[places]

    def blocks(self, objects: int = BLOCK) -> Iterator[np.ndarray]:
        for first in range(0, len(self.array), objects):
            yield self.array[first : first + objects].copy()


def moments(
    source: Pixels, stretch: Callable[[np.ndarray], None] | None = None, *, per_pixel: bool = False
) -> dict[str, np.ndarray]:
    """Return ``mean`` and ``std`` of each band, or of each of its pixels; 1 for a standard deviation of 0.

    Blocks are merged as Chan, Golub & LeVeque (1979, Stanford STAN-CS-79-773) do: no difference of large sums.

    Args:
        source: The images.
        stretch: What is done to pixels (n, H, W, C) before, in place.
        per_pixel: Whether numbers are (H, W, C) and not (C,).
    """
    axes = 0 if per_pixel else (0, 1, 2)
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for block in source.blocks():
        pixels = block.astype(np.float64)
        if stretch is not None:
            stretch(pixels)
        number = len(pixels) * (1 if per_pixel else math.prod(source.shape[:2]))
        own = pixels.mean(axis=axes)
        pixels -= own
        distance = own - mean
        squares = (
            squares + np.square(pixels, out=pixels).sum(axis=axes) + distance**2 * (count * number / (count + number))
        )
        mean = mean + distance * (number / (count + number))
        count += number
    std = np.sqrt(squares / count)
    return {"mean": mean, "std": np.where(std > 0, std, 1.0)}


def shift_and_scale(images: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return ``(images - mean) / std`` in place of the images (N, H, W, C); numbers are (C,) or (H, W, C)."""
    images -= spread(mean, images)
    images /= spread(std, images)
    return images


def spread(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return numbers of bands or pixels as float32 (H, W, C): numpy is six times slower along a few bands alone."""
    return np.ascontiguousarray(np.broadcast_to(values.astype(np.float32), images.shape[1:]))
