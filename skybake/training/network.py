"""Composes a network, its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skybake import heads, plugins
from skybake.heads._head import OfClasses
from skybake.missing import present
from skybake.training.job import NetworkJob
from skybake.training.prepared import Prepared
from skybake.training.schedules import schedules
from skybake.training.settings import Training


def compose_network(job: NetworkJob, inputs: Mapping[str, tuple[int, ...]], head: heads.Head):
    """Build the network: the model's features, then the head.

    Args:
        job: Names the model and its parameters.
        inputs: Input name -> shape without the batch.
        head: Gives the width of the last layer.

    Returns:
        A Keras model with the inputs that it uses, by name.
    """
    import keras

    part = plugins.models()[job.library_model]
    tensors = {name: keras.Input(shape, name=name) for name, shape in inputs.items()}
    features = _features(part, tensors["image"], tensors.get("scalars"), {**part.parameters, **job.model_parameters})
    activation = part.constants.get("OUTPUT_ACTIVATION") or head.activation
    outputs = keras.layers.Dense(head.width, activation=activation, dtype="float32", name="head")(features)
    network = keras.Model(tensors, outputs, name=job.library_model)
    if job.training.l2:
        for weight in network.trainable_weights:
            if weight.name == "kernel":
                weight.regularizer = keras.regularizers.L2(job.training.l2)
    return network


def _features(part: plugins.PlugIn, image, scalars, parameters: dict[str, Any]):
    if not part.constants.get("MIXED"):
        return part.load().build(image, scalars, **parameters)
    from skybake.models._blocks import mixed

    units, dropout = parameters.pop("scalar_units"), parameters.pop("scalar_dropout")
    return mixed(part.load().build(image, None, **parameters), scalars, units, dropout)


def fit_head(prepared: Prepared, job: NetworkJob) -> tuple[heads.Head, dict[str, Any]]:
    """Return the head that suits the training labels, and the parameters of the loss."""
    targets = prepared.parts["train"].targets[:, 0]
    known = targets[present(targets)]
    step = prepared.target_step
    return heads.fit(
        job.library_loss,
        job.loss_parameters,
        known,
        scale=float(step.std[0]),
        shift=float(step.mean[0]),
        classes=prepared.classes,
    )


def recorded_metrics(head: heads.Head) -> list:
    """Return what is recorded of every epoch beside the loss: the accuracy, where the head predicts classes."""
    from skybake.losses import _accuracy

    return [_accuracy.Accuracy(head)] if isinstance(head, OfClasses) else []


def build_optimizer(training: Training, steps: int):
    """Return the optimizer with its learning rate over all epochs of ``steps`` steps."""
    import keras

    parameters = training.optimizer.model_dump()
    build = {name.lower(): item for name, item in vars(keras.optimizers).items()}[parameters.pop("name")]
    schedule = schedules()[training.schedule.name].load()
    rate = schedule.rate(training.schedule, parameters.pop("learning_rate"), epochs=training.epochs, steps=steps)
    return build(learning_rate=rate, **parameters)
