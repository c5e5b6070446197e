"""The HDF5 dataset: written whole or not at all, opened with a check that says what is wrong with a bad file.

Layout (see ``format`` and ``version`` in the file's attributes)::

    /image            float32 (N, H, W, C), chunked by objects
    /label/<name>     float64 (N,)
    /scalar/<name>    float64 (N,)
    /id               UTF-8 string (N,)
    /group            UTF-8 string (N,)   what must never be on both sides of a split

Every array carries ``units`` and ``description``; the root carries the survey, the task, the names of the classes
(``classes``, of a classification), the band names, whether the objects are simulated, and the SHA-256 of every raw
file.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
import math
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from skybake import hdf5

FORMAT = "skybake-dataset"
VERSION = 1
MAGIC = -9999.0  # astroNN's mark for a missing label
OFFICIAL_TEST = "official_test"  # scalar: 1 for objects of the test set that a survey's makers set aside, else 0
CHUNK_OBJECTS = 64
PIECE = 1 << 20  # pixels written at once, or a chunk if that is more
STRING = h5py.string_dtype("utf-8")


class DatasetError(ValueError):
    """A dataset file that is not what it should be."""


@dataclass(frozen=True)
class Column:
    """What an array of a dataset holds.

    Attributes:
        units: Physical units, as a string; empty if it has none.
        description: One line for a reader of the file.
    """

    units: str
    description: str


@dataclass(frozen=True)
class Schema:
    """What a dataset will hold, known before its first object.

    Attributes:
        survey: Name of the survey, as its reader's file.
        task: ``"regression"`` or ``"classification"``.
        bands: One name per image channel.
        image: Units and description of the image pixels.
        labels: Label name -> column. The first is the one that models predict unless the config says otherwise.
        scalars: Scalar name -> column.
        raw: Raw file name (no folder) -> SHA-256 of the file.
        mock: Whether the objects are simulated.
        notes: Further root attributes, plain strings or numbers.
        classes: Of a classification, the name of class 0, 1, ... of the first label; empty where they have no names.
    """

    survey: str
    task: str
    bands: Sequence[str]
    image: Column
    labels: Mapping[str, Column]
    scalars: Mapping[str, Column]
    raw: Mapping[str, str]
    mock: bool = False
    notes: Mapping[str, str | float | int] = field(default_factory=dict)
    classes: Sequence[str] = ()


def file_digest(path: Path | str) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ids_digest(ids: Iterable[str]) -> str:
    """Return the SHA-256 of object ids in their order; what a split remembers of its dataset."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the name ``path`` only if the block ends well.

    Parent folders are made. On an error what was written is removed, and an earlier ``path`` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's 0600 would hide results from colleagues
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


class Writer:
    """Appends objects to an open dataset file; made by :func:`create`."""

    def __init__(self, file: h5py.File, schema: Schema):
        self._file, self._schema = file, schema
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
            image: (n, H, W, C), finite; the first call fixes H, W and C. Cast to float32.
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
        _check_classes(self._schema.classes, labels, id)
        start = self._file["id"].shape[0]
        step = CHUNK_OBJECTS * max(1, PIECE // (CHUNK_OBJECTS * math.prod(image.shape[1:])))
        for first in range(0, n, step):  # in pieces: the float32 copy stays small
            rows = image[first : first + step]
            if not np.isfinite(rows).all():
                bad = first + int(np.flatnonzero(~np.isfinite(rows).all(axis=(1, 2, 3)))[0])
                raise DatasetError(f"object {id[bad]!r} has pixels that are not finite")
            self._extend("image", start + first, rows)
        self._extend("id", start, np.asarray(list(id), dtype=object))
        self._extend("group", start, np.asarray(list(group), dtype=object))
        for kind, arrays in (("label", labels), ("scalar", scalars)):
            for name, values in arrays.items():
                self._extend(f"{kind}/{name}", start, np.asarray(values, dtype=np.float64))
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
        _describe(image, schema.image)
        image.attrs["bands"] = list(schema.bands)
        for name, column in {
            "id": Column("", "name of the object, unique in this dataset"),
            "group": Column("", "objects of one group must never be on both sides of a split"),
        }.items():
            _describe(file.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(4096,), dtype=STRING), column)
        for kind, columns in (("label", schema.labels), ("scalar", schema.scalars)):
            file.require_group(kind)
            for name, column in columns.items():
                array = file.create_dataset(
                    f"{kind}/{name}", shape=(0,), maxshape=(None,), chunks=(4096,), dtype=np.float64
                )
                _describe(array, column)

    def _extend(self, name: str, start: int, values: np.ndarray) -> None:
        array = self._file[name]
        array.resize(start + len(values), axis=0)
        array[start:] = values


def _check_class_names(task: str, classes: Sequence[str]) -> None:
    """Raise DatasetError unless there are no names, or distinct ones of at least two classes of a classification."""
    if not classes:
        return
    if task != "classification":
        raise DatasetError(f"classes {list(classes)} given; expected none, since the task is {task}")
    if isinstance(classes, str) or len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
        raise DatasetError(f"classes {classes!r} given; expected at least two distinct names")


def _check_classes(classes: Sequence[str], labels: Mapping[str, np.ndarray], ids: Sequence[str]) -> None:
    """Raise DatasetError if a known value of the first label is no number of a named class."""
    if not classes:
        return
    name, values = next(iter(labels.items()))
    values = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(values) & (values != MAGIC)
    wrong = known & ((values != np.floor(values)) | (values < 0) | (values >= len(classes)))
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise DatasetError(
            f"object {ids[bad]!r}: {name} {values[bad]:g} found; expected a class from 0 to {len(classes) - 1}"
            f" ({', '.join(classes)}), NaN or {MAGIC:g}"
        )


def _describe(array: h5py.Dataset, column: Column) -> None:
    array.attrs["units"], array.attrs["description"] = column.units, column.description


_expected: ContextVar[tuple[str, tuple[str, ...]]] = ContextVar("expected", default=("", ()))


@contextmanager
def expecting(key: str, scalars: Iterable[str]) -> Iterator[None]:
    """Refuse datasets that lack a scalar before anything is written to them: cutting images may take days.

    Args:
        key: Of the config, where the scalars are asked for.
        scalars: Their names.
    """
    token = _expected.set((key, tuple(scalars)))
    try:
        yield
    finally:
        _expected.reset(token)


def _check_expected(schema: Schema) -> None:
    key, names = _expected.get()
    for name in names:
        if name not in schema.scalars:
            near = difflib.get_close_matches(name, schema.scalars, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DatasetError(
                f"{key}: no scalar {name!r}; the raw files give {', '.join(sorted(schema.scalars)) or 'none'}.{hint}"
            )


@contextmanager
def create(path: Path | str, schema: Schema) -> Iterator[Writer]:
    """Open a new dataset for writing; the file appears under ``path`` only when the block ends well.

    Raises:
        DatasetError: The block ends without a single object, the schema's classes are not distinct names, or it lacks a
            scalar that is expected (see :func:`expecting`).
    """
    _check_class_names(schema.task, schema.classes)
    _check_expected(schema)
    with whole(path) as beside, hdf5.write(beside) as file:
        file.attrs.update(
            {
                "format": FORMAT,
                "version": VERSION,
                "survey": schema.survey,
                "task": schema.task,
                "mock": schema.mock,
                "raw": json.dumps(dict(sorted(schema.raw.items()))),
                **schema.notes,
            }
        )
        if schema.classes:
            file.attrs["classes"] = list(schema.classes)
        writer = Writer(file, schema)
        yield writer
        if not len(writer):
            raise DatasetError(f"{path}: no object was accepted. Hint: the reasons stand in rejected.csv beside it")
        file.attrs["labels"] = list(schema.labels)
        file.attrs["ids_digest"] = ids_digest(name.decode() for name in file["id"][:])
        file.attrs["complete"] = True


@dataclass(frozen=True)
class Dataset:
    """What a dataset file says of itself, and its small arrays; images are read by :meth:`images`.

    Attributes:
        path: The file.
        survey, task, mock, bands: As in :class:`Schema`.
        image_shape: (H, W, C).
        ids, groups: (N,) strings.
        labels, scalars: Name -> (N,) float64.
        columns: ``"image"``, ``"label/<name>"`` and ``"scalar/<name>"`` -> units and description.
        digest: SHA-256 of the ids in their order.
        raw: Raw file name -> SHA-256.
        notes: The other root attributes.
        classes: As in :class:`Schema`; empty in a file without names.
    """

    path: Path
    survey: str
    task: str
    mock: bool
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
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

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


_ATTRIBUTES = {"format", "version", "survey", "task", "mock", "raw", "labels", "ids_digest", "complete", "classes"}


def load(path: Path | str) -> Dataset:
    """Open a dataset and check it.

    Raises:
        DatasetError: The file is missing, is not HDF5, is not a dataset of this version, is unfinished, or its arrays
            do not agree; the message names the file, what was expected and what was found.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{path}: no such dataset")
    try:
        file = hdf5.read(path)
    except OSError as error:
        raise DatasetError(f"{path}: not an HDF5 file, or a truncated one ({error})") from None
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
        arrays |= {f"{kind}/{name}": array for kind in ("label", "scalar") for name, array in file[kind].items()}
        for name, array in arrays.items():
            if len(array) != len(ids):
                raise DatasetError(f"{path}: /{name} has {len(array)} rows, /id has {len(ids)}")
        digest = ids_digest(ids)
        if digest != attributes["ids_digest"]:
            raise DatasetError(f"{path}: the ids are not those it was written with (digest {digest[:12]}...)")
        labels = {name: file[f"label/{name}"][:] for name in attributes["labels"]}
        classes = tuple(str(name) for name in attributes.get("classes", ()))
        try:
            _check_class_names(str(attributes["task"]), classes)
            _check_classes(classes, labels, ids)
        except DatasetError as error:
            raise DatasetError(f"{path}: {error}") from None
        return Dataset(
            path=path,
            survey=str(attributes["survey"]),
            task=str(attributes["task"]),
            mock=bool(attributes["mock"]),
            bands=tuple(str(band) for band in file["image"].attrs["bands"]),
            image_shape=tuple(int(size) for size in file["image"].shape[1:]),
            ids=ids,
            groups=file["group"].asstr()[:],
            labels=labels,
            scalars={name: array[:] for name, array in file["scalar"].items()},
            columns={
                name: Column(str(array.attrs["units"]), str(array.attrs["description"]))
                for name, array in arrays.items()
                if name != "group"
            },
            digest=digest,
            raw=json.loads(attributes["raw"]),
            notes={
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in attributes.items()
                if name not in _ATTRIBUTES
            },
            classes=classes,
        )


@dataclass(frozen=True)
class Rejection:
    """A raw object that is not in the dataset.

    Attributes:
        row: Row number in the catalogue, counted from 0.
        id: Its id as the catalogue has it.
        reason: One of few words that can be counted, e.g. ``"mass not positive"``.
        detail: What was found.
    """

    row: int
    id: str
    reason: str
    detail: str = ""


def write_rejected(path: Path | str, rejections: Iterable[Rejection]) -> None:
    """Write ``rejected.csv``, in the catalogue's order."""
    with whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["row", "id", "reason", "detail"])
        for item in sorted(rejections, key=lambda item: item.row):
            table.writerow([item.row, item.id, item.reason, item.detail])
