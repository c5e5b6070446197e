"""What a trained network says of each object, in one form whatever its head, and the HDF5 file that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np

from skybake.dataset import STRING, whole

FORMAT = "skybake-predictions"
VERSION = 1


@dataclass(frozen=True)
class Prediction:
    """Predictions for N objects, in units of the label; ``None`` where the head cannot give it.

    Attributes:
        point: (N,) point estimate.
        std: (N,) standard deviation of a Gaussian predictive distribution.
    """

    point: np.ndarray
    std: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.point)

    def rescaled(self, scale: float, shift: float) -> Prediction:
        """Return the prediction of ``scale * label + shift``, ``scale`` > 0."""
        return Prediction(
            point=scale * self.point + shift,
            std=None if self.std is None else scale * self.std,
        )


@dataclass(frozen=True)
class Predicted:
    """One part (validation or test) of a dataset with what one run predicted for it.

    Attributes:
        ids: (N,) names of the objects.
        label: (N,) true labels; NaN or -9999 where missing.
        prediction: For the same objects.
        scalars: Name -> (N,) scalars of the dataset.
        name, units: Of the label.
    """

    ids: np.ndarray
    label: np.ndarray
    prediction: Prediction
    scalars: Mapping[str, np.ndarray]
    name: str
    units: str


def write(path: Path | str, parts: Mapping[str, Predicted]) -> None:
    """Write predictions, one group a part (``valid``, ``test``)."""
    with whole(path) as beside, h5py.File(beside, "w") as file:
        file.attrs.update({"format": FORMAT, "version": VERSION})
        for name, part in parts.items():
            group = file.create_group(name)
            group.attrs.update({"label": part.name, "units": part.units})
            group.create_dataset("id", data=np.asarray(part.ids, dtype=object), dtype=STRING)
            group["label"] = np.asarray(part.label, dtype=np.float64)
            for item in fields(part.prediction):
                values = getattr(part.prediction, item.name)
                if values is not None:
                    group[f"prediction/{item.name}"] = np.asarray(values, dtype=np.float32)
            for scalar, values in part.scalars.items():
                group[f"scalar/{scalar}"] = np.asarray(values, dtype=np.float64)


def read(path: Path | str, part: str) -> Predicted:
    """Read one part of a predictions file.

    Raises:
        ValueError: It is not a predictions file of this version, or has no such part.
    """
    with h5py.File(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise ValueError(f"{path}: not a predictions file of version {VERSION}. Hint: train the run again")
        if part not in file:
            raise ValueError(f"{path}: no part {part!r}, found {sorted(file)}")
        group = file[part]
        return Predicted(
            ids=group["id"].asstr()[:],
            label=group["label"][:],
            prediction=Prediction(
                **{name: values[:].astype(np.float64) for name, values in group["prediction"].items()}
            ),
            scalars={name: values[:] for name, values in group.get("scalar", {}).items()},
            name=str(group.attrs["label"]),
            units=str(group.attrs["units"]),
        )
