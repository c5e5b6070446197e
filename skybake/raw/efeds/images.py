"""The pickle of cubes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from skybake.raw import RawError
from skybake.raw.efeds.catalogue import check_whole, written_name

BAND_EDGES = tuple(round(0.25 + 0.205 * i, 3) for i in range(11))
"""Edges of the ten energy bands [keV]."""


@dataclass(frozen=True)
class Cubes:
    """The images as the pickle has them.

    Attributes:
        path: The file.
        images: N arrays, or one of them all.
        ids: N cluster ids, or None.
        shape: (H, W, C) of most of them.
    """

    path: Path
    images: Sequence[np.ndarray] | np.ndarray
    ids: list[str] | None
    shape: tuple[int, int, int]


def read_images(path: Path, layout: str = "auto") -> Cubes:
    """Read the pickle of cubes; nothing in it is run.

    Args:
        path: The file.
        layout: Where bands stand: ``channels_last``, ``channels_first``, or ``auto``.

    Raises:
        UnsafePickle: It holds more than plain data.
        RawError: It is no pickle, a key is missing, or its arrays do not fit.
    """
    from skybake.raw import plain

    content = plain.load(path)
    if not isinstance(content, dict):
        raise RawError(f"{path}: expected a dict with 'cluster' and 'gsm_3dImgs', found {type(content).__name__}")
    content = {written_name(key): value for key, value in content.items()}
    if "gsm_3dImgs" not in content:
        raise RawError(f"{path}: expected the key 'gsm_3dImgs', found {sorted(map(str, content))}")
    images = _as_images(path, content["gsm_3dImgs"])
    height, width, bands = _common_shape(path, images)
    if layout == "auto" and width == bands:
        raise RawError(
            f"{path}: cubes {(height, width, bands)} may have {bands} bands last or {height} bands first. Hint: say"
            " which, `layout: channels_last` or `layout: channels_first`"
        )
    if layout == "channels_first":
        images = [np.moveaxis(image, 0, -1) if image.ndim == 3 else image for image in images]
    ids = content.get("cluster")
    if isinstance(ids, np.ndarray) and ids.ndim > 1 and ids.size == len(ids):
        ids = ids.reshape(-1)
    if ids is None:
        return Cubes(path, images, None, _common_shape(path, images))
    if not isinstance(ids, list | tuple | np.ndarray) or not all(_is_name(name) for name in ids):
        raise RawError(f"{path}: 'cluster' should be a list of ids, found {type(ids).__name__}")
    if len(ids) != len(images):
        raise RawError(f"{path}: 'cluster' has {len(ids)} ids, 'gsm_3dImgs' has {len(images)} images")
    check_whole(path, "'cluster'", ids)
    return Cubes(path, images, [str(written_name(value)) for value in ids], _common_shape(path, images))


def _is_name(value: object) -> bool:
    return isinstance(value, str | bytes | int | float | np.generic)


def _as_images(path: Path, images: object) -> Sequence[np.ndarray] | np.ndarray:
    if isinstance(images, np.ndarray) and images.dtype.kind in "buif":
        return images
    if isinstance(images, list | tuple) or (isinstance(images, np.ndarray) and images.dtype.kind == "O"):
        return [image if isinstance(image, np.ndarray) else _array(image) for image in images]
    found = f"an array of {images.dtype}" if isinstance(images, np.ndarray) else type(images).__name__
    raise RawError(f"{path}: 'gsm_3dImgs' should be an array (N, H, W, C) of numbers or a list of them, found {found}")


def _array(image: object) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):  # infinite, and rejected for it
            return np.asarray(image, dtype=np.float32)
    except (TypeError, ValueError):  # ragged, or no numbers: rejected later by its shape
        return np.empty(0, np.float32)


def _common_shape(path: Path, images: Sequence[np.ndarray] | np.ndarray) -> tuple[int, int, int]:
    if len(images) == 0:
        raise RawError(f"{path}: 'gsm_3dImgs' holds no image")
    if isinstance(images, np.ndarray):
        shape = images.shape[1:]
    else:
        shape = Counter(image.shape for image in images).most_common(1)[0][0]
    if len(shape) != 3 or not all(shape):
        raise RawError(
            f"{path}: expected images of shape (N, H, W, C), found ({', '.join(map(str, (len(images), *shape)))}). "
            "Hint: one band still needs its axis, as (N, H, W, 1)"
        )
    return shape


def band_names(number: int) -> list[str]:
    """Return the names of the bands; those of eFEDS have their energies."""
    if number == len(BAND_EDGES) - 1:
        return [f"{low:g}-{high:g} keV" for low, high in pairwise(BAND_EDGES)]
    return [f"band {i}" for i in range(1, number + 1)]
