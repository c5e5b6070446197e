"""Is a new object like those that a network was trained with? One distance, told as a percentile of held-out objects.

Two descriptions of an object are compared with those of the training part: the network's last *features*, and the
*image* itself, in the numbers of :func:`describe`. Networks map what they have never seen onto features that they know,
noise above all; light, its profile and its power on fine scales tell that. In each description the distance is that to
the nearest training object, in units of this one's own distance to its neighbours (the nearest neighbour data
description of Tax & Duin 1998, Proc. SSPR, 593): rare training objects do not hide what is strange among common ones.
Images are compared twice: with extreme values compressed, which tells more where they are common, and as they are,
which tells more where they are not. The greatest distance counts, each in units of what held-out objects have.

What distance is unfamiliar is read off held-out objects (the validation part): a new object like them is more distant
than the k-th of n with a probability of 1 - k / (n + 1), whatever the distances are. This holds on the mean over sets
of held-out objects; of one set the fraction follows the beta distribution with parameters n + 1 - k and k. With fewer
than 1 / f - 1 objects no threshold can promise a fraction f of false alarms: what is more distant than all of them is
unfamiliar, and 1 / (n + 1) of the objects like them are. Where a split keeps groups whole they stand for objects: each
has the same weight (:mod:`skybake.evaluation.conformal`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

OBJECTS = 5000  # of a part that are enough to compare with
REFERENCES = 2000  # training objects among which the nearest is searched
NEIGHBOURS = 5  # that tell how far apart training objects are
RINGS = 6
LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)  # of the pixels that are described
_CENTRE = 0.12  # radius of what is the middle, in sides of the image
_SORTED_PIXELS = 400  # of an image and band, at most, for their quantiles
_BLOCK_PIXELS = 1 << 18  # what is described at once: it stays in the processor's cache
_BLOCK_OBJECTS = 256  # whose distances to all references are computed at once
_AXES = 128  # in which images are compared, at most: those in which the training part varies most
_FEATURE_AXES = 64  # likewise features, whose distance costs as much as all others
_FEATURES = 512  # of a network that are compared, at most: evenly spaced among more
_KNEE, _LATE_KNEE = 1.0, 4.0  # where values are compressed, in units of their scatter
_LEAST_SCALE = 0.02  # of numbers that hardly vary in the training part
_LEAST_RADIUS = 0.3  # in medians: training objects may be the same twice
_USUAL = 0.98  # quantile of held-out distances that is their unit
_TINY = 1e-12
_MEDIAN = LEVELS.index(0.5)
_FOUR_PIXELS = 2 * 0.6745  # median deviation of the sum of four pixels of unit noise
_LEAST_NOISE = 1e-3  # of the pixels' standard deviation: many may be equal


def enough(rows: np.ndarray, most: int = OBJECTS) -> np.ndarray:
    """Return at most so many of some rows (n,), evenly spaced: features and images of these are enough to fit."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]


def describe(images: np.ndarray) -> np.ndarray:
    """Describe images by a few numbers a band.

    These are the logarithm of the pixels' standard deviation and of the distance of their quartiles; and of pixels in
    units of that standard deviation, about their mean: the mean itself, the logarithms of the least and the greatest,
    the mean absolute deviation, the quantiles at ``LEVELS``, the mean light in rings about the middle, correlations
    with the neighbours at 1, 2 and 4 pixels along both axes, and with the same pixel of the band before. Of the noise,
    which second differences of neighbouring pixels tell: its logarithm, and asinh of the light in the middle, above the
    median, in units of it; and asinh of that light's mean in units of the mean of all pixels.

    Args:
        images: (n, H, W, C) in any units.

    Returns:
        (n, D) float32; NaN where a pixel is no number.
    """
    images = np.asarray(images, dtype=np.float32)
    n, height, width, bands = images.shape
    step = max(1, _BLOCK_PIXELS // max(1, height * width * bands))
    weights = np.hstack([_rings(height, width), _centre(height, width)])
    with np.errstate(all="ignore"):
        blocks = [_described(images[first : first + step], weights) for first in range(0, n, step)]
    return np.concatenate(blocks) if blocks else np.empty((0, 0), dtype=np.float32)


def _rings(height: int, width: int) -> np.ndarray:
    """Return weights (H W, R) whose product with pixels is the mean light in a ring; the last one is the corners."""
    y, x = np.indices((height, width)) - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    radius = 2 * np.hypot(y / height, x / width).ravel()  # 1 at the middle of an edge
    found = [np.floor(radius * RINGS).clip(max=RINGS) == ring for ring in range(RINGS + 1)]
    return np.stack([inside / inside.sum() for inside in found if inside.any()], axis=1).astype(np.float32)


def _centre(height: int, width: int) -> np.ndarray:
    """Return weights (H W, 1) whose product with pixels is the mean light in the middle."""
    y, x = np.indices((height, width)) - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    inside = np.hypot(y, x).ravel() <= max(1.5, _CENTRE * min(height, width))
    return (inside / inside.sum()).astype(np.float32)[:, None]


def _described(images: np.ndarray, weights: np.ndarray) -> np.ndarray:
    n, height, width, bands = images.shape
    pixels = images.transpose(0, 3, 1, 2).copy().reshape(n, bands, -1)
    count = pixels.shape[-1]
    mean = pixels.mean(axis=-1, keepdims=True)
    pixels -= mean
    std = np.maximum(np.sqrt(np.vecdot(pixels, pixels) / count), _TINY)[..., None]
    pixels /= std
    some = np.sort(pixels[..., :: max(1, count // _SORTED_PIXELS)], axis=-1)
    quantiles = some[..., [round(level * (some.shape[-1] - 1)) for level in LEVELS]]
    quartiles = _log(quantiles[..., [4]] - quantiles[..., [2]])
    extremes = [_log(-pixels.min(axis=-1)), _log(pixels.max(axis=-1))]
    one_each = [np.abs(pixels).mean(axis=-1), *extremes]
    for lag in (1, 2, 4):
        for along, shift in ((width, lag), (height, lag * width)):
            if along > lag:
                one_each.append(np.vecdot(pixels[..., shift:], pixels[..., :-shift]) / (count - shift))
    light = pixels @ weights
    median, (rings, centre) = quantiles[..., [_MEDIAN]], np.split(light, [-1], axis=-1)
    noise = _noise(pixels, width)
    above = centre - median
    of_noise = [
        np.log(std * noise),
        np.arcsinh(above / noise * np.sqrt(np.count_nonzero(weights[:, -1])) / 5),
        np.arcsinh(above / np.maximum(-median, 0.05)),
    ]
    parts = [np.log(std), quartiles, np.log(std) + quartiles, mean / std, quantiles, rings, *of_noise]
    numbers = np.concatenate([*parts, np.stack(one_each, axis=-1)], axis=-1).reshape(n, -1)
    return np.concatenate([numbers, np.vecdot(pixels[:, 1:], pixels[:, :-1]) / count], axis=1)


def _noise(pixels: np.ndarray, width: int) -> np.ndarray:
    """Return the noise (n, C, 1) of pixels (n, C, H W): light that varies slowly has no second differences."""
    count = pixels.shape[-1] - width - 1
    if count < 1:
        return np.full((*pixels.shape[:-1], 1), _LEAST_NOISE, dtype=np.float32)
    step = max(1, count // _SORTED_PIXELS)
    corners = [pixels[..., lag : lag + count : step] for lag in (0, 1, width, width + 1)]
    apart = np.abs(corners[0] - corners[1] - corners[2] + corners[3])
    place = apart.shape[-1] // 2
    middle = np.partition(apart, place, axis=-1)[..., [place]]
    return np.maximum(middle / _FOUR_PIXELS, np.float32(_LEAST_NOISE))


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values, 0.01))


@dataclass(frozen=True)
class Cloud:
    """Where the training part lies in one description.

    Attributes:
        chosen: (F,) places of the values that are compared.
        middle, scale: (F,) their medians, and how far they scatter about them.
        knee: In units of that; beyond, values are compressed to logarithms.
        whitening, mean: (F, K) to axes in which the training part has unit variance, and its mean there, (K,).
        references: (R, K) training objects there.
        radius: (R,) how far they are from their neighbours.
        unit: What counts as a distance of 1.
    """

    chosen: np.ndarray
    middle: np.ndarray
    scale: np.ndarray
    whitening: np.ndarray
    mean: np.ndarray
    references: np.ndarray
    radius: np.ndarray
    knee: float
    unit: float

    @cached_property
    def _to_squares(self) -> np.ndarray:
        """What values, their square and 1 are multiplied with to be squared distances in units of the radius."""
        own = np.vecdot(self.references, self.references)
        return np.vstack([-2 * self.references.T, np.ones_like(own), own]) / self.radius**2

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Return the distance (n,) of values (n, F); infinite where one is no number."""
        found = np.empty(len(values))
        with np.errstate(all="ignore"):
            for first in range(0, len(values), _BLOCK_OBJECTS):
                flat = whitened(values[first : first + _BLOCK_OBJECTS], self)
                squares = np.vecdot(flat, flat)[:, None]
                nearest = (np.hstack([flat, squares, np.ones_like(squares)]) @ self._to_squares).min(axis=1)
                found[first : first + _BLOCK_OBJECTS] = np.sqrt(np.maximum(nearest, 0)) / self.unit
        return np.where(np.isfinite(found), found, np.inf)


def whitened(values: np.ndarray, cloud: Cloud) -> np.ndarray:
    """Return values (n, F) on a cloud's axes, (n, K)."""
    flat = (np.asarray(values, dtype=np.float32)[:, cloud.chosen] - cloud.middle) / cloud.scale
    return compressed(flat, cloud.knee) @ cloud.whitening - cloud.mean


def compressed(values: np.ndarray, knee: float) -> np.ndarray:
    """Return values that are as they were well below ``knee``, and their logarithms beyond."""
    return knee * np.arcsinh(values / knee)


def _cloud(train: np.ndarray, held_out: np.ndarray, knee: float, most_axes: int = _AXES) -> Cloud:
    chosen = enough(np.arange(train.shape[1]), _FEATURES)
    train = np.asarray(train, dtype=np.float64)[:, chosen]
    middle = np.median(train, axis=0)
    low, high = np.percentile(train, (16, 84), axis=0)
    scale = np.maximum((high - low) / 2, np.maximum(0.1 * train.std(axis=0), _LEAST_SCALE))
    flat = compressed((train - middle) / scale, knee)
    variances, axes = principal_axes(flat, most_axes)
    whitening = axes / np.sqrt(np.maximum(variances, 1e-3))
    mean = flat.mean(axis=0) @ whitening
    references = enough(flat, REFERENCES) @ whitening - mean
    found = Cloud(
        chosen=chosen,
        middle=middle.astype(np.float32),
        scale=scale.astype(np.float32),
        whitening=whitening.astype(np.float32),
        mean=mean.astype(np.float32),
        references=references.astype(np.float32),
        radius=_radius(references).astype(np.float32),
        knee=knee,
        unit=1.0,
    )
    usual = float(np.quantile(found.distance(held_out), _USUAL))
    return replace(found, unit=usual if 0 < usual < math.inf else 1.0)


def _radius(references: np.ndarray) -> np.ndarray:
    """Return the mean distance (R,) of objects (R, K) to their nearest neighbours."""
    squares = np.vecdot(references, references)
    apart = squares[:, None] + squares - 2 * references @ references.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.sort(apart, axis=1)[:, : min(NEIGHBOURS, len(references) - 1)]
    found = np.sqrt(np.maximum(nearest, 0)).mean(axis=1) if nearest.size else np.ones(len(references))
    return np.maximum(found, max(_LEAST_RADIUS * float(np.median(found)), _TINY))


def principal_axes(values: np.ndarray, most: int = _AXES) -> tuple[np.ndarray, np.ndarray]:
    """Return variances (K,) and axes (F, K) of values (n, F): the greatest of a covariance shrunk to a multiple of 1.

    It is shrunk by as much as Ledoit & Wolf (2004, J. Multivar. Anal. 88, 365) find best.
    """
    n, width = values.shape
    centred = values - values.mean(axis=0)
    covariance = centred.T @ centred / n
    variances, axes = np.linalg.eigh(covariance)
    mean = float(variances.mean())
    squares = float((covariance**2).sum())
    noise = float((np.vecdot(centred, centred) ** 2).mean() - squares) / n
    distance = squares - width * mean**2
    weight = 1.0 if distance <= 0 else min(1.0, noise / distance)
    return (1 - weight) * variances[-most:] + weight * mean, axes[:, -most:]


@dataclass(frozen=True)
class Familiarity:
    """What new objects are compared with.

    Attributes:
        features, image, tails: The training part in its features, and in the description of its images, once with
            values compressed early, and once late.
        held_out: (n,) distances of held-out objects, in order.
        level: (n,) the fraction of objects like them that are at most as distant, at least.
    """

    features: Cloud
    image: Cloud
    tails: Cloud
    held_out: np.ndarray
    level: np.ndarray

    def distance(self, features: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Return how far objects are from the training part, (n,): nearly all usual ones are below 1.

        Infinite where a value is no number. The same objects in one call give the same bytes.

        Args:
            features: (n, F) of the network.
            images: (n, H, W, C) in the units of the dataset.
        """
        return _greatest((self.features, self.image, self.tails), features, describe(images))

    def percentile(self, distance: np.ndarray) -> np.ndarray:
        """Return the per cent (n,) of objects like the held-out ones that are nearer than distances (n,).

        At most 100 n / (n + 1): with few held-out objects nothing is known of what is beyond them all.
        """
        return 100 * np.concatenate([[0.0], self.level])[np.searchsorted(self.held_out, distance, side="left")]

    def threshold(self, false_alarms: float) -> float:
        """Return the greatest distance that is familiar: that of all held-out objects, where they are too few.

        Args:
            false_alarms: Fraction of objects like the held-out ones that may be more distant.
        """
        return float(self.held_out[self._place(false_alarms)])

    def promised(self, false_alarms: float) -> float:
        """Return the fraction of objects like the held-out ones that are beyond the threshold, on the mean, at most.

        It is above ``false_alarms`` where too few objects are held out: 1 / (n + 1).
        """
        return 1 - float(self.level[self._place(false_alarms)])

    def _place(self, false_alarms: float) -> int:
        return min(int(np.searchsorted(self.level, 1 - false_alarms - 1e-9)), len(self.level) - 1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as arrays by name, which :func:`of_arrays` takes."""
        found = {"held_out": self.held_out, "level": self.level}
        for name in _CLOUDS:
            cloud = getattr(self, name)
            found |= {f"{name}_{field.name}": np.asarray(getattr(cloud, field.name)) for field in fields(cloud)}
        return found


_CLOUDS = ("features", "image", "tails")


def _greatest(clouds: tuple[Cloud, Cloud, Cloud], features: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Return the greatest of the distances (n,) in the three clouds."""
    of_features, of_image, of_tails = clouds
    images = np.maximum(of_image.distance(described), of_tails.distance(described))
    return np.maximum(of_features.distance(features), images)


def fit(
    train_features: np.ndarray,
    train_images: np.ndarray,
    held_features: np.ndarray,
    held_images: np.ndarray,
    held_groups: np.ndarray | None = None,
) -> Familiarity:
    """Learn what is familiar.

    Args:
        train_features, train_images: (n, F) and (n, H, W, C) of the training part, or of :func:`enough` of it.
        held_features, held_images: Of objects that the network was not fitted to: the validation part.
        held_groups: (n,) what those belong to, where the split keeps that whole; else None.
    """
    held_described = describe(held_images)
    described = describe(train_images)
    clouds = (
        _cloud(train_features, held_features, _KNEE, _FEATURE_AXES),
        _cloud(described, held_described, _KNEE),
        _cloud(described, held_described, _LATE_KNEE),
    )
    distances = _greatest(clouds, held_features, held_described)
    order = np.argsort(distances, kind="stable")
    names = np.arange(len(distances)) if held_groups is None else held_groups
    _, codes, sizes = np.unique(names, return_inverse=True, return_counts=True)
    level = np.cumsum(1 / sizes[codes[order]]) / (len(sizes) + 1)
    return Familiarity(*clouds, held_out=distances[order], level=level)


def of_arrays(arrays: Mapping[str, np.ndarray]) -> Familiarity:
    """Return what :meth:`Familiarity.arrays` gave."""
    clouds = {}
    for name in _CLOUDS:
        given: dict[str, Any] = {field.name: arrays[f"{name}_{field.name}"] for field in fields(Cloud)}
        clouds[name] = Cloud(**given | {key: float(given[key]) for key in ("knee", "unit")})
    return Familiarity(clouds["features"], clouds["image"], clouds["tails"], arrays["held_out"], arrays["level"])
