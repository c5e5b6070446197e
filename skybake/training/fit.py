"""Fits a network with one seed, and makes it predict."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from skybake import heads, plugins, provenance
from skybake.heads._together import Together
from skybake.results.predictions import Prediction, group_of
from skybake.results.run_folder import Timing
from skybake.training import backend, feeding, runs
from skybake.training.checkpoints import Checkpoint, sigterm_is_a_warning, why_anew
from skybake.training.epochs import Parts, train_epochs
from skybake.training.job import NetworkJob
from skybake.training.network import build_loss, build_optimizer, compose_network, fit_heads, recorded_metrics
from skybake.training.predictor import build_predictor
from skybake.training.prepared import Prepared
from skybake.training.runs import Result, TrainingDiverged
from skybake.training.saving import save_network
from skybake.training.schedules import schedules
from skybake.training.starting import Start, begin, freeze

NOWHERE = Checkpoint()
PACKAGES = {
    "tensorflow": ("keras", "tensorflow", "tensorflow-cpu", "numpy", "h5py"),
    "jax": ("keras", "jax", "jaxlib", "jax-cuda12-plugin", "numpy", "h5py"),
}


def train(
    job: NetworkJob, prepared: Prepared, seed: int, checkpoint: Checkpoint = NOWHERE, start: Start | None = None
) -> Result:
    """Train with one seed and predict validation and test; begin with the weights of ``start`` if there is one.

    The state of the training is kept in ``checkpoint`` now and then; a training that finds one goes on from there, in
    the middle of an epoch too, and gives the same bytes as one that was never interrupted. So does one that finds the
    state of a training with fewer epochs, unless its schedule depends on their number.

    Raises:
        Interrupted: SIGTERM came, and the state is kept.
    """
    import keras

    from skybake.training.callbacks import build_callbacks, restore_state

    keras.utils.clear_session()  # or layer names would count on from the seed before
    keras.utils.set_random_seed(seed)
    training = job.training
    head, loss_parameters = fit_heads(prepared, job)
    model = compose_network(job, prepared.parts["train"].shapes, head, prepared.parts["train"].images.dataset.bands)
    predictor = build_predictor(model, prepared, head) if job.tested else None  # fails before it costs
    if training.labels != "none":
        model.get_layer("head").bias.assign(head.bias)
    begun = begin(model, start, job, prepared.classes) if start else {}
    if start:
        print(
            f"seed {seed}: starting from {start.path}, head {begun['head']}; images, scalars and labels are scaled by"
            " the training part here",
            flush=True,
        )
    if frozen := freeze(model, training.freeze):
        begun["frozen"] = frozen
    model.compile(
        optimizer=build_optimizer(training, steps=math.ceil(len(prepared.parts["train"]) / training.batch_size)),
        loss=build_loss(job.library_loss, loss_parameters, head),
        metrics=recorded_metrics(head.each[0]),
    )
    model.optimizer.build(model.trainable_variables)
    kept = checkpoint.load()
    if kept and (reason := why_anew(kept, training)):
        print(f"seed {seed}: starting anew: {reason}", flush=True)
        kept = None
    callbacks = build_callbacks(training, f"{job.dataset} {job.model} {job.loss} seed {seed}", checkpoint, kept)
    if kept:
        restore_state(model, kept)
        print(f"seed {seed}: going on {_place(callbacks)}", flush=True)
    started = perf_counter() - callbacks.clock.seconds
    parts = Parts(
        prepared.parts["train"], prepared.parts["valid"], training.batch_size, seed, augmentation=training.augmentation
    )
    try:
        with closing(callbacks), sigterm_is_a_warning() as callbacks.sigterm.came:
            epochs = range(callbacks.epochs, callbacks.epochs if callbacks.stopped else training.epochs)
            train_epochs(model, parts, callbacks.all, epochs, callbacks.place.step, callbacks.place.metrics)
        result = _result(job, prepared, model, head, callbacks, perf_counter() - started, begun)
        return replace(result, save=lambda folder: save_network(model, folder, predictor))
    except TrainingDiverged as error:
        if job.tested:
            raise
        return _diverged(prepared, model, callbacks, perf_counter() - started, str(error))


def _place(callbacks) -> str:
    if callbacks.place.step:
        return f"in epoch {callbacks.epochs + 1} after step {callbacks.place.step}"
    return f"after epoch {callbacks.epochs}"


def _result(
    job: NetworkJob, prepared: Prepared, model, head: Together, callbacks, train_seconds: float, begun: dict[str, Any]
) -> Result:
    first = head.each[0]
    predicted, objects_per_second = predict_parts(prepared, model, head)
    return Result(
        predictions=predicted,
        record={
            "head": plugins.losses()[job.library_loss].constants["head"],
            "fitted_head": heads.as_dict(first),
            "parameters": int(sum(math.prod(weight.shape) for weight in model.trainable_weights)),
            "start": begun,
            "epochs": callbacks.epochs,
            "best_epoch": callbacks.best.best_epoch,
            "preprocessing": {
                "image": prepared.image_step.as_dict(),
                "scalars": prepared.scalar_step.as_dict() if job.inputs else None,
            },
            "targets": prepared.target_step.as_dict(),
            **{name: first.loss_parameters[name] for name in ("class_weights",) if name in first.loss_parameters},
            "shuffle": prepared.parts["train"].shuffle,
            "versions": provenance.versions(PACKAGES[job.training.backend]),
            "hardware": {
                "processor": provenance.processor(),
                "threads": job.training.threads,
                "device": backend.hardware(),
            },
        },
        timing=Timing(
            train_seconds=train_seconds,
            epoch_seconds=callbacks.clock.epoch_seconds,
            epoch_seconds_median=float(np.median(callbacks.clock.epoch_seconds)),
            train_objects_per_second=len(prepared.parts["train"]) / float(np.median(callbacks.clock.fit_seconds)),
            predict_objects_per_second=objects_per_second,
            peak_memory_mb=runs.peak_memory_mb(),
        ),
        history=callbacks.history.rows,
        goes_on=not schedules()[job.training.schedule.name].constants["LENGTH_MATTERS"],
    )


def predict_parts(prepared: Prepared, model, head: Together) -> tuple[dict[str, Prediction], float]:
    """Return the predictions of every part but the training part, and how many objects a second the last one took.

    Those of labels beside the first stand under their :func:`skybake.results.predictions.group_of`.
    """
    judged = {name: part for name, part in prepared.parts.items() if name != "train"}
    outputs = {name: outputs_of(model, part) for name, part in judged.items()}
    started = perf_counter()  # a second time: the first one compiled
    last = list(judged.values())[-1]  # the test part, but for a point of a sweep
    outputs_of(model, last)
    seconds = perf_counter() - started
    predicted = {}
    for part, values in outputs.items():
        if not np.isfinite(values).all():
            raise TrainingDiverged(f"predictions of {part} are not finite")
        for number, (one, place, units) in enumerate(zip(head.each, head.places, prepared.units, strict=True)):
            group = group_of(part, prepared.labels[number] if number else "")
            predicted[group] = one.prediction(values[:, place].astype(np.float64)).rescaled(*units)
    return predicted, len(last) / seconds


def outputs_of(model, part: feeding.Subset) -> np.ndarray:
    """Return the outputs (n, width) for a part, in its order."""
    outputs = model.predict(feeding.batches(part, 256), verbose=0)
    ordered = np.empty_like(outputs)
    ordered[part.order()] = outputs
    return ordered


def _diverged(prepared: Prepared, model, callbacks, train_seconds: float, reason: str) -> Result:
    """Return what a point of a sweep leaves that did not survive its values: no prediction, and so no choice."""
    print(f"diverged, so this point cannot be chosen: {reason}", flush=True)
    return Result(
        predictions={"valid": Prediction(point=np.full(len(prepared.parts["valid"]), np.nan))},
        record={"diverged": reason, "epochs": callbacks.epochs},
        timing=Timing(train_seconds, callbacks.clock.epoch_seconds),
        history=callbacks.history.rows,
        save=lambda folder: save_network(model, folder),
    )
