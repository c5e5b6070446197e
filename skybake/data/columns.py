"""What a dataset holds, before its first object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import h5py
import numpy as np

from skybake.missing import MAGIC, present

FORMAT = "skybake-dataset"
VERSION = 1
OFFICIAL_TEST = "official_test"  # scalar: 1 for objects of the test set that a survey's makers set aside, else 0
CHUNK_OBJECTS = 64
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

    Survey, task, raw and mock are the same for all readers to find: :func:`skybake.raw.ingest.ingest` fills them in.

    Attributes:
        bands: One name per image channel.
        image: Units and description of the image pixels.
        labels: Label name -> column. The first is the one that models predict unless the config says otherwise.
        scalars: Scalar name -> column.
        survey: Name of the survey, as its reader's file.
        task: ``"regression"`` or ``"classification"``.
        raw: Raw file name (no folder) -> SHA-256 of the file.
        mock: Whether the objects are simulated.
        notes: Further root attributes, plain strings or numbers.
        classes: Of a classification, the name of class 0, 1, ... of the first label; empty where they have no names.
    """

    bands: Sequence[str]
    image: Column
    labels: Mapping[str, Column]
    scalars: Mapping[str, Column]
    survey: str = ""
    task: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)
    mock: bool = False
    notes: Mapping[str, str | float | int] = field(default_factory=dict)
    classes: Sequence[str] = ()


def ids_digest(ids: Iterable[str]) -> str:
    """Return the SHA-256 of object ids in their order; what a split remembers of its dataset."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def check_class_names(task: str, classes: Sequence[str]) -> None:
    """Raise DatasetError unless there are no names, or distinct ones of at least two classes of a classification."""
    if not classes:
        return
    if task != "classification":
        raise DatasetError(f"classes {list(classes)} given; expected none, since the task is {task}")
    if isinstance(classes, str) or len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
        raise DatasetError(f"classes {classes!r} given; expected at least two distinct names")


def check_classes(classes: Sequence[str], labels: Mapping[str, np.ndarray], ids: Sequence[str]) -> None:
    """Raise DatasetError if a known value of the first label is no number of a named class."""
    if not classes:
        return
    name, values = next(iter(labels.items()))
    values = np.asarray(values, dtype=np.float64)
    wrong = present(values) & ((values != np.floor(values)) | (values < 0) | (values >= len(classes)))
    if wrong.any():
        bad = int(np.flatnonzero(wrong)[0])
        raise DatasetError(
            f"object {ids[bad]!r}: {name} {values[bad]:g} found; expected a class from 0 to {len(classes) - 1}"
            f" ({', '.join(classes)}), NaN or {MAGIC:g}"
        )
