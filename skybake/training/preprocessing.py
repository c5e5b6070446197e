"""What is done to images, scalars and labels before a network sees them, fitted on the training part only.

Two steps on images need no fit, since each image gives its own numbers: ``sigma_g_unit_sum`` and ``robust``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from skybake.missing import MAGIC, present


@dataclass(frozen=True)
class ImageStep:
    """A fitted step on images.

    Attributes:
        name: ``none``, ``standardise``, ``log``, ``per_pixel``, ``sigma_g_unit_sum`` or ``robust``.
        noise: (C,) scale of the asinh stretch, in image units; None if there is none.
        mean, std: Taken off and divided by, after the stretch: (C,), or (H, W, C) for ``per_pixel``; None for ``none``.
    """

    name: str
    noise: np.ndarray | None = None
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Return images (N, H, W, C) as the network sees them, float32; the given array may be overwritten."""
        if self.name in PER_IMAGE:
            return PER_IMAGE[self.name](images)
        if self.noise is not None:
            images /= _spread(self.noise, images)
            np.arcsinh(images, out=images)
        if self.mean is not None and self.std is not None:
            images -= _spread(self.mean, images)
            images /= _spread(self.std, images)
        return images

    def as_dict(self) -> dict[str, Any]:
        """Return name and numbers, for the run record."""
        numbers = {"noise": self.noise, "mean": self.mean, "std": self.std}
        return {"name": self.name, **{key: None if value is None else value.tolist() for key, value in numbers.items()}}

    @classmethod
    def of_dict(cls, facts: Mapping[str, Any]) -> ImageStep:
        """Return the step of a run record."""
        numbers = {key: None if value is None else np.array(value) for key, value in facts.items() if key != "name"}
        return cls(facts["name"], **numbers)


def _spread(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return numbers of bands or pixels as float32 (H, W, C): numpy is six times slower along a few bands alone."""
    return np.ascontiguousarray(np.broadcast_to(values.astype(np.float32), images.shape[1:]))


BLOCK = 256  # objects whose pixels are summed together: part of the result's last digits
_SAMPLE_PIXELS = 2**22  # of a band, of which its noise is told; more would not tell it better


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
class _Held:
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


def fit_images(name: str, images: np.ndarray | Pixels) -> ImageStep:
    """Fit a step on training images (N, H, W, C), which need not be in memory all at once.

    ``log`` is asinh(pixel / noise): logarithmic above the noise, linear below, and defined for the negative pixels of
    sky-subtracted images (Lupton et al. 1999, AJ 118, 1406). The noise of a band is 1.4826 times the median absolute
    deviation of its pixels, or their standard deviation where more than half of them are equal; where a band has more
    than four million pixels, those of objects evenly spaced in the file tell it.
    """
    if name == "none" or name in PER_IMAGE:
        return ImageStep(name)
    source = _Held(images) if isinstance(images, np.ndarray) else images
    noise = _noise(source) if name == "log" else None
    mean, std = _moments(source, noise, per_pixel=name == "per_pixel")
    return ImageStep(name, noise, mean, np.where(std > 0, std, 1.0))


def _noise(source: Pixels) -> np.ndarray:
    """Return the noise (C,) of each band."""
    objects = max(1, _SAMPLE_PIXELS // math.prod(source.shape[:2]))
    every = -(-len(source) // objects)
    images = source.read(source.in_file_order[::every])
    found = []
    for band in range(source.shape[-1]):  # one band at a time: the float64 copy stays small
        pixels = images[..., band].astype(np.float64)
        mad = 1.4826 * float(np.median(np.abs(pixels - np.median(pixels))))
        found.append(mad or float(pixels.std()) or 1.0)
    return np.array(found)


def _moments(source: Pixels, noise: np.ndarray | None, *, per_pixel: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each band, or of each of its pixels, after the stretch.

    Blocks are merged as Chan, Golub & LeVeque (1979, Stanford STAN-CS-79-773) do: no difference of large sums.
    """
    axes = 0 if per_pixel else (0, 1, 2)
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for block in source.blocks():
        pixels = block.astype(np.float64)
        if noise is not None:
            pixels /= noise
            np.arcsinh(pixels, out=pixels)
        number = len(pixels) * (1 if per_pixel else math.prod(source.shape[:2]))
        own = pixels.mean(axis=axes)
        pixels -= own
        distance = own - mean
        squares = (
            squares + np.square(pixels, out=pixels).sum(axis=axes) + distance**2 * (count * number / (count + number))
        )
        mean = mean + distance * (number / (count + number))
        count += number
    return mean, np.sqrt(squares / count)


SIGMA_G = 0.7413011092528009  # sigma of a Gaussian over its interquartile range: 1 / (2 sqrt(2) erfinv(1/2))
_AT_ONCE = 4096  # images whose percentiles are taken together


def sigma_g_unit_sum(images: np.ndarray) -> np.ndarray:
    """Clip, shift and scale each band of each image to unit sum: the stamps' normalisation of astroML's chapter.

    Pixels below median - 2 sigma_G are set to that, sigma_G = 0.7413 (q75 - q25); then the lowest is taken off and the
    rest is divided by its sum. A band without contrast becomes 0 throughout, where the formula has 0 / 0. Pixels are
    then about 1 / (H W): small inputs, which plain SGD learns slowly from.

    Args:
        images: (N, H, W, C), overwritten.

    Returns:
        (N, H, W, C) float32, not negative; each band sums to 1 or to 0.
    """
    for block in _blocks(images):
        low, median, high = np.percentile(block, (25, 50, 75), axis=(1, 2), keepdims=True)
        np.maximum(block, (median - 2 * SIGMA_G * (high - low)).astype(block.dtype), out=block)
        block -= block.min(axis=(1, 2), keepdims=True)
        total = block.sum(axis=(1, 2), keepdims=True, dtype=np.float64)
        block /= np.where(total > 0, total, 1.0)
    return images


def robust(images: np.ndarray) -> np.ndarray:
    """Bring each band of each image to median 0 and noise 1: (pixel - median) / sigma_G, which suits networks.

    sigma_G = 0.7413 (q75 - q25); where more than half of the pixels are equal it is 0, and their standard deviation
    stands in its place. A band without contrast becomes 0 throughout.

    Args:
        images: (N, H, W, C), overwritten.

    Returns:
        (N, H, W, C) float32.
    """
    for block in _blocks(images):
        low, median, high = np.percentile(block, (25, 50, 75), axis=(1, 2), keepdims=True)
        scale = SIGMA_G * (high - low)
        if (scale <= 0).any():
            scale = np.where(scale > 0, scale, block.std(axis=(1, 2), keepdims=True, dtype=np.float64))
        block -= median
        block /= np.where(scale > 0, scale, 1.0)
    return images


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(images), _AT_ONCE):
        yield images[first : first + _AT_ONCE]


PER_IMAGE: dict[str, Callable[[np.ndarray], np.ndarray]] = {"sigma_g_unit_sum": sigma_g_unit_sum, "robust": robust}


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
