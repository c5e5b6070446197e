"""A trained network for new objects: raw images and scalars in, predictions in the label's units and features out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake import heads
from skybake.data import likeness
from skybake.data.dataset import Dataset
from skybake.missing import present
from skybake.results import run_folder
from skybake.results.predictions import Prediction
from skybake.results.run_folder import PREDICTOR, Record
from skybake.training import preprocessing
from skybake.training.predictor import inside


class ApplyError(ValueError):
    """A network that cannot be applied to a dataset."""


@dataclass(frozen=True)
class Network:
    """One trained network, of one seed.

    Attributes:
        model: A Keras model from ``predictor.keras``: raw images and scalars by name -> what goes into the network's
            head (n, width), and the features that it is made of (n, F).
        record: Of its run.
        scalars: Names of the scalars that it takes.
    """

    model: Any
    record: Record
    scalars: tuple[str, ...]

    def outputs(self, images: np.ndarray, scalars: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Compute one batch; batches of one size are computed alike, whatever is in them.

        Args:
            images: (n, H, W, C) in the units of the dataset.
            scalars: Name -> (n,) in the units of the dataset; others may be among them.

        Returns:
            What :meth:`prediction` takes (n, width), and the features (n, F).
        """
        given = {name: np.asarray(scalars[name], dtype=np.float32)[:, None] for name in self.scalars}
        outputs, features = self.model.predict_on_batch({"image": images, **given})
        return np.asarray(outputs), np.asarray(features)

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return predictions in units of the label, of outputs (n, width)."""
        units = preprocessing.Affine.of_dict(self.record.targets)
        found = heads.of_dict(self.record.fitted_head).prediction(outputs.astype(np.float64))
        return found.rescaled(float(units.std[0]), float(units.mean[0]))


def load(folder: Path) -> Network:
    """Load the network of a run from ``predictor.keras`` and ``run.json``.

    The framework must have been started (:func:`skybake.training.backend.start`).
    """
    import keras

    predictor = keras.saving.load_model(folder / PREDICTOR, compile=False)
    inputs, network, given = inside(predictor)
    head = network.get_layer("head")
    both = keras.Model(network.inputs, [head.output, head.input])
    model = keras.Model(inputs, both(*given))
    return Network(model, run_folder.read_record(folder), tuple(name for name in inputs if name != "image"))


def check(network: Network, dataset: Dataset, asked_by: str) -> None:
    """Check that a network can be applied to a dataset.

    Args:
        network: One of those that predict.
        dataset: The new objects.
        asked_by: Key of the config that asks for it.

    Raises:
        ApplyError: The dataset has images of another shape or other bands than those of the training, or lacks scalars.
    """
    record, shape = network.record, tuple(network.model.input["image"].shape[1:])
    label, known = dataset.columns[f"label/{dataset.label}"], present(dataset.labels[dataset.label]).any()
    if dataset.label != record.label or (known and label.units != record.units):
        raise ApplyError(
            f"{dataset.path}: labels {dataset.label} [{label.units}] found; expected {record.label} [{record.units}],"
            f" as {record.model} was trained on. Hint: {asked_by}.options, or none of the labels"
        )
    if fault := likeness.unlike(dataset.image_shape, dataset.bands, shape, record.bands, asked_by):
        raise ApplyError(f"{dataset.path}: {fault}")
    missing = [name for name in network.scalars if name not in dataset.scalars]
    if missing:
        raise ApplyError(
            f"{dataset.path}: no scalar {missing[0]!r}, found {', '.join(dataset.scalars) or 'none'};"
            f" {record.model} was trained with it. Hint: {asked_by}.options"
        )
