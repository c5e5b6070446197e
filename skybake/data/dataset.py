"""The HDF5 dataset: written whole or not at all, opened with a check that says what is wrong with a bad file.

Layout (see ``format`` and ``version`` in the file's attributes)::

    /image            float32 (N, H, W, C), chunked by objects
    /label/<name>     float64 (N,)
    /scalar/<name>    float64 (N,)
    /id               UTF-8 string (N,)
    /group            UTF-8 string (N,)   what must never be on both sides of a split

In names of labels and scalars ``/`` and ``%`` are kept as ``%2F`` and ``%25``: ``S/N`` is ``/scalar/S%2FN``.

Every array carries ``units``, ``description`` and ``kind``, and what else :class:`skybake.data.columns.Column` says of
it; the image carries the band names; the root carries the survey, the task, the name of the label that models predict,
whether the objects are simulated, and the SHA-256 of every raw file.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake import hdf5
from skybake.data.columns import (
    CHUNK_OBJECTS,
    FORMAT,
    VERSION,
    Column,
    DatasetError,
    check_class_names,
    check_classes,
    columns_of,
    ids_digest,
)


@dataclass(frozen=True)
class Dataset:
    """What a dataset file says of itself, and its small arrays; images are read by :meth:`images`.

    Attributes:
        path: The file.
        survey, task, mock, bands: As in :class:`Schema`.
        label: The one that models predict.
        image_shape: (H, W, C).
        ids, groups: (N,) strings.
        labels, scalars: Name -> (N,) float64.
        columns: ``"image"``, ``"label/<name>"`` and ``"scalar/<name>"`` -> what it is.
        digest: SHA-256 of the ids in their order.
        raw: Raw file name -> SHA-256.
        notes: The other root attributes.
        warnings: Sentences of the step that made it, which pages show first; in the file, ``warnings`` is a JSON list.
    """

    path: Path
    survey: str
    task: str
    mock: bool
    label: str
    bands: tuple[str, ...]
    image_shape: tuple[int, int, int]
    ids: np.ndarray
    groups: np.ndarray
    labels: dict[str, np.ndarray]
    scalars: dict[str, np.ndarray]
    columns: dict[str, Column]
    digest: str
    raw: dict[str, str]
    notes: dict[str, str | float | int]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes of the label that models predict; empty where they have none."""
        return self.columns[f"label/{self.label}"].classes

    def scalars_of(self, *kinds: str) -> list[str]:
        """Return the names of the scalars of some kinds, see :func:`skybake.data.columns.columns_of`."""
        return columns_of({name: self.columns[f"scalar/{name}"] for name in self.scalars}, *kinds)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Read the images of ``rows``, in their order: (n, H, W, C) float32."""
        with Reader(self) as reader:
            return reader.images(rows)


class Reader:
    """Reads images again and again from a dataset that stays open; threads take turns.

    Whole chunks are read once each and gathered in memory: random rows of a chunked array are slow to read. Buffers are
    used again, HDF5's own too, which has them in its cache: asking the system for memory can take longer than to
    decompress what goes into it.
    """

    def __init__(self, dataset: Dataset):
        chunk = 4 * CHUNK_OBJECTS * math.prod(dataset.image_shape)
        self._file = hdf5.read(dataset.path, rdcc_nbytes=2 * chunk)
        self._array = self._file["image"]
        self._chunk = np.empty((self._array.chunks[0], *dataset.image_shape), dtype=np.float32)
        self._turn = threading.Lock()  # one epoch may still be reading ahead when the next one begins

    def images(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return the images of ``rows``, in their order: (n, H, W, C) float32, in ``out`` if that is given.

        Raises:
            IndexError: The dataset has no such row.
            DatasetError: The file is damaged.
        """
        rows = np.asarray(rows)
        beyond = rows[(rows < 0) | (rows >= len(self._array))]
        if beyond.size:
            raise IndexError(f"{self._file.filename}: no row {beyond[0]}, found {len(self._array)} rows")
        if out is None:
            out = np.empty((len(rows), *self._array.shape[1:]), dtype=np.float32)
        order, step = np.argsort(rows, kind="stable"), len(self._chunk)
        ordered = rows[order]
        for first in np.unique(rows // step) * step:
            last = min(first + step, len(self._array))
            low, high = np.searchsorted(ordered, [first, last])
            with self._turn:
                try:
                    self._array.read_direct(self._chunk, np.s_[first:last], np.s_[: last - first])
                except OSError as error:
                    raise DatasetError(
                        f"{self._file.filename}: the images of rows {first} to {last - 1} cannot be read ({error})."
                        " Hint: if the disk is well, delete the file and ingest again"
                    ) from None
                out[order[low:high]] = self._chunk[ordered[low:high] - first]
        return out

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


_ATTRIBUTES = {
    "format",
    "version",
    "survey",
    "task",
    "mock",
    "label",
    "raw",
    "labels",
    "ids_digest",
    "complete",
    "warnings",
}


def load_dataset(path: Path | str) -> Dataset:
    """Open a dataset and check it.

    Raises:
        DatasetError: The file is missing, is not HDF5, is not a dataset of this version, is unfinished, or its arrays
            do not agree; the message names the file, what was expected and what was found.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{path}: no such dataset")
    try:
        return _load(path)
    except DatasetError:
        raise
    except Exception as error:  # attributes and arrays of a damaged file can be anything
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DatasetError(f"{path}: not a whole dataset ({text}). Hint: delete it, and ingest again") from None


def _load(path: Path) -> Dataset:
    try:
        file = hdf5.read(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: not an HDF5 file, or a truncated one ({error}). Hint: delete it, and ingest again"
        ) from None
    with file:
        attributes = dict(file.attrs)
        if attributes.get("format") != FORMAT:
            raise DatasetError(f"{path}: format {attributes.get('format')!r} found, expected {FORMAT!r}")
        if attributes["version"] != VERSION:
            raise DatasetError(
                f"{path}: version {attributes['version']} found, expected {VERSION}. Hint: ingest it again"
            )
        if not attributes.get("complete"):
            raise DatasetError(f"{path}: the file was never finished. Hint: delete it and ingest again")
        missing = [name for name in ("image", "id", "group", "label", "scalar") if name not in file]
        if missing:
            raise DatasetError(f"{path}: /{missing[0]} is missing")
        ids = file["id"].asstr()[:]
        arrays = {name: file[name] for name in ("image", "group")}
        arrays |= {
            f"{kind}/{hdf5.name_of(key)}": array for kind in ("label", "scalar") for key, array in file[kind].items()
        }
        for name, array in arrays.items():
            if len(array) != len(ids):
                raise DatasetError(f"{path}: /{name} has {len(array)} rows, /id has {len(ids)}")
        digest = ids_digest(ids)
        if digest != attributes["ids_digest"]:
            raise DatasetError(f"{path}: the ids are not those it was written with (digest {digest[:12]}...)")
        labels = {name: arrays[f"label/{name}"][:] for name in attributes["labels"]}
        columns = {name: Column.read(array.attrs) for name, array in arrays.items() if name != "group"}
        of_labels = {name: columns[f"label/{name}"] for name in labels}
        try:
            for column in of_labels.values():
                check_class_names(str(attributes["task"]), column.classes)
            check_classes(of_labels, labels, ids)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from None
        height, width, bands = map(int, file["image"].shape[1:])
        return Dataset(
            path=path,
            survey=str(attributes["survey"]),
            task=str(attributes["task"]),
            mock=bool(attributes["mock"]),
            label=str(attributes["label"]),
            bands=tuple(str(band) for band in file["image"].attrs["bands"]),
            image_shape=(height, width, bands),
            ids=ids,
            groups=file["group"].asstr()[:],
            labels=labels,
            scalars={hdf5.name_of(key): array[:] for key, array in file["scalar"].items()},
            columns=columns,
            digest=digest,
            raw=json.loads(attributes["raw"]),
            notes={
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in attributes.items()
                if name not in _ATTRIBUTES
            },
            warnings=tuple(json.loads(attributes.get("warnings", "[]"))),
        )
