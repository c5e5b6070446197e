"""A job's objects as the network sees them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from skybake.inputs import Inputs
from skybake.missing import present
from skybake.training import backgrounds, feeding, object_weights, preprocessing
from skybake.training import images as image_steps
from skybake.training.job import NetworkJob
from skybake.training.runs import Data

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A job's objects as the network sees them.

    Attributes:
        parts: ``train``, ``valid`` and, unless the job is a point of a sweep, ``test``.
        image_step, scalar_step, target_step: As fitted on the training part.
        missing_scalars: (S,) what a scalar becomes that is not known; empty without scalars.
        inputs: Of which scalars the network's are made.
        classes: Names of class 0, 1, ..., their numbers where the dataset has no names; empty for a regression.
        labels: Names of what is predicted.
    """

    parts: Mapping[str, feeding.Subset]
    image_step: image_steps.FittedStep
    scalar_step: preprocessing.Affine
    target_step: preprocessing.Affine
    missing_scalars: np.ndarray
    inputs: Inputs
    classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("",)

    @property
    def units(self) -> list[tuple[float, float]]:
        """Scale and shift of each label: in its own units it is scale * target + shift."""
        scales, shifts = (
            np.broadcast_to(values, len(self.labels)) for values in (self.target_step.std, self.target_step.mean)
        )
        return list(zip(scales.tolist(), shifts.tolist(), strict=True))


def prepare(data: Data, job: NetworkJob) -> Prepared:
    """Bring a job's objects into the network's units; images stay on disk where memory would not hold them all."""
    training = job.training
    disk = feeding.from_disk(data.dataset, training.memory_limit_mb)
    if disk:
        log.info(
            "the images take more than %g MB (training.memory_limit_mb): read from disk, and shuffled by chunks",
            training.memory_limit_mb,
        )
    images = feeding.parts_of(data.rows, data.dataset, training.memory_limit_mb)
    step = image_steps.fit(training.images, images["train"])
    for part in images.values():
        part.prepare(step)
    scalar_step, missing_scalars, scalars = _scalars(data, job)
    names = job.labels or (job.label,)
    labels = {part: np.column_stack([data.label(name, part) for name in names]) for part in data.rows}
    target_step = (
        preprocessing.fit_affine(labels["train"])
        if training.labels == "standardise" and data.dataset.task == "regression"
        else preprocessing.Affine()
    )
    shuffle = "chunks" if disk else training.shuffle
    targets = {part: target_step.apply(values) for part, values in labels.items()}
    if job.label_errors:
        errors = {part: data.label_errors(job.label, part)[:, None] / target_step.std for part in data.rows}
        targets = {part: np.hstack([targets[part], preprocessing.Affine().apply(errors[part])]) for part in data.rows}
    parts = {
        part: feeding.Subset(images[part], targets[part], scalars.get(part), shuffle=shuffle) for part in data.rows
    }
    inputs, classes = data.inputs(job.inputs, job.derived), _classes(data, job)
    if training.object_weights:
        parts["train"] = replace(parts["train"], weights=_weights(data, job, len(classes)))
    if training.backgrounds:
        seed = int(data.split.strategy["seed"])
        parts["train"] = backgrounds.added(
            parts["train"], training.backgrounds, classes, seed, training.memory_limit_mb
        )
    return Prepared(parts, step, scalar_step, target_step, missing_scalars, inputs, classes, names)


def _weights(data: Data, job: NetworkJob, classes: int) -> np.ndarray:
    """Return how much each training object counts (n,).

    Raises:
        ValueError: The dataset has no such column, or the weights do not suit the label.
    """
    settings = job.training.object_weights
    assert settings is not None  # the caller looks
    known = data.dataset.scalars
    if settings.column and settings.column not in known:
        raise ValueError(
            f"training.object_weights: {data.dataset.path} has no column {settings.column!r}; found"
            f" {', '.join(known) or 'none'}"
        )
    column = known[settings.column][data.rows["train"]] if settings.column else None
    return object_weights.of(settings, data.label(job.label, "train"), column, classes=classes)


def _classes(data: Data, job: NetworkJob) -> tuple[str, ...]:
    """Return the names of the classes; numbers up to the largest label of training and validation if there are none.

    Raises:
        ValueError: A known label of training or validation is not the number of a class.
    """
    if data.dataset.task != "classification":
        return ()
    named = data.classes(job.label)
    rows = np.sort(np.concatenate([data.rows["train"], data.rows["valid"]]))  # never the test part
    labels = data.dataset.labels[job.label][rows]
    known = present(labels)
    within = (labels >= 0) & (labels < (len(named) or np.inf))
    wrong = known & ~(within & (labels == np.floor(labels)))
    if wrong.any():
        row = rows[np.flatnonzero(wrong)[0]]
        allowed = f"0 to {len(named) - 1} ({', '.join(named)})" if named else "0, 1, 2, ..."
        raise ValueError(
            f"{data.dataset.path}: {job.label} {data.dataset.labels[job.label][row]:g} of object"
            f" {data.dataset.ids[row]!r} found; expected the number of a class, {allowed}, or NaN where none is known."
            " Hint: correct the catalogue and ingest again"
        )
    return named or tuple(str(number) for number in range(1 + max(1, int(labels[known].max(initial=0)))))


def _scalars(data: Data, job: NetworkJob) -> tuple[preprocessing.Affine, np.ndarray, dict[str, np.ndarray]]:
    """Return the step on scalars, what missing ones become (S,), and part -> (n, S) scalars after it."""
    step = preprocessing.Affine()
    if not job.inputs:
        return step, np.empty(0), {}
    scalars = {part: np.column_stack(list(data.scalars(job.inputs, part, job.derived).values())) for part in data.rows}
    for name, known in zip(job.inputs, present(scalars["train"]).any(axis=0), strict=True):
        if not known:
            told = f"inputs: {name!r}, {job.derived[name]!r}," if name in job.derived else f"inputs: {name!r}"
            raise ValueError(f"{data.dataset.path}: {told} has no known value in the training part")
    fitted = preprocessing.fit_affine(scalars["train"])
    if job.training.images.name != "none":
        step = fitted
    missing_become = step.apply(fitted.mean)
    for part, values in scalars.items():
        missing = (~present(values)).any(axis=1).sum()
        if missing:
            log.info("%s: %d objects miss a scalar; it is taken to be the training part's mean", part, missing)
    return step, missing_become, {part: step.apply(values, missing_become) for part, values in scalars.items()}
