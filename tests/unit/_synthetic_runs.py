"""Writes what training leaves of a small bake-off, without training: known errors, so that numbers can be checked."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from skybake.data.columns import Column, Schema
from skybake.data.dataset import Dataset, load_dataset
from skybake.data.writer import create_dataset as create
from skybake.metrics.regression import RELATIVE
from skybake.results import predictions
from skybake.results.predictions import Predicted, Prediction

PARTS = ("valid", "test")
BIAS = {"simple_sequential": 0.10, "deeper_sequential": 0.04, "nonsequential": 0.01, "constant": 0.0, "ridge": 0.02}
SCATTER = {"simple_sequential": 0.28, "deeper_sequential": 0.24, "nonsequential": 0.17, "constant": 0.36, "ridge": 0.25}
WORSE = {"mean_squared_error": 1.0, "huber-delta=0.3": 1.05, "gaussian_nll": 0.97, "baseline": 1.0}
MASS = Column("log10 Msun", "cluster mass", "mass", outlier=0.3)
REDSHIFT = Column("", "redshift", "redshift", error=RELATIVE, outlier=0.05)
WIDTH = 0.2  # of the Gaussians that gaussian_nll predicts
SHARP = {"simple_sequential": 0.8, "deeper_sequential": 1.2, "nonsequential": 2.0}  # of class scores


@dataclass(frozen=True)
class Objects:
    """Objects of a part of a dataset; ``known`` is the label, of which the dataset misses some."""

    ids: list[str]
    known: np.ndarray
    label: np.ndarray
    redshift: np.ndarray


def sample(part: str, tested: int, missing: int, classes: int = 0) -> Objects:
    """Return the objects of the validation part, half as many as those of the test part, or these."""
    place, n = PARTS.index(part), tested if part == "test" else tested // 2
    if classes:
        known, redshift = np.random.default_rng([place, classes]).integers(0, classes, n).astype(float), np.zeros(n)
    else:
        rng = np.random.default_rng(place)
        known, redshift = np.clip(rng.normal(14.0, 0.36, n), 13, 15), rng.uniform(0.05, 1.2, n)
    label = known.copy()
    if classes:
        label[1 : missing + 1] = np.nan
    elif missing:
        label[:missing] = np.nan
        label[missing - 1] = -9999.0
    return Objects([f"{part}{row:05d}" for row in range(n)], known, label, redshift)


def read_part(run: Path, part: str, data: Path | None = None) -> Predicted:
    """Read a part of what a run predicted; its dataset lies beside it."""
    return predictions.read(run / "predictions.h5", part, load_dataset(data or run.parent / "dataset.h5"))


def write_run(
    folder: Path,
    *,
    model: str = "nonsequential",
    loss: str = "mean_squared_error",
    seed: int = 1,
    dataset: str = "efeds_mock",
    n: int = 200,
    missing: int = 3,
    label: str = "log10_m500c",
    mock: bool = True,
    diverged: bool = False,
    width: float | None = None,
    data: Path | None = None,
) -> Path:
    """Write one run, and its dataset unless it is there; objects are the same for every model and seed, errors are not.

    ``gaussian_nll`` and any loss with a ``width`` predict Gaussians of that standard deviation.
    """
    rng = np.random.default_rng([seed, *map(ord, model + loss)])
    if loss == "baseline":
        rng = np.random.default_rng(list(map(ord, model)))
    if width is None and loss == "gaussian_nll":
        width = WIDTH
    parts = {}
    for part in PARTS:
        known = sample(part, n, missing).known
        point = known + BIAS[model] + SCATTER[model] * WORSE[loss] * rng.standard_normal(len(known))
        if diverged:
            point[:] = np.nan
        parts[part] = Prediction(point=point, std=None if width is None else np.full(len(point), width))
    opened = _dataset(data or folder.parent / "dataset.h5", tested=n, missing=missing, label=label, mock=mock)
    return _write(folder, opened, parts, rng, model=model, loss=loss, seed=seed, dataset=dataset)


def write_classified(
    folder: Path,
    *,
    model: str = "nonsequential",
    loss: str = "categorical_crossentropy",
    seed: int = 1,
    dataset: str = "stamps",
    n: int = 200,
    missing: int = 3,
    classes: int = 2,
    mock: bool = True,
    diverged: bool = False,
    data: Path | None = None,
) -> Path:
    """Write one run of a classification, as :func:`write_run` does of a regression."""
    rng = np.random.default_rng([seed, *map(ord, model + loss)])
    parts = {}
    for part in PARTS:
        known = sample(part, n, missing, classes).known.astype(int)
        scores = SHARP[model] * np.eye(classes)[known] + rng.standard_normal((len(known), classes))
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        if diverged:
            probabilities[0] = np.nan
        parts[part] = Prediction(point=probabilities.argmax(axis=1).astype(float), classes=probabilities)
    opened = _dataset(data or folder.parent / "dataset.h5", tested=n, missing=missing, classes=classes, mock=mock)
    return _write(folder, opened, parts, rng, model=model, loss=loss, seed=seed, dataset=dataset)


def _dataset(path: Path, *, tested: int, **more) -> Dataset:
    """Open the dataset of a run, written if it is not there.

    Raises:
        AssertionError: There is one with other objects.
    """
    if not path.exists():
        write_dataset(path, tested + tested // 2, tested=tested, **more)
    opened = load_dataset(path)
    kept = {name: more[name] for name in ("missing", "classes") if name in more}
    for part in PARTS:
        expected, rows = sample(part, tested, **kept), rows_of(part, tested)
        assert list(opened.ids[rows]) == expected.ids, f"{path}: the dataset of other runs; write these elsewhere"
        assert np.array_equal(opened.labels[opened.label][rows], expected.label, equal_nan=True), path
    return opened


def rows_of(part: str, tested: int) -> np.ndarray:
    """Return the rows of a part: the validation part comes first in a dataset, then the test part."""
    return np.arange(tested // 2) if part == "valid" else np.arange(tested // 2, tested // 2 + tested)


def _write(
    folder: Path,
    opened: Dataset,
    parts: Mapping[str, Prediction],
    rng: np.random.Generator,
    *,
    model: str,
    loss: str,
    seed: int,
    dataset: str,
) -> Path:
    folder.mkdir(parents=True)
    baseline, n = loss == "baseline", len(parts["test"])
    predictions.write(
        folder / "predictions.h5",
        {part: (rows_of(part, n), prediction) for part, prediction in parts.items()},
        **{"dataset": dataset, "ids_digest": opened.digest, "label": opened.label},
        strategy={"strategy": "holdout"},
    )
    epochs = 0 if baseline else 20
    train, valid = _losses(epochs, loss, rng)
    with (folder / "history.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["epoch", "loss", "val_loss"])
        table.writerows(zip(range(1, epochs + 1), train, valid, strict=True))
    seconds = 0.02 if baseline else 20 + 15 * list(BIAS).index(model) + seed
    timing = {
        "train_seconds": seconds,
        "epoch_seconds": [seconds / epochs] * epochs if epochs else [],
        "epoch_seconds_median": seconds / epochs if epochs else None,
        "train_objects_per_second": 1600 * epochs / seconds if epochs else None,
        "predict_objects_per_second": 5000.0,
        "peak_memory_mb": 900.0 + seed,
    }
    run = {
        "dataset": dataset,
        "model": model,
        "loss": loss,
        "seed": seed,
        "task": opened.task,
        "label": opened.label,
        "units": opened.columns[f"label/{opened.label}"].units,
        "mock": opened.mock,
        "library_model": model,
        "library_loss": None if baseline else loss,
        "head": None if baseline else "point",
        "parameters": 1 if baseline else 106_282,
        "epochs": epochs,
        "best_epoch": int(np.argmin(valid)) + 1 if epochs else None,
        "training": {"epochs": 20, "batch_size": 32},
        "inputs": ["redshift"],
        "n_train": 8 * n,
        "n_valid": n // 2,
        "n_test": n,
        "preprocessing": {"inputs": "log"},
        "targets": {"name": "standardise", "mean": 14.0, "std": 0.36},
        "split": {"strategy": "holdout", "seed": 40},
        "digests": {"dataset": "d" * 64, "split": "5" * 64, "code": "c0de"},
        "versions": {"python": "3.11.9", "keras": "3.15.0", "numpy": np.__version__},
        "hardware": {"cpu": "A & B <fast> processor", "cores": 2, "memory_gb": 4, "gpu": None},
    }
    (folder / "timing.json").write_text(json.dumps(timing))
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def _losses(epochs: int, loss: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    epoch = np.arange(epochs)
    train = 0.02 + np.exp(-epoch / 3) * (1 + 0.1 * rng.standard_normal(epochs))
    valid = 0.03 + np.exp(-epoch / 4) + 0.0002 * epoch**2 + 0.01 * rng.standard_normal(epochs) ** 2
    shift = 0.5 if loss == "gaussian_nll" else 0.0
    return train - shift, valid - shift


def write_dataset(
    path: Path,
    n: int = 2000,
    *,
    tested: int = 0,
    missing: int = 3,
    label: str = "log10_m500c",
    classes: int = 0,
    mock: bool = True,
) -> Path:
    """Write a dataset with tiny images; with ``tested``, its first objects are those of runs."""
    if classes:
        label, column, scalars, other = "kind", Column("", "kind", "class"), {}, 0.0
    else:
        column, scalars, other = MASS, {"redshift": REDSHIFT}, 14.0
        if label == "redshift":
            column = replace(REDSHIFT, units="log10 Msun")
    schema = Schema(
        survey="efeds",
        task="classification" if classes else "regression",
        bands=("0.25-0.5 keV", "0.5-2 keV"),
        image=Column("counts", "smoothed counts"),
        labels={label: column},
        scalars=scalars,
        raw={"cubes.pkl": "a" * 64, "catalogue.feather": "b" * 64},
        mock=mock,
    )
    parts = [sample(part, tested, missing, classes) for part in PARTS] if tested else []
    ids = [name for part in parts for name in part.ids]
    rest = n - len(ids)
    ids += [f"c{row}" for row in range(rest)]
    with create(path, schema) as writer:
        writer.append(
            image=np.zeros((n, 4, 4, 2), dtype=np.float32),
            id=ids,
            group=ids,
            labels={label: np.concatenate([*(part.label for part in parts), np.full(rest, other)])},
            scalars={
                name: np.concatenate([*(part.redshift for part in parts), np.full(rest, 0.3)]) for name in scalars
            },
        )
    return path
