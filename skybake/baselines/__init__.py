"""Trivial predictors that stand beside the networks, one file each, found by their name.

A baseline has:

- ``features(images, scalars) -> (N, F)``, of raw images (N, H, W, C) and input scalars (N,) with what each is
  (:class:`Scalars`), each row by itself. A missing scalar is taken to be the training part's mean.
- ``build(task, **parameters)``, which returns a scikit-learn regressor of these features, or for the task
  ``"classification"`` a classifier with probabilities. If it takes a keyword-only ``seed``, the baseline is fitted for
  every seed of the bake-off; if not, it is fitted once, and its row has one seed.
- ``TASKS``: the tasks it is for; ``LIMITS``: the allowed values of its parameters (:mod:`skybake.limits`)
- ``NEEDS``: the scalars it requires by name; ``NEEDS_SCALARS``: whether it requires any
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from skybake import plugins, provenance
from skybake.baselines._scalars import Scalars
from skybake.data.columns import Column
from skybake.data.dataset import Reader
from skybake.missing import present
from skybake.results.predictions import Prediction
from skybake.results.run_folder import Timing
from skybake.training import runs
from skybake.training.job import Job
from skybake.training.runs import Data, Result

PACKAGES = ("scikit-learn", "numpy", "h5py")
BLOCK = 1 << 24  # pixels in memory at once


def fit_job(dataset: Path, split: Path, job: Job, seeds: Mapping[int, Path], work: Path, files: Sequence[str]) -> None:
    """Fit a baseline for every seed of a job.

    Raises:
        TrainingFailed: It could not be fitted.
    """
    data = runs.load(dataset, split, job.label, runs.parts_of(job), job.fold)
    runs.run(job, data, seeds, work, lambda seed, _: _fit(job, data, seed), files, provenance.versions(PACKAGES))


def _features(module: ModuleType, job: Job, data: Data, part: str) -> np.ndarray:
    """Return the features (n, F) of a part; its images are read some at a time, in the order of the file."""
    order = np.argsort(data.rows[part], kind="stable")
    scalars = data.scalars(job.inputs, part, job.derived)
    columns = {
        name: Column("", job.derived[name]) if name in job.derived else data.dataset.columns[f"scalar/{name}"]
        for name in scalars
    }
    objects, found = max(1, BLOCK // math.prod(data.dataset.image_shape)), []
    with Reader(data.dataset) as reader:
        for first in range(0, len(order), objects):
            places = order[first : first + objects]
            images = reader.images(data.rows[part][places])
            found.append(
                module.features(images, Scalars({name: values[places] for name, values in scalars.items()}, columns))
            )
    return np.concatenate(found)[np.argsort(order)]


def _predicted(model: Any, features: np.ndarray, classes: int) -> Prediction:
    """Return the predictions of a fitted regressor, or of a classifier: 0 for a class without training objects."""
    if not classes:
        return Prediction(point=np.asarray(model.predict(features), np.float64))
    probabilities = np.zeros((len(features), classes))
    probabilities[:, model.classes_.astype(int)] = model.predict_proba(features)
    return Prediction(point=probabilities.argmax(axis=1).astype(np.float64), classes=probabilities)


def _fit(job: Job, data: Data, seed: int) -> Result:
    part = plugins.in_room("baselines", "build")[job.library_model]
    module, task = part.load(), data.dataset.task
    features = {part: _features(module, job, data, part) for part in data.rows}
    label = data.label(job.label, "train")
    known = present(label)
    classes = 0
    if task == "classification":
        classes = len(data.classes(job.label)) or max(2, int(label[known].max()) + 1)
    started = perf_counter()
    model = module.build(task, **({"seed": seed} if part.seeded else {}), **job.model_parameters)
    if any(np.isnan(values).any() for values in features.values()):
        model = make_pipeline(SimpleImputer(keep_empty_features=True), model)
    model.fit(features["train"][known], label[known])
    train_seconds = perf_counter() - started
    started = perf_counter()
    predicted = {name: _predicted(model, features[name], classes) for name in ("valid", "test")}
    predict_seconds = perf_counter() - started
    return Result(
        predictions=predicted,
        record={
            "head": "logits" if classes else "point",
            "parameters": None,
            "epochs": None,
            "best_epoch": None,
            "versions": provenance.versions(PACKAGES),
            "hardware": {"processor": provenance.processor(), "threads": 1, "device": {"kind": "cpu", "name": "cpu"}},
        },
        timing=Timing(
            train_seconds=train_seconds,
            train_objects_per_second=float(known.sum() / train_seconds),
            predict_objects_per_second=sum(len(item.point) for item in predicted.values()) / predict_seconds,
            peak_memory_mb=runs.peak_memory_mb(),
        ),
    )
