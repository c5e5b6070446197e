"""What a trained network says of each object, in one form whatever its head, and the HDF5 file that holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skybake import hdf5
from skybake.data.columns import Column
from skybake.data.dataset import Dataset
from skybake.data.splits import kept_together
from skybake.files import atomic_write
from skybake.missing import present

FORMAT = "skybake-predictions"
VERSION = 4
TINY = 1e-30  # the smallest standard deviation that a distribution has
NARROW = 0.04  # of the mean distance of neighbouring quantiles: the smallest that a density is made of
SHARED = ("dof", "levels", "edges")  # the same for all objects


@dataclass(frozen=True)
class Prediction:
    """Predictions for N objects, in units of the label; ``None`` where the head cannot give it.

    At most one form of a distribution is there: ``std`` alone for a Gaussian, with ``dof`` for Student's t, or
    quantiles, a mixture (with ``dof`` of Student's t) or bins. :func:`skybake.results.distributions.of` makes densities
    and intervals of each.

    Attributes:
        point: (N,) point estimate; for classes the number of the most probable one.
        std: (N,) standard deviation of the predictive distribution.
        dof: Degrees of freedom of Student's t, above 2.
        quantiles: (N, Q) ascending quantiles.
        levels: (Q,) their levels, ascending, between 0 and 1.
        weights, means, stds: (N, K) of the components of a mixture.
        probabilities: (N, B) probabilities of bins.
        edges: (B + 1,) of the bins.
        classes: (N, K) probabilities of classes.
        epistemic, aleatoric: (N,) of a mean of several networks or passes: what they differ by, and what they agree
            not to know (:func:`skybake.results.ensembles.parts`). Of numbers standard deviations, whose squares add up
            to that of ``std``; of classes nats, which add up to the entropy of ``classes``.

    Raises:
        ValueError: The arrays do not have the same number of objects.
    """

    point: np.ndarray
    std: np.ndarray | None = None
    dof: float | None = None
    quantiles: np.ndarray | None = None
    levels: np.ndarray | None = None
    weights: np.ndarray | None = None
    means: np.ndarray | None = None
    stds: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    edges: np.ndarray | None = None
    classes: np.ndarray | None = None
    epistemic: np.ndarray | None = None
    aleatoric: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, values in self.given().items():
            if name not in SHARED and len(values) != len(self.point):
                raise ValueError(f"{name} of {len(values)} objects found; expected {len(self.point)}, as in point")

    def __len__(self) -> int:
        return len(self.point)

    @property
    def class_probabilities(self) -> np.ndarray:
        """(N, K) probabilities of classes.

        Raises:
            ValueError: No classes are predicted.
        """
        if self.classes is None:
            raise ValueError("no probabilities of classes found; expected them, as of a classification")
        return self.classes

    def given(self) -> dict[str, Any]:
        """Return what is there, by name."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: values for name, values in found.items() if values is not None}

    def rescaled(self, scale: float, shift: float) -> Prediction:
        """Return the prediction of ``scale * label + shift``, ``scale`` > 0; class probabilities stay."""
        places = ("quantiles", "means", "edges", *(() if self.classes is not None else ("point",)))
        given = self.given()
        changed = {name: scale * given[name] + shift for name in places if name in given}
        widths = ("std", "stds", *(() if self.classes is not None else ("epistemic", "aleatoric")))
        changed |= {name: scale * given[name] for name in widths if name in given}
        return replace(self, **changed)

    def as_observed(self, sigma: np.ndarray) -> Prediction:
        """Return the prediction of the label with a Gaussian error of its own on it: variances add (aleatoric).

        Args:
            sigma: (N,) standard deviation of the error.

        Raises:
            ValueError: The distribution is neither a Gaussian nor a mixture of Gaussians.
        """
        if any(values is not None for values in (self.dof, self.quantiles, self.probabilities, self.classes)):
            raise ValueError(f"{', '.join(self.given())} found; expected Gaussians, whose variance grows by an error's")
        given = self.given()
        wide = {"std": sigma, "stds": sigma[:, None], "aleatoric": sigma}
        return replace(self, **{name: np.hypot(given[name], wide[name]) for name in wide if name in given})

    def select(self, rows: np.ndarray) -> Prediction:
        """Return the predictions of some objects, given by number or mask."""
        return replace(self, **{name: values[rows] for name, values in self.given().items() if name not in SHARED})


@dataclass(frozen=True)
class Predicted:
    """One part (validation or test) of a dataset with what one run predicted for it.

    Attributes:
        ids: (N,) names of the objects.
        label: (N,) true labels; NaN or -9999 where missing.
        prediction: For the same objects.
        scalars: Name -> (N,) scalars of the dataset.
        name: Of the label.
        column: What the label is: units, classes, error.
        columns: Name -> what a scalar is.
        label_error: (N,) known standard deviation of the label where the prediction is of the label without it; None
            where the prediction is of the label as it was measured.
        groups: (N,) names of what the objects belong to: a halo seen several times, a cell of a split by sky; None if
            not known.

    Raises:
        ValueError: There is not one name for each class.
    """

    ids: np.ndarray
    label: np.ndarray
    prediction: Prediction
    scalars: Mapping[str, np.ndarray]
    name: str
    column: Column
    columns: Mapping[str, Column] = field(default_factory=dict)
    groups: np.ndarray | None = None
    label_error: np.ndarray | None = None

    @property
    def observed(self) -> Prediction:
        """What is predicted of the labels as they were measured: of their true values, and their known errors."""
        if self.label_error is None:
            return self.prediction
        return self.prediction.as_observed(np.where(present(self.label_error), self.label_error, 0.0))

    @property
    def units(self) -> str:
        """Units of the label."""
        return self.column.units

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of class 0, 1, ...; empty where the dataset does not name them, or there are none."""
        return self.column.classes

    def __post_init__(self) -> None:
        probabilities = self.prediction.classes
        if self.classes and probabilities is not None and len(self.classes) != probabilities.shape[1]:
            raise ValueError(
                f"{len(self.classes)} names of classes found ({', '.join(self.classes)}); expected"
                f" {probabilities.shape[1]}, as there are probabilities"
            )


def group_of(part: str, label: str = "") -> str:
    """Return where the file has what is predicted of a part: of the label itself, or of one beside it."""
    return f"label/{hdf5.key_of(label)}/{part}" if label else part


def part_of(group: str) -> str:
    """Return the part of a :func:`group_of`."""
    return group.rpartition("/")[2]


def write(
    path: Path | str,
    parts: Mapping[str, tuple[np.ndarray, Prediction]],
    *,
    dataset: str,
    ids_digest: str,
    label: str,
    strategy: Mapping[str, Any],
    label_error: str = "",
) -> None:
    """Write predictions, one group a part (``valid``, ``test``): rows of the dataset, and what is predicted for them.

    Predictions are float32, what many objects share is stored once, and tables (a row an object) are compressed.

    Args:
        path: File to write.
        parts: Part, or :func:`group_of` a part and a further label -> row numbers (N,) of the dataset, and the
            predictions for these objects.
        dataset, ids_digest: Name of the dataset, and the digest of its ids, by which :func:`read` knows it.
        label: Name of the label that is predicted.
        strategy: How the dataset was split.
        label_error: Scalar with the label's known errors, where predictions are of the label without them.

    Raises:
        ValueError: There is not one row for each prediction.
    """
    for name, (rows, prediction) in parts.items():
        if len(rows) != len(prediction):
            raise ValueError(f"{path}: {len(rows)} rows of part {name!r} given; expected {len(prediction)}")
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "dataset": dataset, "ids_digest": ids_digest})
        file.attrs.update({"label": label, "split": json.dumps(dict(strategy), sort_keys=True)})
        if label_error:
            file.attrs["label_error"] = label_error
        for name, (rows, prediction) in parts.items():
            group = file.create_group(name)
            group["row"] = np.asarray(rows, dtype=np.int64)
            for item, values in prediction.given().items():
                _write_values(group, f"prediction/{item}", values, np.float64 if item in SHARED else np.float32)


def _write_values(group: h5py.Group, name: str, values: np.ndarray | float, kind: type) -> None:
    values = np.asarray(values, dtype=kind)
    packed = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if values.ndim == 2 and values.size else {}
    group.create_dataset(name, data=values, **packed)


def read(path: Path | str, part: str, dataset: Dataset) -> Predicted:
    """Read one part of a predictions file, with what the dataset knows of its objects.

    Raises:
        ValueError: It is not a predictions file of this version, has no such part, or belongs to another dataset.
        SplitError: The dataset does not tell where an object is, though it was split by that.
    """
    with hdf5.read(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise ValueError(f"{path}: not a predictions file of version {VERSION}. Hint: train the run again")
        known, digest, label = (str(file.attrs[name]) for name in ("dataset", "ids_digest", "label"))
        if digest != dataset.digest:
            raise ValueError(
                f"{path}: predictions for the dataset {known!r} with ids {digest[:12]}..., but {dataset.path} has"
                f" {dataset.digest[:12]}.... Hint: give the dataset it was trained on, or train the run again"
            )
        if label not in dataset.labels:
            raise ValueError(
                f"{path}: predictions of the label {label!r}, but {dataset.path} has {sorted(dataset.labels)}."
                " Hint: train the run again"
            )
        if part not in file:
            raise ValueError(f"{path}: no part {part!r}, found {sorted(file)}")
        rows = file[part]["row"][:]
        error = str(file.attrs.get("label_error", ""))
        return Predicted(
            ids=dataset.ids[rows],
            label=dataset.labels[label][rows],
            prediction=Prediction(**{name: _read_values(values) for name, values in file[part]["prediction"].items()}),
            scalars={name: values[rows] for name, values in dataset.scalars.items()},
            name=label,
            column=dataset.columns[f"label/{label}"],
            columns={name: dataset.columns[f"scalar/{name}"] for name in dataset.scalars},
            groups=kept_together(dataset, json.loads(file.attrs["split"]))[rows],
            label_error=dataset.scalars[error][rows] if error else None,
        )


def read_further(path: Path | str, part: str, label: str) -> tuple[np.ndarray, Prediction]:
    """Read rows of the dataset, and what is predicted for them of a label beside the first.

    Raises:
        ValueError: Nothing is predicted of it.
    """
    name = group_of(part, label)
    with hdf5.read(path) as file:
        if name not in file:
            raise ValueError(f"{path}: no predictions of the label {label!r}, found {sorted(file.get('label', ()))}")
        group = file[name]
        values = {item: _read_values(found) for item, found in group["prediction"].items()}
        return group["row"][:], Prediction(**values)


def belong(path: Path | str, dataset: Dataset) -> bool:
    """Tell whether predictions are of this version, and of this dataset."""
    with hdf5.read(path) as file:
        found = [file.attrs.get(name) for name in ("format", "version", "ids_digest")]
    return found == [FORMAT, VERSION, dataset.digest]


def _read_values(values: h5py.Dataset) -> Any:
    return values[:].astype(np.float64) if values.ndim else float(values[()])
