"""Is a new object like those that a network was trained with? One distance, told as a percentile of held-out objects.

Two descriptions of an object are compared with those of the training part: the network's last *features*, and the
*image* itself, in the numbers of :func:`describe`. Networks map what they have never seen onto features that they know,
noise above all; light, its profile and its power on fine scales tell that. In each of the two the distance is that of
Mahalanobis, with a covariance shrunk as Ledoit & Wolf (2004, J. Multivar. Anal. 88, 365) do, and the greater of both
counts, each in units of what held-out objects have.

What distance is unfamiliar is read off held-out objects (the validation part): a new object like them is more distant
than the k-th of n with a probability of 1 - k / (n + 1), whatever the distances are. This holds on the mean over sets
of held-out objects; of one set the fraction follows the beta distribution with parameters n + 1 - k and k. With fewer
than 1 / f - 1 objects no threshold can promise a fraction f of false alarms, and nothing is unfamiliar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

REFERENCES = 5000  # objects of a part that are enough to compare with
RINGS = 6
_BLOCK_PIXELS = 1 << 18  # what is described at once: it stays in the processor's cache
_TINY = 1e-30


def enough(rows: np.ndarray, most: int = REFERENCES) -> np.ndarray:
    """Return at most so many of some rows (n,), evenly spaced: features and images of these are enough to fit."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def describe(images: np.ndarray) -> np.ndarray:
    """Describe images by a few numbers a band.

    These are: mean, standard deviation, least and greatest pixel; mean light in rings about the middle; the mean
    absolute deviation in standard deviations; correlations of pixels with their neighbours at 1, 2 and 4 pixels along
    both axes; and the correlation of every two bands that follow one another.

    Args:
        images: (n, H, W, C) in any units.

    Returns:
        (n, D) float32; NaN where a pixel is no number.
    """
    images = np.asarray(images, dtype=np.float32)
    n, height, width, bands = images.shape
    step = max(1, _BLOCK_PIXELS // max(1, height * width * bands))
    rings = _rings(height, width)
    with np.errstate(all="ignore"):
        blocks = [_described(images[first : first + step], rings) for first in range(0, n, step)]
    return np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)


def _rings(height: int, width: int) -> np.ndarray:
    """Return weights (H W, R) whose product with pixels is the mean light in a ring."""
    y, x = np.indices((height, width)) - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    radius = np.hypot(y / height, x / width).ravel() * 2  # 1 at the middle of an edge
    found = [np.floor(radius * RINGS).clip(max=RINGS) == ring for ring in range(RINGS + 1)]  # the last: corners
    return np.stack([inside / inside.sum() for inside in found if inside.any()], axis=1).astype(np.float32)


def _described(images: np.ndarray, rings: np.ndarray) -> np.ndarray:
    n, height, width, bands = images.shape
    pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(n, bands, -1)
    mean = pixels.mean(axis=-1, keepdims=True)
    least, greatest = pixels.min(axis=-1) - mean[..., 0], pixels.max(axis=-1) - mean[..., 0]
    pixels -= mean
    std = np.sqrt(np.vecdot(pixels, pixels) / pixels.shape[-1])
    unit = np.maximum(std, _TINY)
    numbers = [mean, std[..., None], least[..., None], greatest[..., None], pixels @ rings]
    numbers.append((np.abs(pixels).mean(axis=-1) / unit)[..., None])
    variance = np.maximum(std**2, _TINY)
    for lag in (1, 2, 4):
        for along, shift in ((width, lag), (height, lag * width)):
            if along > lag:
                together = np.vecdot(pixels[..., shift:], pixels[..., :-shift]) / (pixels.shape[-1] - shift)
                numbers.append((together / variance)[..., None])
    flat = np.concatenate(numbers, axis=-1).reshape(n, -1)
    if bands == 1:
        return flat
    pairs = np.vecdot(pixels[:, 1:], pixels[:, :-1]) / pixels.shape[-1]
    return np.concatenate([flat, pairs / np.maximum(unit[:, 1:] * unit[:, :-1], _TINY)], axis=1)


@dataclass(frozen=True)
class Cloud:
    """Where the training part lies in one description.

    Attributes:
        middle, scale: (F,) medians, and how far values scatter about them; values are compressed beyond.
        whitening: (F, K) to axes in which the training part has unit variance.
        mean: (K,) of the training part there.
        unit: What counts as a distance of 1: the median of held-out objects.
    """

    middle: np.ndarray
    scale: np.ndarray
    whitening: np.ndarray
    mean: np.ndarray
    unit: float

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Return the distance (n,) of values (n, F); infinite where one is no number."""
        with np.errstate(all="ignore"):
            flat = np.arcsinh((values - self.middle) / self.scale) @ self.whitening - self.mean
            found = np.sqrt(np.vecdot(flat, flat)) / self.unit
        return np.where(np.isfinite(found), found, np.inf)


def _cloud(train: np.ndarray, held_out: np.ndarray) -> Cloud:
    train = np.asarray(train, dtype=np.float64)
    middle = np.median(train, axis=0)
    low, high = np.percentile(train, (16, 84), axis=0)
    std = train.std(axis=0)
    scale = np.maximum((high - low) / 2, 0.1 * std)
    scale = np.where(scale > 0, scale, np.maximum(1e-6 * np.abs(middle), _TINY))
    flat = np.arcsinh((train - middle) / scale)
    mean, covariance = flat.mean(axis=0), shrunk_covariance(flat)
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12))
    first = Cloud(middle, scale, whitening, mean @ whitening, 1.0)
    usual = float(np.median(first.distance(held_out)))
    return Cloud(middle, scale, whitening, mean @ whitening, usual if 0 < usual < math.inf else 1.0)


def shrunk_covariance(values: np.ndarray) -> np.ndarray:
    """Return the covariance (F, F) of values (n, F), shrunk to a multiple of the identity (Ledoit & Wolf 2004)."""
    n, width = values.shape
    centred = values - values.mean(axis=0)
    covariance = centred.T @ centred / n
    mean = np.trace(covariance) / width
    squares = centred**2
    noise = float((squares.T @ squares / n - covariance**2).sum()) / n
    distance = float(((covariance - mean * np.eye(width)) ** 2).sum())
    weight = 1.0 if distance <= 0 else min(1.0, noise / distance)
    return (1 - weight) * covariance + weight * mean * np.eye(width)


@dataclass(frozen=True)
class Familiarity:
    """What new objects are compared with.

    Attributes:
        features, image: The training part in the two descriptions.
        held_out: (n,) distances of held-out objects, in order.
    """

    features: Cloud
    image: Cloud
    held_out: np.ndarray

    def distance(self, features: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Return how far objects are from the training part, (n,): 1 is usual; infinite where a value is no number.

        Args:
            features: (n, F) of the network.
            images: (n, H, W, C) in the units of the dataset.
        """
        return np.maximum(self.features.distance(features), self.image.distance(describe(images)))

    def percentile(self, distance: np.ndarray) -> np.ndarray:
        """Return the per cent of held-out objects that are nearer, of n + 1: 100 n / (n + 1) at most."""
        return 100 * np.searchsorted(self.held_out, distance, side="left") / (len(self.held_out) + 1)

    def threshold(self, false_alarms: float) -> float:
        """Return the greatest distance that is familiar; infinite where too few objects are held out for the promise.

        Args:
            false_alarms: Fraction of objects like the held-out ones that may be more distant, at most.
        """
        rank = math.ceil((1 - false_alarms) * (len(self.held_out) + 1) - 1e-9)
        return float(self.held_out[rank - 1]) if rank <= len(self.held_out) else math.inf

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name, which :func:`of_arrays` takes."""
        found = {"held_out": self.held_out}
        for name in ("features", "image"):
            found |= {f"{name}_{key}": np.asarray(value) for key, value in vars(getattr(self, name)).items()}
        return found


def fit(
    train_features: np.ndarray, train_images: np.ndarray, held_features: np.ndarray, held_images: np.ndarray
) -> Familiarity:
    """Learn what is familiar.

    Args:
        train_features, train_images: (n, F) and (n, H, W, C) of the training part, or of :func:`enough` of it.
        held_features, held_images: Of objects that the network was not fitted to: the validation part.
    """
    held_described = describe(held_images)
    features = _cloud(train_features, held_features)
    image = _cloud(describe(train_images), held_described)
    distances = np.maximum(features.distance(held_features), image.distance(held_described))
    return Familiarity(features, image, np.sort(distances))


def of_arrays(arrays: Mapping[str, np.ndarray]) -> Familiarity:
    """Return what :meth:`Familiarity.arrays` gave."""
    clouds = {
        name: Cloud(
            **{key: arrays[f"{name}_{key}"] for key in ("middle", "scale", "whitening", "mean")},
            unit=float(arrays[f"{name}_unit"]),
        )
        for name in ("features", "image")
    }
    return Familiarity(clouds["features"], clouds["image"], arrays["held_out"])
