"""What stands on both sides of a split: the same id, group, place on the sky or pixels, or nearly the same pixels.

A network that has seen a test object in training is judged too well. Images are read in blocks of objects; what is kept
of one are a digest and a few numbers.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skybake.data.columns import CHUNK_OBJECTS
from skybake.data.dataset import Dataset, Reader
from skybake.data.splits import PARTS, Split

ARCSEC = np.radians(1 / 3600)
BLOCK_BYTES = 2**26  # of images in memory at once
GRID = 4  # by so many means an image is looked up among others
NEARLY = 0.02  # root mean square difference of two images, over the standard deviation of the pixels of one
TRIED = 8  # nearest images that are compared pixel by pixel
COMPARED = 20_000  # pairs of images at most that are
EXAMPLES = 3
KINDS = {
    "id": "the same id",
    "group": "the same group",
    "position": "the same place on the sky, within 1 arcsecond,",
    "pixels": "the same pixels",
    "nearly": "nearly the same pixels",
}
"""What two objects may have in common; nearly the same pixels differ by less than NEARLY, also mirrored or turned."""

SAID = {"train": "training", "valid": "validation", "test": "test"}

Found = Iterable[tuple[int, int]]  # row in one part, row in the other


@dataclass(frozen=True)
class _Looks:
    """What is kept of all images.

    Attributes:
        digest: (N,) of the pixels.
        mean, std: (N,) of the pixels.
        means: (N, G) means of blocks of pixels, over all bands, less the mean and over the standard deviation, in an
            order that mirroring and turning leave as it is.
    """

    digest: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    means: np.ndarray


def find(dataset: Dataset, split: Split) -> dict[str, Any]:
    """Look for objects of one part that stand in another one too.

    Args:
        dataset: What was split.
        split: Its parts.

    Returns:
        ``"train/test"`` and the other pairs of parts -> a key of :data:`KINDS` -> ``objects``, how many of the second
        part have a counterpart in the first, and ``examples``, pairs of ids; null for the place on the sky, where the
        dataset does not tell it. Of nearly the same pixels also ``not_compared``: how many pairs of images of similar
        brightness were too many to look at.
    """
    looks, positions = _looks(dataset), _positions(dataset)
    finders: dict[str, Callable[[np.ndarray, np.ndarray], Found] | None] = {
        "id": lambda first, second: _same(dataset.ids, first, second),
        "group": lambda first, second: _same(dataset.groups, first, second),
        "position": None if positions is None else lambda first, second: _near(positions, first, second),
        "pixels": lambda first, second: _same(looks.digest, first, second),
    }
    found: dict[str, Any] = {}
    for one, other in itertools.combinations(PARTS, 2):
        first, second = np.sort(getattr(split, one)), np.sort(getattr(split, other))
        found[f"{one}/{other}"] = {
            kind: None if finder is None else _told(dataset, finder(first, second)) for kind, finder in finders.items()
        }
        pairs = _similar(looks, first, second)
        nearly = _told(dataset, _compared(dataset, looks, pairs[:COMPARED]))
        found[f"{one}/{other}"]["nearly"] = {**nearly, "not_compared": len(pairs[COMPARED:])}
    return found


def _told(dataset: Dataset, found: Found) -> dict[str, Any]:
    pairs = list(found)
    ids = [[str(dataset.ids[one]), str(dataset.ids[other])] for one, other in pairs[:EXAMPLES]]
    return {"objects": len(pairs), "examples": ids}


def _same(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, int]]:
    known: dict[Any, int] = {}
    for row in first.tolist():
        known.setdefault(values[row], row)
    yield from ((known[values[row]], row) for row in second.tolist() if values[row] in known)


def _positions(dataset: Dataset) -> np.ndarray | None:
    """Return the places (N, 3) on the unit sphere, NaN where one is not known; None if none is."""
    names = [dataset.scalars_of(kind) for kind in ("right_ascension", "declination")]
    if not all(names):
        return None
    ra, dec = (np.array(dataset.scalars[found[0]]) for found in names)
    good = np.isfinite(ra) & (np.abs(ra) <= 360) & (np.abs(dec) <= 90)
    ra, dec = (np.radians(np.where(good, values, np.nan)) for values in (ra, dec))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1) if good.any() else None


def _near(positions: np.ndarray, first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, int]]:
    from scipy.spatial import cKDTree

    first, second = (rows[np.isfinite(positions[rows, 0])] for rows in (first, second))
    if len(first):
        chord = 2 * np.sin(ARCSEC / 2)
        nearest: Any = cKDTree(positions[first]).query(positions[second], distance_upper_bound=chord)
        distance, place = nearest
        found = np.flatnonzero(np.isfinite(distance))
        yield from zip(first[place[found]].tolist(), second[found].tolist(), strict=True)


def _looks(dataset: Dataset) -> _Looks:
    height, width, bands = dataset.image_shape
    step = max(1, BLOCK_BYTES // (4 * height * width * bands) // CHUNK_OBJECTS) * CHUNK_OBJECTS
    kept = []
    with Reader(dataset) as reader:
        for begin in range(0, len(dataset), step):
            images = reader.images(np.arange(begin, min(begin + step, len(dataset))))
            kept.append(_of_images(images))
    return _Looks(*(np.concatenate(items) for items in zip(*kept, strict=True)))


def _of_images(images: np.ndarray) -> tuple[np.ndarray, ...]:
    digests = np.array([hashlib.blake2b(image, digest_size=16).digest() for image in images], dtype=object)
    flat = images.reshape(len(images), -1)
    mean = flat.mean(axis=1, dtype=np.float64)
    std = np.sqrt(np.maximum(np.einsum("ij,ij->i", flat, flat, dtype=np.float64) / flat.shape[1] - mean**2, 0))
    down, across = (_windows(size) for size in images.shape[1:3])
    blocks = np.einsum("ay,nyx,bx->nab", down, images.mean(axis=-1), across, optimize=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = (blocks - mean[:, None, None]) / std[:, None, None]
    return digests, mean, std, _unturned(scaled)


def _windows(size: int) -> np.ndarray:
    """Return the weights (G, size) of means over G windows, which are the same from either end."""
    count = min(GRID, size)
    begin, end = np.floor(np.arange(count) * size / count), np.ceil(np.arange(1, count + 1) * size / count)
    pixel = np.arange(size)
    inside = (pixel >= begin[:, None]) & (pixel < end[:, None])
    return (inside / inside.sum(axis=1, keepdims=True)).astype(np.float32)


def _unturned(blocks: np.ndarray) -> np.ndarray:
    """Return blocks (N, A, B) as (N, A B), those sorted among themselves that mirroring and turning exchange.

    Sorting brings no two images further apart.
    """
    down, across = blocks.shape[1:]
    row, column = np.mgrid[:down, :across]
    place = np.sort(np.stack([np.minimum(row, down - 1 - row), np.minimum(column, across - 1 - column)]), axis=0)
    if down != across:  # quarter turns are of squares only
        place = np.stack([np.minimum(row, down - 1 - row), np.minimum(column, across - 1 - column)])
    ring = place[0] * max(down, across) + place[1]
    return np.concatenate([np.sort(blocks[:, ring == kind], axis=1) for kind in np.unique(ring)], axis=1)


def _similar(looks: _Looks, first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs whose pixels may differ by little, the nearest ones first; those that do not differ are no such.

    If they do so by less than a share of the standard deviation, so do means of blocks, each the more as it is of more
    pixels: only what is near by its means is compared by its pixels.
    """
    from scipy.spatial import cKDTree

    with np.errstate(divide="ignore"):
        known = np.column_stack([looks.means, np.log(looks.std)])
    good = np.isfinite(known).all(axis=1)  # an image of one value has no scale: it is the same as another, or not
    first, second = first[good[first]], second[good[second]]
    if not len(first) or not len(second):
        return []
    reach = 2 * NEARLY * np.sqrt(looks.means.shape[1])
    tried = [*range(1, min(TRIED, len(first)) + 1)]
    nearest: Any = cKDTree(known[first]).query(known[second], k=tried, distance_upper_bound=reach)
    distance, place = nearest
    number, k = np.nonzero(np.isfinite(distance))
    order = np.argsort(distance[number, k], kind="stable")
    number, k = number[order], k[order]
    return [
        (one, other)
        for one, other in zip(first[place[number, k]].tolist(), second[number].tolist(), strict=True)
        if abs(looks.mean[one] - looks.mean[other]) <= NEARLY * looks.std[other]
        and looks.digest[one] != looks.digest[other]
    ]


def _compared(dataset: Dataset, looks: _Looks, pairs: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield those pairs whose pixels are near, one for each object of the second part."""
    done: set[int] = set()
    step = max(1, BLOCK_BYTES // (4 * int(np.prod(dataset.image_shape))))
    with Reader(dataset) as reader:
        for begin in range(0, len(pairs), step):
            block = pairs[begin : begin + step]
            ones, others = (reader.images(np.array(rows)) for rows in zip(*block, strict=True))
            for (one, other), image, seen in zip(block, ones, others, strict=True):
                if other not in done and _differ_little(image, seen, float(looks.std[other])):
                    done.add(other)
                    yield one, other


def _differ_little(one: np.ndarray, other: np.ndarray, scale: float) -> bool:
    """Tell whether an image (H, W, C) is nearly another one, as it is, mirrored or turned."""
    turned = (np.rot90(one, turns) for turns in range(4))
    return any(
        image.shape == other.shape and np.sqrt(np.mean(np.square(image - other))) < NEARLY * scale
        for each in turned
        for image in (each, each[:, ::-1])
    )


def words(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what was found, a sentence for each kind and pair of parts, with an example."""
    for pair, kinds in found.items():
        one, other = (SAID[part] for part in pair.split("/"))
        for kind, item in kinds.items():
            if item is not None and item["objects"]:
                first, second = item["examples"][0]
                example = f"e.g. {second}" if first == second else f"e.g. {second} and {first}"
                number = f"{item['objects']:,} object{'s' if item['objects'] > 1 else ''}"
                yield f"Leak: {number} of the {other} part with {KINDS[kind]} as one of the {one} part, {example}."
        if skipped := (kinds.get("nearly") or {}).get("not_compared"):
            yield (
                f"Leaks of nearly the same pixels were not all looked for: {skipped:,} pairs of similar images of the"
                f" {one} and the {other} part were too many to compare."
            )
