"""Images in one array: a .npy or .npz file, or HDF5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake import hdf5
from skybake.raw import RawError, arrays, formats
from skybake.raw.cutouts.options import Options
from skybake.raw.pixels import chosen_layout
from skybake.raw.values import plain_texts

KINDS = (formats.NPY, formats.ZIP, formats.HDF5)


@dataclass(frozen=True)
class Cube:
    """An array of images that is not read yet.

    Attributes:
        path: The file.
        shape: (N, H, W) or with bands.
        layout: Where they stand.
        name: Of the array in the file.
    """

    path: Path
    shape: tuple[int, ...]
    layout: str
    name: str = ""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width, bands = self.shape[1:] if len(self.shape) == 4 else (*self.shape[1:], 1)
        return (width, bands, height) if self.layout == "channels_first" else (height, width, bands)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Give the array, which is read where it is indexed."""
        if formats.kind_of(self.path) == formats.HDF5:
            with hdf5.read(self.path) as file:
                yield file[self.name]
            return
        found = arrays.load(self.path)
        yield found if isinstance(found, np.ndarray) else found[self.name]

    def images(self, array: Any, rows: np.ndarray) -> np.ndarray:
        """Return the images of some rows in rising order, (n, H, W, C) float32."""
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.array(array[rows.min() : rows.max() + 1][rows - rows.min()], dtype=np.float32)
        found = found[..., None] if found.ndim == 3 else found
        return np.ascontiguousarray(np.moveaxis(found, 1, -1)) if self.layout == "channels_first" else found


def open_cube(path: Path, options: Options) -> Cube:
    """Return the array of images that a file holds.

    Raises:
        RawError: It cannot be read; or there are several, or none; or bands may stand in two places.
    """
    kind = formats.kind_of(path)
    if kind == formats.HDF5:
        shapes = _hdf5_shapes(path)
    else:
        found = arrays.load(path)
        named = {"": found} if isinstance(found, np.ndarray) else found
        shapes = {name: values.shape for name, values in named.items() if values.dtype.kind in "buif"}
    name = _chosen(path, shapes, options.array)
    shape = shapes[name]
    if len(shape) not in (3, 4) or not all(shape):
        raise RawError(f"{path}: {name or 'an array'} {shape} found; expected images (N, H, W) or with bands")
    layout = "channels_last" if len(shape) == 3 else chosen_layout(path, shape[1:], options.layout)
    return Cube(path, shape, layout, name)


def names_beside(path: Path, images: Cube) -> dict[str, list[str | None]]:
    """Return name -> texts of the arrays in the images' file that have one text or whole number an image."""
    number = images.shape[0]
    if formats.kind_of(path) == formats.HDF5:
        found = _hdf5_columns(path, number)
    else:
        loaded = arrays.load(path)
        found = {} if isinstance(loaded, np.ndarray) else loaded
    return {
        name: plain_texts(values).tolist()
        for name, values in found.items()
        if values.shape == (number,) and values.dtype.kind in "uiSUO"
    }


def _hdf5_columns(path: Path, number: int) -> dict[str, np.ndarray]:
    import h5py

    found: dict[str, np.ndarray] = {}

    def see(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape == (number,):
            found[name] = item[:]

    with hdf5.read(path) as file:
        file.visititems(see)
    return found


def _hdf5_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def see(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "buif":
            shapes[name] = item.shape

    try:
        with hdf5.read(path) as file:
            file.visititems(see)
    except (OSError, RuntimeError) as error:
        raise RawError(f"{path}: not a readable HDF5 file ({error}). Hint: is the download complete?") from None
    return shapes


def _chosen(path: Path, shapes: Mapping[str, tuple[int, ...]], asked: str) -> str:
    listed = ", ".join(f"{name or 'one'} {shape}" for name, shape in shapes.items()) or "none"
    if asked:
        name = asked.strip("/")
        if name not in shapes:
            raise RawError(f"{path}: option array: no {asked!r}; found {listed}")
        return name
    images = [name for name, shape in shapes.items() if len(shape) in (3, 4)]
    if len(images) != 1:
        lines = " or ".join(f"`array: {name}`" for name in images or shapes)
        raise RawError(
            f"{path}: {len(images)} arrays that may be images (N, H, W[, C]); found {listed}. Hint: say which, options:"
            f" {lines}"
        )
    return images[0]
