"""All folds of a split together: what the networks of a seed predict of all test parts is one run.

Each fold has a network of its own, so the spread over seeds is that of all of them trained again. Where each object is
in one test part, these are predictions for the whole dataset by networks that have not seen it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import hdf5
from skybake.data.dataset import Dataset
from skybake.results import piecewise, run_folder
from skybake.results.predictions import SHARED, Prediction
from skybake.results.run_folder import GRAPH, PREDICTIONS, SUMMARY, Record, Timing

PARTS = ("valid", "test")


def pool(folds: Sequence[Mapping[int, Path]], seeds: Mapping[int, Path], loss: str, dataset: Dataset) -> None:
    """Write the runs of all folds together, one a seed.

    Args:
        folds: Of each fold: seed -> folder of its run.
        seeds: Seed -> folder to write.
        loss: Name of the loss in the results tree, without a fold.
        dataset: That they were trained on.

    Raises:
        ValueError: Folds cannot be put together, or are of another dataset.
    """
    for seed, folder in seeds.items():
        runs = [fold[seed] for fold in folds]
        records = [run_folder.read_record(run) for run in runs]
        parts = {part: _part(runs, part, dataset) for part in PARTS}
        folder.mkdir(parents=True, exist_ok=True)
        for name in (SUMMARY, GRAPH):  # the layers are the same
            if (runs[0] / name).exists():
                shutil.copyfile(runs[0] / name, folder / name)
        record = _record(records, loss, {part: len(rows) for part, (rows, _) in parts.items()})
        run_folder.write(folder, record, _timing(runs), _history(runs), parts, dataset.digest)


def _part(runs: Sequence[Path], part: str, dataset: Dataset) -> tuple[np.ndarray, Prediction]:
    found = [run_folder.read_predictions(run, part, dataset).prediction for run in runs]
    rows = []
    for run in runs:
        with hdf5.read(run / PREDICTIONS) as file:
            rows.append(file[part]["row"][:])
    return np.concatenate(rows), together(found)


def together(folds: Sequence[Prediction]) -> Prediction:
    """Return the predictions of all folds, one after another.

    Probabilities of bins are given between the edges of all folds, which is exact: a density is even within a bin.

    Raises:
        ValueError: They do not hold the same things, e.g. Student's t of other degrees of freedom.
    """
    first = folds[0]
    if first.edges is not None:
        folds = _in_same_bins(folds)
        first = folds[0]
    for other in folds[1:]:
        same = list(other.given()) == list(first.given())
        if not same or any(not np.array_equal(getattr(other, name), getattr(first, name)) for name in _shared(first)):
            raise ValueError("the folds predict other things, or with other numbers; expected runs of one head")
    joined: dict[str, Any] = {
        name: values if name in SHARED else np.concatenate([getattr(fold, name) for fold in folds])
        for name, values in first.given().items()
    }
    return Prediction(**joined)


def _shared(prediction: Prediction) -> list[str]:
    return [name for name in prediction.given() if name in SHARED]


def _in_same_bins(folds: Sequence[Prediction]) -> list[Prediction]:
    """Return the folds with the probabilities of the bins between all edges of all folds."""
    own = [(one.probabilities, one.edges) for one in folds if one.probabilities is not None and one.edges is not None]
    edges = np.unique(np.concatenate([known for _, known in own]))
    return [
        replace(
            fold,
            probabilities=np.diff(piecewise.of_bins(*one).cdf(np.broadcast_to(edges, (len(fold), len(edges)))), axis=1),
            edges=edges,
        )
        for fold, one in zip(folds, own, strict=True)
    ]


def _record(records: Sequence[Record], loss: str, objects: Mapping[str, int]) -> Record:
    """Return the record of all folds: what differs between them is left out, or is the middle one's."""
    first = records[0]
    points = dict.fromkeys(record.point for record in records)
    facts: dict[str, Any] = {
        "loss": loss,
        "fold": None,
        "folds": [record.n_test for record in records],
        "point": ", ".join(filter(None, points)),
        "n_train": _middle([record.n_train for record in records]),
        "n_valid": objects["valid"],
        "n_test": objects["test"],
        "epochs": _middle([record.epochs for record in records]),
        "best_epoch": _middle([record.best_epoch for record in records]),
        **{name: {} for name in ("fitted_head", "preprocessing")},
        "fingerprint": "",
        "files": {},
    }
    return replace(first, **facts)


def _middle(values: Sequence[int | None]) -> int | None:
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None


def _timing(runs: Sequence[Path]) -> Timing:
    """Return the means over folds, as of one network; of memory the most."""
    each = [run_folder.read_timing(run) for run in runs]

    def over_folds(name: str, statistic: Any = np.mean) -> float | None:
        known = [getattr(item, name) for item in each if getattr(item, name) is not None]
        return float(statistic(known)) if known else None

    names = ("epoch_seconds_median", "train_objects_per_second", "predict_objects_per_second")
    return Timing(
        train_seconds=float(np.mean([item.train_seconds for item in each])),
        epoch_seconds=_means([item.epoch_seconds for item in each]),
        **{name: over_folds(name) for name in names},
        peak_memory_mb=over_folds("peak_memory_mb", np.max),
    )


def _means(columns: Sequence[Sequence[float]]) -> list[float]:
    """Return the means over folds, as far as all of them go."""
    return [float(np.mean(values)) for values in zip(*columns, strict=False)]


def _history(runs: Sequence[Path]) -> list[dict[str, float]]:
    """Return the mean losses over folds, of the epochs that all of them have."""
    each = [run_folder.read_history(run) for run in runs]
    names = list(each[0][0]) if all(each) else []
    columns = {name: _means([[row[name] for row in rows] for rows in each]) for name in names if name != "epoch"}
    epochs = [row["epoch"] for row, *_ in zip(*each, strict=False)]
    return [
        {"epoch": epoch, **{name: values[place] for name, values in columns.items()}}
        for place, epoch in enumerate(epochs)
    ]
