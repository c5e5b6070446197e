"""Writes what training leaves of a small bake-off, without training: known errors, so that numbers can be checked."""

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from skybake.data.columns import Column, Schema
from skybake.data.writer import create_dataset as create
from skybake.metrics.regression import RELATIVE
from skybake.results import predictions
from skybake.results.predictions import Predicted, Prediction

BIAS = {"simple_sequential": 0.10, "deeper_sequential": 0.04, "nonsequential": 0.01, "constant": 0.0, "ridge": 0.02}
SCATTER = {"simple_sequential": 0.28, "deeper_sequential": 0.24, "nonsequential": 0.17, "constant": 0.36, "ridge": 0.25}
WORSE = {"mean_squared_error": 1.0, "huber-delta=0.3": 1.05, "gaussian_nll": 0.97, "baseline": 1.0}
MASS = Column("log10 Msun", "cluster mass", "mass", outlier=0.3)
REDSHIFT = Column("", "redshift", "redshift", error=RELATIVE, outlier=0.05)
WIDTH = 0.2  # of the Gaussians that gaussian_nll predicts
SHARP = {"simple_sequential": 0.8, "deeper_sequential": 1.2, "nonsequential": 2.0}  # of class scores


def sample(n: int, seed: int, prefix: str) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "ids": np.array([f"{prefix}{row:05d}" for row in range(n)], dtype=object),
        "label": np.clip(rng.normal(14.0, 0.36, n), 13, 15),
        "redshift": rng.uniform(0.05, 1.2, n),
    }


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
) -> Path:
    """Write one run; objects are the same for every model and seed, errors are not.

    ``gaussian_nll`` and any loss with a ``width`` predict Gaussians of that standard deviation.
    """
    rng = np.random.default_rng([seed, *map(ord, model + loss)])
    if loss == "baseline":
        rng = np.random.default_rng(list(map(ord, model)))
    if width is None and loss == "gaussian_nll":
        width = WIDTH
    parts = {}
    for place, part in enumerate(("valid", "test")):
        objects = sample(n if part == "test" else n // 2, place, part)
        error = BIAS[model] + SCATTER[model] * WORSE[loss] * rng.standard_normal(len(objects["ids"]))
        point = objects["label"] + error
        true = objects["label"].copy()
        if missing:
            true[:missing] = np.nan
            true[missing - 1] = -9999.0
        if diverged:
            point[:] = np.nan
        parts[part] = Predicted(
            ids=objects["ids"],
            label=true,
            prediction=Prediction(point=point, std=None if width is None else np.full(len(point), width)),
            scalars={"redshift": objects["redshift"]},
            name=label,
            column=replace(REDSHIFT, units="log10 Msun") if label == "redshift" else MASS,
            columns={"redshift": REDSHIFT},
        )
    return _write(folder, parts, rng, model=model, loss=loss, seed=seed, dataset=dataset, mock=mock)


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
) -> Path:
    """Write one run of a classification; objects are the same for every model and seed, probabilities are not."""
    rng = np.random.default_rng([seed, *map(ord, model + loss)])
    parts = {}
    for place, part in enumerate(("valid", "test")):
        count = n if part == "test" else n // 2
        label = np.random.default_rng([place, classes]).integers(0, classes, count)
        scores = SHARP[model] * np.eye(classes)[label] + rng.standard_normal((count, classes))
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        if diverged:
            probabilities[0] = np.nan
        true = label.astype(float)
        true[1 : missing + 1] = np.nan
        parts[part] = Predicted(
            ids=np.array([f"{part}{row:05d}" for row in range(count)], dtype=object),
            label=true,
            prediction=Prediction(point=probabilities.argmax(axis=1).astype(float), classes=probabilities),
            scalars={},
            name="kind",
            column=Column("", "kind", "class"),
        )
    names = {"model": model, "loss": loss, "seed": seed, "dataset": dataset, "mock": mock}
    return _write(folder, parts, rng, task="classification", **names)


def _write(
    folder: Path,
    parts: Mapping[str, Predicted],
    rng: np.random.Generator,
    *,
    model: str,
    loss: str,
    seed: int,
    dataset: str,
    mock: bool,
    task: str = "regression",
) -> Path:
    folder.mkdir(parents=True)
    predictions.write(folder / "predictions.h5", parts)
    baseline, n = loss == "baseline", len(parts["test"].ids)
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
        "task": task,
        "label": parts["test"].name,
        "units": parts["test"].units,
        "mock": mock,
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


def write_dataset(path: Path, n: int = 2000, *, mock: bool = True, task: str = "regression") -> Path:
    """Write a dataset with tiny images."""
    schema = Schema(
        survey="efeds",
        task=task,
        bands=("0.25-0.5 keV", "0.5-2 keV"),
        image=Column("counts", "smoothed counts"),
        labels={"log10_m500c": MASS},
        scalars={"redshift": REDSHIFT},
        raw={"cubes.pkl": "a" * 64, "catalogue.feather": "b" * 64},
        mock=mock,
    )
    ids = [f"c{row}" for row in range(n)]
    with create(path, schema) as writer:
        writer.append(
            image=np.zeros((n, 4, 4, 2), dtype=np.float32),
            id=ids,
            group=ids,
            labels={"log10_m500c": np.full(n, 14.0)},
            scalars={"redshift": np.full(n, 0.3)},
        )
    return path
