"""What a dataset holds, before its first object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import h5py
import numpy as np

from skybake.metrics.regression import DIFFERENCE, FORMULAS
from skybake.missing import MAGIC, present

FORMAT = "skybake-dataset"
VERSION = 2
CHUNK_OBJECTS = 64
STRING = h5py.string_dtype("utf-8")

OFFICIAL_TEST, PART = "official_test", "part"
PARTS = ("train", "valid", "test")
KINDS = {
    "redshift": "",
    "magnitude": "as observed, in the column's band",
    "dereddened_magnitude": "corrected for the dust of the Milky Way",
    "colour": "a difference of magnitudes",
    "extinction": "by the dust of the Milky Way",
    "flux": "",
    "mass": "or its logarithm",
    "signal_to_noise": "of an object in its image",
    "right_ascension": "in degrees",
    "declination": "in degrees",
    "size": "",
    "count": "a whole number of things",
    "uncertainty": "one sigma of another column",
    "padded_fraction": "of the image's pixels that are not of the survey",
    OFFICIAL_TEST: "1 for objects of the test set that a survey's makers set aside, else 0",
    PART: "0, 1 or 2 for objects of the training, validation or test part of a published split",
    "class": "the number of a class",
    "other": "",
}
"""What a column can be; figures, splits and baselines look for columns by it, never by name."""


class DatasetError(ValueError):
    """A dataset file that is not what it should be."""


@dataclass(frozen=True)
class Column:
    """What an array of a dataset holds.

    Attributes:
        units: Physical units, as a string; empty if it has none.
        description: One line for a reader of the file.
        kind: One of :data:`KINDS`.
        band: Image band that it is measured in; empty if none.
        preferred: Whether it is the one that figures take, of several of its kind.
        classes: Of a label that is a class, the names of class 0, 1, ...; empty where they have none.
        error: Of a label that is a number, the error of a prediction: one of the formulas of
            :data:`skybake.metrics.regression.FORMULAS`.
        outlier: Of a label that is a number, the size of error above which a prediction is an outlier.
        known_error: Of a label, the scalar that holds its one sigma error; empty if none does.
    """

    units: str
    description: str
    kind: str = "other"
    band: str = ""
    preferred: bool = False
    classes: tuple[str, ...] = ()
    error: str = DIFFERENCE
    outlier: float | None = None
    known_error: str = ""

    def write(self, attributes: h5py.AttributeManager) -> None:
        """Write attributes of an array: units, description, kind, the error of a number to predict, and what is set."""
        always = {"units", "description", "kind"} | ({"error"} if self.outlier is not None else set())
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in always or value != item.default:
                attributes[item.name] = list(value) if isinstance(value, tuple) else value

    @classmethod
    def read(cls, attributes: Mapping) -> Column:
        """Return what :meth:`write` wrote."""
        found = {item.name: attributes[item.name] for item in fields(cls) if item.name in attributes}
        if "classes" in found:
            found["classes"] = tuple(str(name) for name in found["classes"])
        return cls(**{name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()})


def class_column(classes: Sequence[str]) -> Column:
    """Return what a label is that is a class: its description tells number and name of each."""
    text = ", ".join(f"{number} {name}" for number, name in enumerate(classes))
    return Column("", text, "class", classes=tuple(classes))


@dataclass(frozen=True)
class Schema:
    """What a dataset will hold, known before its first object.

    Survey, task, raw and mock are the same for all readers to find: :func:`skybake.raw.ingest.ingest` fills them in.

    Attributes:
        bands: One name per image channel.
        image: Units and description of the image pixels.
        labels: Label name -> column.
        scalars: Scalar name -> column.
        label: The label that models predict; may be left out where there is only one.
        survey: Name of the survey, as its reader's file.
        task: ``"regression"`` or ``"classification"``.
        raw: Raw file name (no folder) -> SHA-256 of the file.
        mock: Whether the objects are simulated.
        notes: Further root attributes, plain strings or numbers.
    """

    bands: Sequence[str]
    image: Column
    labels: Mapping[str, Column]
    scalars: Mapping[str, Column]
    label: str = ""
    survey: str = ""
    task: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)
    mock: bool = False
    notes: Mapping[str, str | float | int] = field(default_factory=dict)

    @property
    def predicted(self) -> str:
        """Name of the label that models predict."""
        return self.label or next(iter(self.labels))


def ids_digest(ids: Iterable[str]) -> str:
    """Return the SHA-256 of object ids in their order; what a split remembers of its dataset."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def columns_of(columns: Mapping[str, Column], *kinds: str) -> list[str]:
    """Return the names of the columns of some kinds: those that figures prefer first, then by name."""
    found = (name for name, column in columns.items() if column.kind in kinds)
    return sorted(found, key=lambda name: (not columns[name].preferred, name.lower()))


def check_columns(schema: Schema) -> None:
    """Raise DatasetError unless every column says what is needed of its kind."""
    if schema.predicted not in schema.labels or (len(schema.labels) > 1 and not schema.label):
        raise DatasetError(f"label {schema.label!r} to predict given; expected one of {sorted(schema.labels)}")
    for name, column in {**schema.scalars, **schema.labels}.items():
        if column.kind not in KINDS:
            raise DatasetError(f"{name}: kind {column.kind!r} given; expected one of {', '.join(KINDS)}")
    for name, column in schema.labels.items():
        check_class_names(schema.task, column.classes)
        if column.error not in FORMULAS:
            raise DatasetError(f"label {name}: error {column.error!r} given; expected one of {', '.join(FORMULAS)}")
        if schema.task == "regression" and not (column.outlier or 0) > 0:
            raise DatasetError(f"label {name}: outlier {column.outlier} given; expected the size of a large error")
        if column.known_error and column.known_error not in schema.scalars:
            raise DatasetError(
                f"label {name}: its error in {column.known_error!r}; expected one of {sorted(schema.scalars)}"
            )


def check_class_names(task: str, classes: Sequence[str]) -> None:
    """Raise DatasetError unless there are no names, or distinct ones of at least two classes of a classification."""
    if not classes:
        return
    if task != "classification":
        raise DatasetError(f"classes {list(classes)} given; expected none, since the task is {task}")
    if isinstance(classes, str) or len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
        raise DatasetError(f"classes {classes!r} given; expected at least two distinct names")


def check_classes(columns: Mapping[str, Column], labels: Mapping[str, np.ndarray], ids: Sequence[str]) -> None:
    """Raise DatasetError if a known value of a label with named classes is no number of one."""
    for name, column in columns.items():
        classes, values = column.classes, np.asarray(labels[name], dtype=np.float64)
        wrong = present(values) & ((values != np.floor(values)) | (values < 0) | (values >= len(classes)))
        if classes and wrong.any():
            bad = int(np.flatnonzero(wrong)[0])
            raise DatasetError(
                f"object {ids[bad]!r}: {name} {values[bad]:g} found; expected a class from 0 to {len(classes) - 1}"
                f" ({', '.join(classes)}), NaN or {MAGIC:g}"
            )
