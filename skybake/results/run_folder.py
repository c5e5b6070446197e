"""The folder of a run, with one reader and one writer.

``model.keras``, ``predictor.keras``, ``summary.csv`` and ``architecture.dot`` (of a network), ``history.csv``,
``predictions.h5``, ``timing.json`` and ``run.json``, which is written last: its presence says that the run is whole.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from skybake import files
from skybake.data.dataset import Dataset
from skybake.inputs import described
from skybake.results import predictions
from skybake.results.predictions import Predicted, Prediction

MODEL, HISTORY, PREDICTIONS = "model.keras", "history.csv", "predictions.h5"
TIMING, RECORD = "timing.json", "run.json"
SUMMARY, GRAPH = "summary.csv", "architecture.dot"
PREDICTOR = "predictor.keras"


@dataclass(frozen=True)
class Record:
    """What ``run.json`` says.

    Attributes:
        dataset, model, loss, seed: Names, as in the results tree.
        library_model, library_loss: What they are in the library; no loss for a baseline.
        model_parameters, loss_parameters: Those that differ from the defaults.
        task: ``"regression"`` or ``"classification"``.
        label, units: Of the label, of several of the first.
        labels: All that the network predicts, where these are several; empty elsewhere.
        label_error: Scalar with the label's known errors that the loss was given; empty where it was given none.
        classes: Names of its classes; empty where the dataset has none.
        bands: Names of the bands of an image.
        mock: Whether the dataset is simulated.
        inputs: Scalars given beside the image.
        derived: Name -> formula, of those that are no scalars of the dataset (:mod:`skybake.inputs`).
        training: The config's training block; empty for a baseline.
        split: How the dataset was split.
        fold: Of the split, counted from 1; None where there is only one, and of all folds together.
        folds: Test objects of each fold, of a run that is all folds together; empty elsewhere.
        point: Of a sweep; empty where nothing is swept.
        n_train, n_valid, n_test: Objects of each part; None of one that was not seen.
        head: Name of the network's head; None where the training diverged.
        fitted_head: The head itself, as :func:`skybake.heads.of_dict` reads it; empty for a baseline.
        start: Of the network that it started from: its names, whether its head was taken, and the layers that are
            frozen; empty where the training began with random weights.
        parameters: How many are trained; None for a baseline.
        epochs, best_epoch: How many epochs, and the one whose weights were kept, from 1.
        preprocessing: ``image`` and ``scalars``: what is done to them before the network.
        targets: What is done to the label.
        class_weights: Of the loss; empty without any.
        shuffle: ``"objects"`` or ``"chunks"``.
        versions: Of the packages.
        hardware: ``processor``, ``threads`` and ``device``.
        diverged: Why the training of this point of a sweep ended without a prediction; empty where it did not.
        dropout: ``passes`` with dropout and the ``layers`` that have it, of what was predicted so; empty elsewhere.
        left_out: Why this point of successive halving was not trained, so that the run is that of the rung before;
            empty elsewhere.
        digests: SHA-256 of ``dataset``, ``split`` and, if there is one, the network ``start_from``; the digest of the
            ``code``.
        fingerprint: Digest of all that the result depends on.
        files: File of the run -> its SHA-256.
    """

    dataset: str
    model: str
    loss: str
    seed: int
    task: str
    label: str
    units: str
    mock: bool
    library_model: str
    library_loss: str | None
    label_error: str = ""
    labels: Sequence[str] = ()
    model_parameters: Mapping[str, Any] = field(default_factory=dict)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)
    classes: Sequence[str] = ()
    bands: Sequence[str] = ()
    inputs: Sequence[str] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    fold: int | None = None
    folds: Sequence[int] = ()
    point: str = ""
    n_train: int | None = None
    n_valid: int | None = None
    n_test: int | None = None
    head: str | None = None
    fitted_head: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Any] = field(default_factory=dict)
    class_weights: Sequence[float] = ()
    shuffle: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    diverged: str = ""
    left_out: str = ""
    dropout: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def described_inputs(self) -> list[str]:
        """The inputs beside the image, those that are derived with their formula."""
        return described(self.inputs, self.derived)

    def as_dict(self) -> dict[str, Any]:
        """Return what is written: all but what this run does not have."""
        always = {"parameters", "epochs", "best_epoch", "model_parameters", "loss_parameters", "inputs"}
        always |= {item.name for item in fields(self) if item.default is MISSING and item.default_factory is MISSING}
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        absent: tuple[Any, ...] = (None, "", (), [], {})
        return {name: value for name, value in found.items() if name in always or value not in absent}


@dataclass(frozen=True)
class Timing:
    """What ``timing.json`` says; None where nothing was measured.

    Attributes:
        train_seconds: Of the whole training.
        epoch_seconds: Of each epoch.
        epoch_seconds_median: Of these.
        train_objects_per_second, predict_objects_per_second: Throughput.
        peak_memory_mb: The most that the process held.
    """

    train_seconds: float
    epoch_seconds: Sequence[float] = ()
    epoch_seconds_median: float | None = None
    train_objects_per_second: float | None = None
    predict_objects_per_second: float | None = None
    peak_memory_mb: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what is written."""
        return asdict(self)


@dataclass(frozen=True)
class Layer:
    """A line of ``summary.csv``.

    Attributes:
        layer, type: Its name, and what it is in Keras.
        output_shape: As text, ``None`` for the objects.
        parameters, trainable: How many numbers it holds, and how many of them are trained.
        connected_to: Names of the layers that it takes.
    """

    layer: str
    type: str
    output_shape: str
    parameters: int
    trainable: int
    connected_to: str


def write(
    folder: Path,
    record: Record,
    timing: Timing,
    history: Sequence[Mapping[str, float]],
    parts: Mapping[str, tuple[np.ndarray, Prediction]],
    ids_digest: str,
) -> None:
    """Write a run into its folder, beside what is there already, e.g. its network.

    Args:
        folder: Is made if it does not exist.
        record: All but ``files``, which are found.
        timing: What was measured.
        history: One row an epoch.
        parts: ``"valid"`` and ``"test"`` -> rows (N,) of the dataset, and predictions for them.
        ids_digest: Of the dataset.
    """
    with files.atomic_write(folder / HISTORY) as path, path.open("w", newline="", encoding="utf-8") as stream:
        names = list(history[0]) if history else ["epoch", "loss", "val_loss"]
        table = csv.DictWriter(stream, names, lineterminator="\n")
        table.writeheader()
        table.writerows(history)
    predictions.write(
        folder / PREDICTIONS,
        parts,
        dataset=record.dataset,
        ids_digest=ids_digest,
        label=record.label,
        label_error=record.label_error,
        strategy=record.split,
    )
    files.write_json(folder / TIMING, timing.as_dict())
    results = [path for path in sorted(folder.iterdir()) if path.name not in (TIMING, RECORD)]  # no time in a digest
    digests = {path.name: files.file_digest(path) for path in results}
    files.write_json(folder / RECORD, {**record.as_dict(), "files": digests})  # last


def read_record(folder: Path) -> Record:
    """Read ``run.json``.

    Raises:
        ValueError: It is not what this version writes.
    """
    return _of(Record, folder / RECORD)


def read_timing(folder: Path) -> Timing:
    """Read ``timing.json``.

    Raises:
        ValueError: It is not what this version writes.
    """
    return _of(Timing, folder / TIMING)


def _of(kind: type[Any], path: Path) -> Any:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in files.read_json(path).items()}
    try:
        return kind(**values)
    except TypeError as error:  # a key that is missing, or unknown
        raise ValueError(f"{path}: not written by this version of skybake ({error}). Hint: train again") from error


def read_history(folder: Path) -> list[dict[str, float]]:
    """Read ``history.csv``: one row an epoch; a cell that is empty is not a number."""
    with (folder / HISTORY).open(newline="", encoding="utf-8") as stream:
        return [
            {name: int(text) if name == "epoch" else float(text or "nan") for name, text in row.items()}
            for row in csv.DictReader(stream)
        ]


def write_layers(folder: Path, layers: Iterable[Layer]) -> None:
    """Write ``summary.csv``."""
    with files.atomic_write(folder / SUMMARY) as path, path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, [item.name for item in fields(Layer)], lineterminator="\n")
        table.writeheader()
        table.writerows(map(asdict, layers))


def read_layers(folder: Path) -> list[Layer]:
    """Read ``summary.csv``: the layers of the network, in its order."""
    with (folder / SUMMARY).open(newline="", encoding="utf-8") as stream:
        return [
            Layer(
                row["layer"],
                row["type"],
                row["output_shape"],
                int(row["parameters"]),
                int(row["trainable"]),
                row["connected_to"],
            )
            for row in csv.DictReader(stream)
        ]


def read_predictions(folder: Path, part: str, dataset: Dataset) -> Predicted:
    """Read ``"valid"`` or ``"test"`` of ``predictions.h5``, with what the dataset knows of its objects.

    Raises:
        ValueError: There is no such part, or it is of another dataset.
    """
    return predictions.read(folder / PREDICTIONS, part, dataset)


def is_whole(folder: Path, fingerprint: str, names: Sequence[str]) -> bool:
    """Tell whether a folder has all files of a run undamaged, and is the run of the fingerprint."""
    try:
        record = read_record(folder)
        read_timing(folder)
        if record.fingerprint != fingerprint:
            return False
        results = [name for name in names if name not in (TIMING, RECORD)]
        return all(record.files.get(name) == files.file_digest(folder / name) for name in results)
    except (OSError, ValueError):  # missing, cut short, or not what a run writes
        return False
