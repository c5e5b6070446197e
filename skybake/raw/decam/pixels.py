"""The pixels of stamps: their layout, masked ones, duplicates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from skybake.data.rejections import Rejection
from skybake.missing import present
from skybake.raw import Batch, RawError
from skybake.raw.decam.facts import LABEL, Known
from skybake.raw.decam.files import Stamps
from skybake.raw.decam.options import Options
from skybake.raw.masked import check_marks, fill_masked

BLOCK = 4096  # stamps in memory at once


@dataclass(frozen=True)
class Form:
    """How stamps lie in their arrays.

    Attributes:
        side, channels: H = W and C.
        channels_first: Whether stamps lie as (C, H, W), not as (H, W, C).
    """

    side: int
    channels: int
    channels_first: bool

    def images(self, block: np.ndarray) -> np.ndarray:
        """Return stamps (n, ...) as images (n, H, W, C) float32; numbers too large for that become infinite."""
        shape = (self.channels, self.side, self.side) if self.channels_first else (self.side, self.side, self.channels)
        with np.errstate(over="ignore", invalid="ignore"):
            images = np.array(block, dtype=np.float32, order="C").reshape(len(block), *shape)
        return np.ascontiguousarray(np.moveaxis(images, 1, -1)) if self.channels_first else images


def common_form(arrays: Sequence[Stamps], options: Options) -> Form:
    """Return how the stamps lie in their arrays; raise RawError where arrays differ or it is not plain."""
    forms = [_form(item, options) for item in arrays]
    if forms[0] != forms[-1]:
        shapes = " and ".join(f"{item.path.name} {item.array.shape}" for item in arrays)
        raise RawError(f"{arrays[0].path}: stamps of different form: {shapes}; expected one size")
    return forms[0]


def _form(item: Stamps, options: Options) -> Form:
    shape = item.array.shape[1:]
    if len(shape) == 1 and len(item.array) == shape[0] and options.size is None:
        raise RawError(
            f"{item.path}: {item.array.shape} may be one image, or {shape[0]} flattened stamps. Hint: the option size,"
            " pixels a side, says the latter"
        )
    last, first = options.layout == "channels_last", options.layout == "channels_first"
    if len(shape) == 1 and options.size is None and len(found := _readings(shape[0])) > 1:
        raise RawError(
            f"{item.path}: flattened stamps of {shape[0]} pixels may be"
            f" {' or '.join(f'{side} x {side} of {_channels(number)}' for side, number in found)}. Hint: say which,"
            f" {' or '.join(f'`size: {side}`' for side, _ in found)}"
        )
    if len(shape) == 1:
        side = options.size or math.isqrt(shape[0])
        if shape[0] % side**2 == 0 and (options.size or side**2 == shape[0]):
            channels = shape[0] // side**2
            if channels > 1 and options.layout == "auto":
                raise RawError(f"{item.path}: {channels} channels of flattened stamps. Hint: the option layout")
            return Form(side, channels, first and channels > 1)
        raise RawError(
            f"{item.path}: flattened stamps of {shape[0]} pixels"
            + (f", which are no {side} x {side} of any channels" if options.size else ", which are no square")
            + "".join(f", and may be {one} x {one} of {_channels(number)}" for one, number in _readings(shape[0]))
            + ". Hint: the option size says how many pixels a side has, where there are channels"
        )
    if len(shape) == 2 and shape[0] == shape[1]:
        return Form(shape[0], 1, False)
    if len(shape) == 3:
        may_be_last, may_be_first = shape[0] == shape[1], shape[1] == shape[2]
        pixels = max(shape)
        if sorted(shape)[1] == 1 < pixels and options.layout == "auto":
            raise RawError(
                f"{item.path}: stamps {shape} may be one pixel of {pixels} channels, or {pixels} pixels of one. Hint:"
                f" the option layout says the former; for the latter save them as (N, {pixels})"
            )
        if may_be_last and may_be_first and options.layout == "auto":
            raise RawError(f"{item.path}: channels of stamps {shape} may stand first or last. Hint: the option layout")
        if may_be_last and not first:
            return Form(shape[0], shape[2], False)
        if may_be_first and not last:
            return Form(shape[1], shape[0], True)
    raise RawError(
        f"{item.path}: stamps of shape {shape} found; expected square ones (H W,), (H, W), (H, W, C) or (C, H, W)"
        + (f" with {options.layout}" if options.layout != "auto" else "")
    )


def _readings(pixels: int) -> list[tuple[int, int]]:
    """Return the sides and channels that a row of pixels may have, the largest side first; never more channels."""
    sides = [side for side in range(math.isqrt(pixels), 1, -1) if pixels % side**2 == 0]
    return [(side, pixels // side**2) for side in sides if pixels // side**2 <= side]


def _channels(number: int) -> str:
    return "one channel" if number == 1 else f"{number} channels"


def assumed(arrays: Sequence[Stamps], form: Form, options: Options) -> Iterator[str]:
    """Yield how stamps were read that do not say it themselves."""
    shape = arrays[0].array.shape[1:]
    if len(shape) == 1 and options.size is None:
        yield (
            f"{arrays[0].path.name}: rows of {shape[0]} pixels are taken for stamps of {form.side} x {form.side} of one"
            f" channel; `size: {form.side}` says so"
        )


def band_names(channels: int, options: Options) -> list[str]:
    """Return the names of the channels."""
    if options.bands and len(options.bands) != channels:
        raise RawError(f"option bands: {len(options.bands)} names found; the stamps have {channels} channels")
    return list(options.bands) or (["coadd"] if channels == 1 else [f"channel {k}" for k in range(1, channels + 1)])


def read_stamps(arrays: Sequence[Stamps], form: Form, known: Known, options: Options) -> Iterator[Batch]:
    """Yield the stamps in blocks, with what is said against those that are left out."""
    against = _against(arrays, form, known, options)
    for first, block in _blocks(arrays):
        images = form.images(block)
        rows = range(first, first + len(images))
        masked, _ = _fill_masked(images, first, options)
        kept = np.array([row for row in rows if row not in against], dtype=int)
        yield Batch(
            rows=kept,
            image=images[kept - first],
            id=[known.ids[row] for row in kept],
            group=[known.groups[row] for row in kept],
            labels={LABEL: known.label[kept]},
            scalars={
                **{name: values[kept] for name, (_, values) in known.scalars.items()},
                "n_masked": masked[kept - first],
            },
            rejections=[Rejection(row, known.ids[row], *against[row]) for row in rows if row in against],
        )


def _against(arrays: Sequence[Stamps], form: Form, known: Known, options: Options) -> dict[int, tuple[str, str]]:
    """Return row -> (reason, detail) of the stamps that are left out; all are looked at, as any two may be the same."""
    against: dict[int, tuple[str, str]] = {}
    same: dict[bytes, list[int]] = {}
    for first, block in _blocks(arrays):
        images = form.images(block)
        rows = range(first, first + len(images))
        check_marks(images, known.ids[first : first + len(images)], options.missing_pixels, arrays[0].path)
        _, reasons = _fill_masked(images, first, options)
        flat = (images == images[:, :1, :1, :]).all(axis=(1, 2, 3))
        if options.constant == "reject":
            for place in np.flatnonzero(flat):
                reason = ("constant stamp", f"every pixel is {images[place, 0, 0, 0]:g}")
                reasons.setdefault(first + int(place), reason)
        reasons |= {row: known.reasons[row] for row in rows if row in known.reasons}
        for row, stamp, constant in zip(rows, images, flat, strict=True):
            if row not in reasons and not constant:
                same.setdefault(blake2b(stamp, digest_size=16).digest(), []).append(row)
        against |= reasons
    for rows_of_one in same.values():
        against |= _repeats(rows_of_one, known)
    return against


def _repeats(rows: Sequence[int], known: Known) -> dict[int, tuple[str, str]]:
    """Return what is said against stamps with the same pixels and class: the first stays. Ingest sees other classes."""
    if len({label for label in known.label[rows].tolist() if present(label)}) > 1:
        return {}
    return {row: ("duplicate", f"the same pixels as {known.ids[rows[0]]}") for row in rows[1:]}


def _blocks(arrays: Sequence[Stamps]) -> Iterator[tuple[int, np.ndarray]]:
    """Give the stamps of all arrays in blocks, with the number of the first."""
    start = 0
    for item in arrays:
        for first in range(0, len(item.array), BLOCK):
            yield start + first, item.array[first : first + BLOCK]
        start += len(item.array)


def _fill_masked(images: np.ndarray, first: int, options: Options) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
    """Fill masked pixels in place.

    Returns:
        (n,) number of masked pixels, and row -> (reason, detail) of the stamps with too many of them.
    """
    number, share = fill_masked(images, options.missing_pixels)
    refused = (number > 0) & ((options.masked == "reject") | (share > options.most_masked))
    return number, {
        first + int(place): ("masked pixels", f"{number[place]:g} in all, {share[place]:.3g} of a channel")
        for place in np.flatnonzero(refused)
    }
