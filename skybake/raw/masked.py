"""Masked pixels: those that are not finite, or hold a placeholder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skybake.raw import RawError

MARKS = (-9999.0, -999.0, -99.0, -99999.0, -32768.0)  # as archives write them for pixels that are missing
MISSING_PIXELS = (
    "Pixels of these values are missing, as NaN are: `[-9999]`; `[]`: none are. Null: none, but reading stops where"
    " pixels look like such marks."
)
"""What the option ``missing_pixels`` of a reader is."""
ABSURD = 1e30  # image software marks missing pixels with the lowest or highest number of their type


def check_marks(images: np.ndarray, ids: Sequence[str], missing: Sequence[float] | None, place: object) -> None:
    """Stop where pixels may be marks of missing ones, or light: nobody said which.

    They may be marks where the smallest value of an image is a usual one, and no other value is near it.

    Args:
        images: (n, H, W, C).
        ids: n names.
        missing: The option ``missing_pixels``.
        place: The file or folder.

    Raises:
        RawError: Some are, and the option is not given.
    """
    if missing is not None or not images.size:
        return
    with np.errstate(invalid="ignore"):
        smallest = np.fmin.reduce(images, axis=(1, 2, 3))
    for k in np.flatnonzero(np.isin(smallest, MARKS)).tolist():
        mark, image = float(smallest[k]), images[k]
        if not ((image > mark) & (image < mark / 2)).any():
            number = int(np.count_nonzero(image == mark))
            raise RawError(
                f"{place}: {number} pixels of object {ids[k]} are {mark:g}, and none of the others is below"
                f" {mark / 2:g}: these may be missing, or light. Hint: say which, options: `missing_pixels: [{mark:g}]`"
                " or `missing_pixels: []`"
            )


def fill_masked(images: np.ndarray, missing: Sequence[float] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Give masked pixels the median of their image and band, in place; 0 where a band has no other.

    Args:
        images: (n, H, W, C) float32.
        missing: Values that mark missing pixels too.

    Returns:
        (n,) number of masked pixels, over all bands, and (n,) the largest fraction of a band that is masked.
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(images) < ABSURD)
    if missing:
        bad |= np.isin(images, np.array(missing, dtype=np.float32))
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
