"""Fits a network: model, head and loss are composed, trained with one seed, and made to predict."""

from __future__ import annotations

import json
import math
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from skybake import attempts, backend, discovery, feeding, heads, predictions, preprocessing, provenance, runs
from skybake.checkpoints import Checkpoint, Interrupted, State, sigterm_is_a_warning
from skybake.dataset import whole
from skybake.predictions import Prediction
from skybake.runs import Data, Job, Result

NOWHERE = Checkpoint()
PACKAGES = {
    "tensorflow": ("keras", "tensorflow", "tensorflow-cpu", "numpy", "h5py"),
    "jax": ("keras", "jax", "jaxlib", "jax-cuda12-plugin", "numpy", "h5py"),
}

EPOCH_ZERO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip archive can hold


class TrainingDiverged(RuntimeError):
    """The loss stopped being a number: the same seed does it again."""

    reason = attempts.PERMANENT


@dataclass(frozen=True)
class Prepared:
    """A job's objects as the network sees them.

    Attributes:
        parts: ``train``, ``valid`` and, unless the job is a point of a sweep, ``test``.
        image_step, scalar_step, target_step: As fitted on the training part.
        classes: Names of class 0, 1, ..., their numbers where the dataset has no names; empty for a regression.
    """

    parts: Mapping[str, feeding.Part]
    image_step: preprocessing.ImageStep
    scalar_step: preprocessing.Affine
    target_step: preprocessing.Affine
    classes: tuple[str, ...] = ()


def train_job(
    dataset: Path,
    split: Path,
    job: Job,
    seeds: Mapping[int, Path],
    work: Path,
    files: Sequence[str],
    asked_gpu: str = "",
) -> None:
    """Train a network with every seed of a job, in this process.

    Args:
        dataset, split: Files.
        job: What to train.
        seeds: Seed -> folder of the run.
        work: Folder that survives a failed job.
        files: Names of the files that a run has.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    Raises:
        BackendError: There is no GPU where there should be one.
        TrainingFailed: A seed failed; the others are kept.
    """
    training = job.training
    _start(training, asked_gpu)
    data = runs.load(dataset, split, job.label, job.parts)
    prepared = prepare(data, job)
    versions = provenance.versions(PACKAGES[training["backend"]])
    runs.run(job, data, seeds, work, lambda seed, checkpoint: train(job, prepared, seed, checkpoint), files, versions)


def _start(training: Mapping[str, Any], asked_gpu: str) -> None:
    backend.start(
        training["backend"],
        threads=training["threads"],
        precision=training["precision"],
        device=training["device"],
        asked_gpu=asked_gpu,
    )


def prepare(data: Data, job: Job) -> Prepared:
    """Bring a job's objects into the network's units; images stay on disk where memory would not hold them all."""
    training = job.training
    disk = feeding.from_disk(data.dataset, training["memory_limit_mb"])
    if disk:
        print(
            f"the images take more than {training['memory_limit_mb']:g} MB (training.memory_limit_mb): they are read"
            " from disk, and shuffled by chunks",
            flush=True,
        )
    images = feeding.parts_of(data.rows, data.dataset, training["memory_limit_mb"])
    step = preprocessing.fit_images(training["images"], images["train"])
    for part in images.values():
        part.prepare(step)
    scalar_step, scalars = _scalars(data, job)
    labels = {part: data.label(job.label, part)[:, None] for part in data.rows}
    target_step = (
        preprocessing.fit_affine(labels["train"])
        if training["labels"] == "standardise" and data.dataset.task == "regression"
        else preprocessing.Affine()
    )
    shuffle = "chunks" if disk else training["shuffle"]
    parts = {
        part: feeding.Part(images[part], target_step.apply(labels[part]), scalars.get(part), shuffle=shuffle)
        for part in data.rows
    }
    return Prepared(parts, step, scalar_step, target_step, _classes(data, job))


def _classes(data: Data, job: Job) -> tuple[str, ...]:
    """Return the names of the classes; numbers up to the largest label of training and validation if there are none.

    Raises:
        ValueError: A known label of training or validation is not the number of a class.
    """
    if data.dataset.task != "classification":
        return ()
    named = data.classes(job.label)
    rows = np.sort(np.concatenate([data.rows["train"], data.rows["valid"]]))  # never the test part
    labels = data.dataset.labels[job.label][rows]
    known = ~preprocessing.is_missing(labels)
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


def _scalars(data: Data, job: Job) -> tuple[preprocessing.Affine, dict[str, np.ndarray]]:
    """Return the step on scalars, and part -> (n, S) scalars after it; none where the job has no inputs."""
    step = preprocessing.Affine()
    if not job.inputs:
        return step, {}
    scalars = {part: np.column_stack(list(data.scalars(job.inputs, part).values())) for part in data.rows}
    fitted = preprocessing.fit_affine(scalars["train"])
    if job.training["images"] != "none":
        step = fitted
    for part, values in scalars.items():
        missing = preprocessing.is_missing(values).any(axis=1).sum()
        if missing:
            print(f"{part}: {missing} objects miss a scalar; it is taken to be the training part's mean", flush=True)
    return step, {part: step.apply(values, missing=step.apply(fitted.mean)) for part, values in scalars.items()}


def compose(job: Job, inputs: Mapping[str, tuple[int, ...]], head: heads.Head):
    """Build the network: the model's features, then the head.

    Args:
        job: Names the model and its parameters.
        inputs: Input name -> shape without the batch.
        head: Gives the width of the last layer.

    Returns:
        A Keras model with the inputs that it uses, by name.
    """
    import keras

    part = discovery.models()[job.part]
    tensors = {name: keras.Input(shape, name=name) for name, shape in inputs.items()}
    features = _features(part, tensors["image"], tensors.get("scalars"), {**part.parameters, **job.parameters})
    activation = part.constants.get("OUTPUT_ACTIVATION") or head.activation
    outputs = keras.layers.Dense(head.width, activation=activation, dtype="float32", name="head")(features)
    return keras.Model(tensors, outputs, name=job.part)


def _features(part: discovery.Part, image, scalars, parameters: dict[str, Any]):
    if not part.constants.get("MIXED"):
        return part.load().build(image, scalars, **parameters)
    from skybake.models._blocks import mixed

    units, dropout = parameters.pop("scalar_units"), parameters.pop("scalar_dropout")
    return mixed(part.load().build(image, None, **parameters), scalars, units, dropout)


def train(job: Job, prepared: Prepared, seed: int, checkpoint: Checkpoint = NOWHERE) -> Result:
    """Train with one seed and predict validation and test.

    After every epoch the state of the training is kept in ``checkpoint``; a training that finds one goes on from there
    and gives the same bytes as one that was never interrupted.

    Raises:
        Interrupted: SIGTERM came, and the epoch that it came in is done and kept.
    """
    import keras

    from skybake import losses

    keras.utils.clear_session()  # or layer names would count on from the seed before
    keras.utils.set_random_seed(seed)
    training = job.training
    head, loss_parameters = _head(prepared, job)
    model = compose(job, prepared.parts["train"].shapes, head)
    if training["labels"] != "none":
        model.get_layer("head").bias.assign(head.bias)
    model.compile(
        optimizer=_optimizer(training, steps=math.ceil(len(prepared.parts["train"]) / training["batch_size"])),
        loss=losses.get(job.loss_part, **loss_parameters),
        metrics=_metrics(job, loss_parameters),
    )
    kept = checkpoint.load()
    watch = _watch(training, f"{job.dataset} {job.model} {job.loss} seed {seed}", checkpoint, kept)
    if kept:
        _restore(model, kept)
        print(f"seed {seed}: going on after epoch {watch.epochs}", flush=True)
    started = perf_counter() - watch.seconds_before
    try:
        with sigterm_is_a_warning() as watch.warned:
            model.fit(
                feeding.batches(
                    prepared.parts["train"], training["batch_size"], seed, training["augmentation"], watch.epochs
                ),
                validation_data=feeding.batches(prepared.parts["valid"], training["batch_size"]),
                epochs=watch.epochs if watch.stopped else training["epochs"],
                initial_epoch=watch.epochs,
                shuffle=False,
                verbose=0,
                callbacks=[*watch.plateau, watch],
            )
        train_seconds = perf_counter() - started
        watch.restore()
        return _result(job, prepared, model, head, watch, train_seconds)
    except TrainingDiverged as error:
        if job.tested:
            raise
        return _diverged(prepared, model, watch, perf_counter() - started, str(error))


def _head(prepared: Prepared, job: Job) -> tuple[heads.Head, dict[str, Any]]:
    """Return the head that suits the training labels, and the parameters of the loss."""
    targets = prepared.parts["train"].targets
    known = targets[~preprocessing.is_missing(targets)]
    step = prepared.target_step
    return heads.fit(
        job.loss_part,
        job.loss_parameters,
        known,
        scale=float(step.std[0]),
        shift=float(step.mean[0]),
        classes=prepared.classes,
    )


def _metrics(job: Job, loss_parameters: Mapping[str, Any]) -> list:
    """Return what is recorded of every epoch beside the loss: the accuracy, where the head predicts classes."""
    from skybake.losses import _accuracy

    part = discovery.losses()[job.loss_part]
    head = part.constants["head"]
    return [_accuracy.Accuracy(head, {**part.parameters, **loss_parameters})] if head in _accuracy.CLASS else []


def _optimizer(training: Mapping[str, Any], steps: int):
    """Return the optimizer with its learning rate over all epochs of ``steps`` steps."""
    import keras

    parameters = dict(training["optimizer"])
    build = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop}[
        parameters.pop("name")
    ]
    rate, warmup = parameters.pop("learning_rate"), round(training["schedule"].get("warmup_epochs", 0) * steps)
    start = rate / max(warmup, 1)
    if training["schedule"]["name"] == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            start if warmup else rate,
            decay_steps=max(training["epochs"] * steps - warmup, 1),
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    elif warmup:
        rate = keras.optimizers.schedules.PolynomialDecay(start, warmup, end_learning_rate=rate, power=1.0)
    return build(learning_rate=rate, **parameters)


def _result(job: Job, prepared: Prepared, model, head: heads.Head, watch, train_seconds: float) -> Result:
    predicted, objects_per_second = _predict(prepared, model, head)
    return Result(
        predictions=predicted,
        record={
            "head": discovery.losses()[job.loss_part].constants["head"],
            "parameters": int(sum(math.prod(weight.shape) for weight in model.trainable_weights)),
            "epochs": len(watch.history),
            "best_epoch": watch.best_epoch,
            "preprocessing": {
                "image": prepared.image_step.as_dict(),
                "scalars": prepared.scalar_step.as_dict() if job.inputs else None,
            },
            "targets": prepared.target_step.as_dict(),
            **{name: head.loss_parameters[name] for name in ("class_weights",) if name in head.loss_parameters},
            "shuffle": prepared.parts["train"].shuffle,
            "versions": provenance.versions(PACKAGES[job.training["backend"]]),
            "hardware": {
                "processor": provenance.processor(),
                "threads": job.training["threads"],
                "device": backend.hardware(),
            },
        },
        timing={
            "train_seconds": train_seconds,
            "epoch_seconds": watch.epoch_seconds,
            "epoch_seconds_median": float(np.median(watch.epoch_seconds)),
            "train_objects_per_second": len(prepared.parts["train"]) / float(np.median(watch.fit_seconds)),
            "predict_objects_per_second": objects_per_second,
            "peak_memory_mb": runs.peak_memory_mb(),
        },
        history=watch.history,
        save=lambda folder: save_model(model, folder / "model.keras"),
    )


def _predict(prepared: Prepared, model, head: heads.Head) -> tuple[dict[str, Prediction], float]:
    """Return the predictions of every part but the training part, and how many objects a second the last one took."""
    judged = {name: part for name, part in prepared.parts.items() if name != "train"}
    outputs = {name: _outputs(model, part) for name, part in judged.items()}
    started = perf_counter()  # a second time: the first one compiled
    last = list(judged.values())[-1]  # the test part, but for a point of a sweep
    _outputs(model, last)
    seconds = perf_counter() - started
    scale, shift = float(prepared.target_step.std[0]), float(prepared.target_step.mean[0])
    for part, values in outputs.items():
        if not np.isfinite(values).all():
            raise TrainingDiverged(f"predictions of {part} are not finite")
    predicted = {
        part: head.prediction(values.astype(np.float64)).rescaled(scale, shift) for part, values in outputs.items()
    }
    return predicted, len(last) / seconds


def _outputs(model, part: feeding.Part) -> np.ndarray:
    """Return the outputs (n, width) for a part, in its order."""
    outputs = model.predict(feeding.batches(part, 256), verbose=0)
    ordered = np.empty_like(outputs)
    ordered[part.order()] = outputs
    return ordered


def _diverged(prepared: Prepared, model, watch, train_seconds: float, reason: str) -> Result:
    """Return what a point of a sweep leaves that did not survive its values: no prediction, and so no choice."""
    print(f"diverged, so this point cannot be chosen: {reason}", flush=True)
    return Result(
        predictions={"valid": Prediction(point=np.full(len(prepared.parts["valid"]), np.nan))},
        record={"diverged": reason, "epochs": len(watch.history)},
        timing={"train_seconds": train_seconds, "epoch_seconds": watch.epoch_seconds},
        history=watch.history,
        save=lambda folder: save_model(model, folder / "model.keras"),
    )


def test_chosen(
    dataset: Path,
    split: Path,
    job: Job,
    trained: Mapping[int, Path],
    seeds: Mapping[int, Path],
    work: Path,
    files: Sequence[str],
    asked_gpu: str,
) -> None:
    """Let the networks of the chosen point of a sweep predict the test part, which no point has seen before.

    Args:
        dataset, split: Files.
        job: The point's job, tested.
        trained: Seed -> folder of the point's run.
        seeds: Seed -> folder of the run that stands in the comparison.
        work: Folder that survives a failed job.
        files: Names of the files that a run has.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    Raises:
        BackendError: There is no GPU where there should be one.
        TrainingFailed: A network could not be loaded, or predicts other than it did when it was trained.
    """
    training = job.training
    _start(training, asked_gpu)
    data = runs.load(dataset, split, job.label, job.parts)
    prepared = prepare(data, job)
    runs.run(
        job,
        data,
        seeds,
        work,
        lambda seed, _: _tested(prepared, job, trained[seed]),
        files,
        provenance.versions(PACKAGES[training["backend"]]),
    )


def _tested(prepared: Prepared, job: Job, folder: Path) -> Result:
    import keras

    keras.utils.clear_session()
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    head, _ = _head(prepared, job)
    predicted, objects_per_second = _predict(prepared, model, head)
    known = predictions.read(folder / "predictions.h5", "valid").prediction
    if not np.allclose(known.point, predicted["valid"].point, rtol=1e-4, atol=1e-6):  # another machine's last digits
        raise ValueError(
            f"{folder / 'model.keras'}: it does not predict what it did when it was trained. Hint: delete its folder"
        )
    record, timing, history = runs.read(folder)
    return Result(
        predictions=predicted,
        record=record,
        timing={**timing, "predict_objects_per_second": objects_per_second},
        history=history,
        save=lambda target: shutil.copyfile(folder / "model.keras", target / "model.keras"),
    )


def _plateau(schedule: Mapping[str, Any], remembered: Mapping[str, float]) -> list:
    """Return the callback that lowers the learning rate on a plateau, if the schedule asks for it."""
    import keras

    if schedule["name"] != "plateau":
        return []

    class Plateau(keras.callbacks.ReduceLROnPlateau):
        REMEMBERED = ("best", "wait", "cooldown_counter")

        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)  # which forgets
            for name, value in remembered.items():
                setattr(self, name, value)

        def memory(self) -> dict[str, float]:
            return {name: float(getattr(self, name)) for name in self.REMEMBERED}

    return [Plateau(factor=schedule["factor"], patience=schedule["patience"], min_lr=schedule["minimum"])]


def _watch(training: Mapping[str, Any], title: str, checkpoint: Checkpoint, kept: State | None):
    """Return the callback that keeps history, timing and the best weights, stops early, shows progress and saves."""
    import keras
    from tqdm import tqdm

    stopping = training["early_stopping"]

    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            facts = kept.facts if kept else {}
            self.history: list[dict[str, float]] = list(facts.get("history", []))
            self.epoch_seconds: list[float] = list(facts.get("epoch_seconds", []))
            self.fit_seconds: list[float] = list(facts.get("fit_seconds", []))
            self.seconds_before: float = facts.get("seconds", 0.0)
            self.best_epoch, self.best_loss = facts.get("best", (0, math.inf))
            self.best_weights = kept.arrays["best"] if kept and kept.arrays["best"] else None
            self.patience_from, self.patience_loss = facts.get("patience", (0, math.inf))
            self.stopped: bool = facts.get("stopped", False)
            self.plateau = _plateau(training["schedule"], facts.get("plateau", {}))
            self.board = _board(training, checkpoint, anew=kept is None)
            self.warned = lambda: False
            self.bar = tqdm(total=training["epochs"], initial=self.epochs, desc=title, unit="epoch", mininterval=2.0)

        @property
        def epochs(self) -> int:
            return len(self.history)

        def on_train_begin(self, logs=None):
            self.begun = perf_counter()

        def on_epoch_begin(self, epoch, logs=None):
            self.started = perf_counter()

        def on_test_begin(self, logs=None):
            backend.wait(self.model)
            self.fit_seconds.append(perf_counter() - self.started)

        def on_epoch_end(self, epoch, logs=None):
            self.epoch_seconds.append(perf_counter() - self.started)
            loss, valid = float(logs["loss"]), float(logs["val_loss"])
            if not (math.isfinite(loss) and math.isfinite(valid)):
                self.bar.close()
                raise TrainingDiverged(
                    f"loss {loss}, validation loss {valid} in epoch {epoch + 1}. Hint: a smaller learning_rate, or"
                    " images and labels other than 'none'"
                )
            accuracies = {name: float(logs[name]) for name in ("accuracy", "val_accuracy") if name in logs}
            self.history.append({"epoch": epoch + 1, "loss": loss, "val_loss": valid, **accuracies})
            if valid < self.best_loss:
                self.best_epoch, self.best_loss = epoch + 1, valid
                if training["weights"] == "best":
                    self.best_weights = self.model.get_weights()
            self.bar.set_postfix(loss=f"{loss:.4g}", val_loss=f"{valid:.4g}")
            self.bar.update()
            if stopping:
                if valid < self.patience_loss - stopping["min_delta"]:
                    self.patience_from, self.patience_loss = epoch, valid
                elif epoch - self.patience_from >= stopping["patience"]:
                    self.model.stop_training = self.stopped = True
            checkpoint.save(self.state())
            if self.board:
                for name, value in self.history[-1].items():
                    self.board.add_scalar(name, value, global_step=self.epochs)
                self.board.flush()
            if self.warned():
                self.bar.close()
                raise Interrupted(
                    f"SIGTERM came (a time limit ahead, or scancel): stopping after epoch {self.epochs}, which is kept;"
                    " the next attempt goes on there"
                )

        def state(self) -> State:
            return State(
                facts={
                    "history": self.history,
                    "epoch_seconds": self.epoch_seconds,
                    "fit_seconds": self.fit_seconds,
                    "seconds": self.seconds_before + perf_counter() - self.begun,
                    "best": (self.best_epoch, self.best_loss),
                    "patience": (self.patience_from, self.patience_loss),
                    "stopped": self.stopped,
                    "plateau": self.plateau[0].memory() if self.plateau else {},
                },
                arrays={
                    "model": [_array(variable) for variable in self.model.variables],
                    "optimizer": [_array(variable) for variable in self.model.optimizer.variables],
                    "best": self.best_weights or [],
                },
            )

        def restore(self) -> None:
            self.bar.close()
            if self.board:
                self.board.close()
            if training["weights"] == "best":
                self.model.set_weights(self.best_weights)
            else:
                self.best_epoch = len(self.history)

    return Watch()


def _board(training: Mapping[str, Any], checkpoint: Checkpoint, anew: bool):
    """Return what writes logs for TensorBoard, beside the checkpoint, if the config asks for them."""
    if not training["tensorboard"] or checkpoint.path is None:
        return None
    from tensorboardX import SummaryWriter

    folder = checkpoint.path.parent / "tensorboard" / checkpoint.path.stem
    if anew:  # or the curves of an earlier config would stand among these
        shutil.rmtree(folder, ignore_errors=True)
    return SummaryWriter(str(folder), write_to_disk=True)


def _array(variable) -> np.ndarray:
    import keras

    return keras.ops.convert_to_numpy(variable)


def _restore(model, kept: State) -> None:
    """Give a network and its optimizer the numbers they had, those of random generators among them."""
    model.optimizer.build(model.trainable_variables)
    for name, variables in (("model", model.variables), ("optimizer", model.optimizer.variables)):
        for variable, value in zip(variables, kept.arrays[name], strict=True):
            variable.assign(value)


def save_model(model, path: Path) -> None:
    """Save a network for prediction, without the optimizer, the same bytes for the same weights.

    Keras writes the time and memory addresses into its archive; here time is left out and objects are counted.
    """
    import keras

    with whole(path) as beside:
        keras.Model(model.inputs, model.outputs, name=model.name).save(beside, overwrite=True)
        with zipfile.ZipFile(beside) as archive:
            entries = {name: archive.read(name) for name in sorted(archive.namelist())}
        facts = json.loads(entries["metadata.json"])
        facts.pop("date_saved", None)
        entries["metadata.json"] = json.dumps(facts, sort_keys=True).encode()
        addresses: dict[bytes, int] = {}
        entries["config.json"] = re.sub(
            rb'(?<="shared_object_id": )\d+',
            lambda found: str(addresses.setdefault(found[0], len(addresses))).encode(),
            entries["config.json"],
        )
        with zipfile.ZipFile(beside, "w") as archive:
            for name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH_ZERO), content)
