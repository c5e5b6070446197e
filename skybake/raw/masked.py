"""Masked pixels: those that are not finite, or hold a placeholder."""

from __future__ import annotations

import numpy as np

ABSURD = 1e30  # image software marks missing pixels with the lowest or highest number of their type


def fill_masked(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give masked pixels the median of their image and band, in place; 0 where a band has no other.

    Args:
        images: (n, H, W, C) float32.

    Returns:
        (n,) number of masked pixels, over all bands, and (n,) the largest fraction of a band that is masked.
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(images) < ABSURD)
    number = bad.sum(axis=(1, 2, 3))
    share = np.zeros(len(images))
    places = np.flatnonzero(number)
    if not len(places):
        return number.astype(np.float64), share
    bad, some = bad[places], images[places]
    good = (~bad).sum(axis=(1, 2), keepdims=True)  # (places, 1, 1, C)
    ordered = np.where(bad, np.inf, some).reshape(len(places), -1, images.shape[-1])
    ordered.sort(axis=1)
    middle = np.maximum(np.stack([good - 1, good]) // 2, 0)[:, :, :, 0]  # where the two middle ones stand
    low, high = (np.take_along_axis(ordered, place, axis=1)[:, :, None] for place in middle)
    images[places] = np.where(bad, np.where(good > 0, 0.5 * (low + high), 0), some)
    share[places] = bad.mean(axis=(1, 2)).max(axis=1)
    return number.astype(np.float64), share
