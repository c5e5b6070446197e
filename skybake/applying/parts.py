"""What was predicted for new objects, in the HDF5 files that jobs leave: ``apply/<name>/parts/<k>.h5``.

A file grows block by block and is read block by block, so that no step holds a whole survey.

Layout, of N objects in the order of the dataset's rows (see ``format`` and ``version`` in the file's attributes)::

    /id, /group          UTF-8 string (N,)
    /row                 int64 (N,)       row of the dataset
    /label               float64 (N,)     NaN where it is not known
    /spread              float32 (N,)     standard deviation of the points over seeds
    /distance            float32 (N,)     from the training part
    /familiarity         float32 (N,)     percentile of that distance
    /scalar/<name>       float64 (N,)
    /flag/<name>         bool (N,)
    /prediction/<name>   float32 (N, ...), but for what all objects share: float64, once

In names of scalars ``/`` and ``%`` are kept as ``%2F`` and ``%25``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skybake import hdf5
from skybake.data.columns import STRING, Column, columns_of
from skybake.files import atomic_write
from skybake.results.predictions import SHARED, Prediction

FORMAT = "skybake-applied"
VERSION = 1
BLOCK = 4096  # objects that are read at once
_NUMBERS = {
    "row": np.int64,
    "label": np.float64,
    "spread": np.float32,
    "distance": np.float32,
    "familiarity": np.float32,
}
_TEXTS = {"id": "ids", "group": "groups"}
_PACKED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


@dataclass(frozen=True)
class Applied:
    """Some objects, in the order of the dataset, and what was predicted for them.

    Attributes:
        ids, groups: (n,) names of the objects, and of what they belong to.
        row: (n,) their rows in the dataset.
        label: (n,) where it is known, else NaN.
        scalars: Name -> (n,) all scalars of the dataset.
        prediction: The mean over seeds, in units of the label.
        spread: (n,) standard deviation of the points over seeds; of classes, of the probability of the predicted one.
            NaN of a single seed.
        distance: (n,) from the training part, as :mod:`skybake.applying.familiarity` measures it; NaN where that is not
            known.
        familiarity: (n,) the percentile of that distance among objects like those of training: 99 is more distant than
            99 % of them.
        flags: Name -> (n,) whether it is raised, see :mod:`skybake.applying.flags`.
        name: Of the label.
        column: What the label is: units, classes.
        columns: Name -> what a scalar is.

    Raises:
        ValueError: The arrays do not have the same number of objects.
    """

    ids: np.ndarray
    groups: np.ndarray
    row: np.ndarray
    label: np.ndarray
    scalars: Mapping[str, np.ndarray]
    prediction: Prediction
    spread: np.ndarray
    distance: np.ndarray
    familiarity: np.ndarray
    flags: Mapping[str, np.ndarray]
    name: str
    column: Column
    columns: Mapping[str, Column] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in _arrays(self).items()} | {"prediction": len(self.prediction)}
        wrong = {name: length for name, length in lengths.items() if length != len(self)}
        if wrong:
            said = ", ".join(f"{name} of {length}" for name, length in wrong.items())
            raise ValueError(f"{said} objects found; expected {len(self)}, as of ids")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ra(self) -> np.ndarray | None:
        """(n,) right ascension [deg]; None if the dataset has none."""
        return self._of_kind("right_ascension")

    @property
    def dec(self) -> np.ndarray | None:
        """(n,) declination [deg]; None if the dataset has none."""
        return self._of_kind("declination")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of class 0, 1, ..., their numbers where they have none; empty for a regression."""
        if self.prediction.classes is None:
            return ()
        return self.column.classes or tuple(map(str, range(self.prediction.classes.shape[1])))

    def _of_kind(self, kind: str) -> np.ndarray | None:
        names = columns_of(self.columns, kind)
        return self.scalars[names[0]] if names else None


def _arrays(applied: Applied) -> dict[str, np.ndarray]:
    """Return path in the file -> values (n,) of all but what is predicted."""
    found = {name: getattr(applied, own) for name, own in _TEXTS.items()}
    found |= {name: getattr(applied, name) for name in _NUMBERS}
    found |= {f"scalar/{hdf5.key_of(name)}": values for name, values in applied.scalars.items()}
    return found | {f"flag/{name}": values for name, values in applied.flags.items()}


@contextmanager
def writing(path: Path | str) -> Iterator[Callable[[Applied], None]]:
    """Give a function that appends objects; the file appears under ``path`` only when the block ends well."""
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION})
        yield lambda applied: _append(file, applied)


def write(path: Path | str, applied: Applied | Iterable[Applied]) -> None:
    """Write objects, all at once or one block after another."""
    with writing(path) as append:
        for block in [applied] if isinstance(applied, Applied) else applied:
            append(block)


def _append(file: h5py.File, applied: Applied) -> None:
    new = "row" not in file
    for name, values in _arrays(applied).items():
        kind = STRING if name in _TEXTS else _NUMBERS.get(name, bool if name.startswith("flag/") else np.float64)
        _extend(file, name, np.asarray(values, dtype=object if name in _TEXTS else kind), kind)
    for name, values in applied.prediction.given().items():
        here = f"prediction/{name}"
        if name not in SHARED:
            _extend(file, here, np.asarray(values, dtype=np.float32), np.float32)
        elif new:
            file[here] = np.asarray(values, dtype=np.float64)
        elif not np.array_equal(file[here][()], values):
            raise ValueError(f"{file.filename}: other {name} found than those of the objects before; expected the same")
    if new:
        file["label"].attrs["name"] = applied.name
        applied.column.write(file["label"].attrs)
        for name, column in applied.columns.items():
            column.write(file[f"scalar/{hdf5.key_of(name)}"].attrs)


def _extend(file: h5py.File, name: str, values: np.ndarray, kind: Any) -> None:
    if name not in file:
        chunk = max(1, (1 << 16) // max(1, int(np.prod(values.shape[1:]))))
        packed = _PACKED if values.ndim > 1 else {}
        shape, most = (0, *values.shape[1:]), (None, *values.shape[1:])
        file.create_dataset(
            name, shape=shape, maxshape=most, chunks=(min(chunk, BLOCK), *shape[1:]), dtype=kind, **packed
        )
    array = file[name]
    start = len(array)
    array.resize(start + len(values), axis=0)
    array[start:] = values


def read(paths: Path | str | Iterable[Path | str], objects: int = BLOCK) -> Iterator[Applied]:
    """Yield what files hold, at most so many ``objects`` at once, in the order of the files.

    Args:
        paths: One file, or those of all jobs.
        objects: The most that are read at once.

    Raises:
        ValueError: A file is none of these, or of another version.
    """
    for path in [paths] if isinstance(paths, str | Path) else paths:
        with hdf5.read(path) as file:
            if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
                raise ValueError(
                    f"{path}: not a file of predictions for new objects, version {VERSION}. Hint: apply again"
                )
            for start in range(0, len(file["row"]) if "row" in file else 0, objects):
                yield _read(file, slice(start, start + objects))


def _read(file: h5py.File, rows: slice) -> Applied:
    label = file["label"].attrs
    scalars = {hdf5.name_of(key): values for key, values in file.get("scalar", {}).items()}
    prediction = {
        name: values[rows].astype(np.float64) if name not in SHARED else values[()]
        for name, values in file["prediction"].items()
    }
    if "dof" in prediction:
        prediction["dof"] = float(prediction["dof"])
    return Applied(
        **{own: file[name].asstr()[rows] for name, own in _TEXTS.items()},
        **{name: file[name][rows] for name in _NUMBERS},
        scalars={name: values[rows] for name, values in scalars.items()},
        flags={name: values[rows] for name, values in file.get("flag", {}).items()},
        prediction=Prediction(**prediction),
        name=str(label["name"]),
        column=Column.read(label),
        columns={name: Column.read(values.attrs) for name, values in scalars.items()},
    )
