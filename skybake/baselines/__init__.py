"""Trivial predictors that stand beside the networks, one file each, found by their name.

A baseline has ``features(images, scalars) -> (N, F)``, of raw images (N, H, W, C) and a mapping of input scalars (N,),
each row by itself, and ``build(**parameters)``, which returns a scikit-learn regressor of these features. ``NEEDS`` in
its file names the scalars it cannot do without; ``NEEDS_SCALARS`` says that it wants some, whichever. A missing scalar
is taken to be the training part's mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from types import ModuleType

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from skybake import plugins, provenance
from skybake.data.dataset import Reader
from skybake.missing import present
from skybake.results.predictions import Prediction
from skybake.training import runs
from skybake.training.runs import Data, Job, Result

PACKAGES = ("scikit-learn", "numpy", "h5py")
BLOCK = 1 << 24  # pixels in memory at once


def fit_job(dataset: Path, split: Path, job: Job, seeds: Mapping[int, Path], work: Path, files: Sequence[str]) -> None:
    """Fit a baseline for every seed of a job.

    Raises:
        TrainingFailed: It could not be fitted.
    """
    data = runs.load(dataset, split, job.label, job.parts)
    runs.run(job, data, seeds, work, lambda seed, _: _fit(job, data), files, provenance.versions(PACKAGES))


def _features(module: ModuleType, job: Job, data: Data, part: str) -> np.ndarray:
    """Return the features (n, F) of a part; its images are read some at a time, in the order of the file."""
    order = np.argsort(data.rows[part], kind="stable")
    scalars = {
        name: np.where(present(values), values, np.nan) for name, values in data.scalars(job.inputs, part).items()
    }
    objects, found = max(1, BLOCK // math.prod(data.dataset.image_shape)), []
    with Reader(data.dataset) as reader:
        for first in range(0, len(order), objects):
            places = order[first : first + objects]
            images = reader.images(data.rows[part][places])
            found.append(module.features(images, {name: values[places] for name, values in scalars.items()}))
    return np.concatenate(found)[np.argsort(order)]


def _fit(job: Job, data: Data) -> Result:
    module = plugins.in_room("baselines", "build")[job.part].load()
    features = {part: _features(module, job, data, part) for part in data.rows}
    label = data.label(job.label, "train")
    known = present(label)
    started = perf_counter()
    model = module.build(**job.parameters)
    if any(np.isnan(values).any() for values in features.values()):
        model = make_pipeline(SimpleImputer(), model)
    model.fit(features["train"][known], label[known])
    train_seconds = perf_counter() - started
    started = perf_counter()
    points = {part: model.predict(features[part]) for part in ("valid", "test")}
    predict_seconds = perf_counter() - started
    return Result(
        predictions={part: Prediction(point=np.asarray(point, np.float64)) for part, point in points.items()},
        record={
            "head": "point",
            "parameters": None,
            "epochs": None,
            "best_epoch": None,
            "versions": provenance.versions(PACKAGES),
            "hardware": {"processor": provenance.processor(), "threads": 1, "device": {"kind": "cpu", "name": "cpu"}},
        },
        timing={
            "train_seconds": train_seconds,
            "epoch_seconds": [],
            "epoch_seconds_median": None,
            "train_objects_per_second": known.sum() / train_seconds,
            "predict_objects_per_second": sum(map(len, points.values())) / predict_seconds,
            "peak_memory_mb": runs.peak_memory_mb(),
        },
    )
