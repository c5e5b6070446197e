"""Writes a dataset: whole, or not at all."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from skybake import hdf5
from skybake.data.columns import (
    CHUNK_OBJECTS,
    FORMAT,
    STRING,
    VERSION,
    Column,
    DatasetError,
    Schema,
    check_classes,
    check_columns,
    ids_digest,
)
from skybake.files import atomic_write

PIECE = 1 << 20  # pixels written at once, or a chunk if that is more


class Writer:
    """Appends objects to an open dataset file; made by :func:`create_dataset`.

    Attributes:
        raw, notes: As of the schema; what is added to them before the end is in the file too.
    """

    def __init__(self, file: h5py.File, schema: Schema):
        self._file, self._schema = file, schema
        self.raw, self.notes = dict(schema.raw), dict(schema.notes)
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def append(
        self,
        *,
        image: np.ndarray,
        id: Sequence[str],
        group: Sequence[str],
        labels: Mapping[str, np.ndarray],
        scalars: Mapping[str, np.ndarray],
    ) -> None:
        """Append n objects.

        Args:
            image: (n, H, W, C), finite as float32; the first call fixes H, W and C.
            id: n names, unique within the dataset.
            group: n names of groups.
            labels: One (n,) array for each label of the schema; NaN or -9999 where missing.
            scalars: One (n,) array for each scalar of the schema.

        Raises:
            DatasetError: An array has another length or shape, a pixel is not finite, an id repeats, the names
                differ from the schema's, or a label is none of the schema's classes.
        """
        n = len(id)
        image = np.asarray(image)
        if image.ndim != 4 or len(image) != n or image.shape[-1] != len(self._schema.bands):
            raise DatasetError(
                f"images of shape {image.shape} do not fit: expected ({n}, H, W, {len(self._schema.bands)})"
            )
        if "image" not in self._file:
            self._create(image.shape[1:])
        if image.shape[1:] != self._file["image"].shape[1:]:
            raise DatasetError(f"images of shape {image.shape[1:]} among others of {self._file['image'].shape[1:]}")
        for kind, given, expected in (
            ("label", labels, self._schema.labels),
            ("scalar", scalars, self._schema.scalars),
        ):
            if set(given) != set(expected):
                raise DatasetError(f"{kind}s {sorted(given)} given, expected {sorted(expected)}")
        repeated = [name for name, times in Counter(id).items() if times > 1 or name in self._ids]
        if repeated:
            raise DatasetError(f"id {repeated[0]!r} stands twice; ids must be unique")
        check_classes(self._schema.labels, labels, id)
        start = self._file["id"].shape[0]
        step = CHUNK_OBJECTS * max(1, PIECE // (CHUNK_OBJECTS * math.prod(image.shape[1:])))
        for first in range(0, n, step):  # in pieces: the float32 copy stays small
            with np.errstate(over="ignore"):  # becomes infinite
                rows = image[first : first + step].astype(np.float32, copy=False)
            if not np.isfinite(rows).all():
                bad = first + int(np.flatnonzero(~np.isfinite(rows).all(axis=(1, 2, 3)))[0])
                raise DatasetError(f"object {id[bad]!r} has pixels that are not finite")
            self._extend("image", start + first, rows)
        self._extend("id", start, np.asarray(list(id), dtype=object))
        self._extend("group", start, np.asarray(list(group), dtype=object))
        for kind, arrays in (("label", labels), ("scalar", scalars)):
            for name, values in arrays.items():
                self._extend(f"{kind}/{hdf5.key_of(name)}", start, np.asarray(values, dtype=np.float64))
        self._ids.update(id)

    def _create(self, shape: tuple[int, int, int]) -> None:
        file, schema = self._file, self._schema
        image = file.create_dataset(
            "image",
            shape=(0, *shape),
            maxshape=(None, *shape),
            chunks=(CHUNK_OBJECTS, *shape),
            dtype=np.float32,
            shuffle=True,
            compression="gzip",
            compression_opts=1,
        )
        schema.image.write(image.attrs)
        image.attrs["bands"] = list(schema.bands)
        for name, column in {
            "id": Column("", "name of the object, unique in this dataset"),
            "group": Column("", "objects of one group must never be on both sides of a split"),
        }.items():
            array = file.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(4096,), dtype=STRING)
            column.write(array.attrs)
        for kind, columns in (("label", schema.labels), ("scalar", schema.scalars)):
            file.require_group(kind)
            for name, column in columns.items():
                array = file.create_dataset(
                    f"{kind}/{hdf5.key_of(name)}", shape=(0,), maxshape=(None,), chunks=(4096,), dtype=np.float64
                )
                column.write(array.attrs)

    def _extend(self, name: str, start: int, values: np.ndarray) -> None:
        array = self._file[name]
        array.resize(start + len(values), axis=0)
        array[start:] = values


@contextmanager
def create_dataset(path: Path | str, schema: Schema) -> Iterator[Writer]:
    """Open a new dataset for writing; the file appears under ``path`` only when the block ends well.

    Raises:
        DatasetError: The block ends without a single object, or the schema is not complete.
    """
    check_columns(schema)
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update(
            {
                "format": FORMAT,
                "version": VERSION,
                "survey": schema.survey,
                "task": schema.task,
                "mock": schema.mock,
                "label": schema.predicted,
            }
        )
        writer = Writer(file, schema)
        yield writer
        if not len(writer):
            raise DatasetError(f"{path}: no object was accepted. Hint: the reasons stand in rejected.csv beside it")
        file.attrs.update({"raw": json.dumps(dict(sorted(writer.raw.items()))), **writer.notes})
        file.attrs["labels"] = list(schema.labels)
        file.attrs["ids_digest"] = ids_digest(name.decode() for name in file["id"][:])
        file.attrs["complete"] = True
