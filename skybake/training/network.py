"""Composes a network, its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skybake import heads, plugins
from skybake.heads._head import OfClasses
from skybake.heads._together import Together
from skybake.missing import present
from skybake.training.job import NetworkJob
from skybake.training.prepared import Prepared
from skybake.training.schedules import schedules
from skybake.training.settings import Training


def compose_network(
    job: NetworkJob, inputs: Mapping[str, tuple[int, ...]], head: heads.Head | Together, bands: Sequence[str] = ()
):
    """Build the network: the model's features of what it is to see of an image, then the head.

    Args:
        job: Names the model and its parameters.
        inputs: Input name -> shape without the batch.
        head: Gives the width of the last layer.
        bands: Names of the images' bands; needed where only some of them are to be seen.

    Returns:
        A Keras model with the inputs that it uses, by name.

    Raises:
        ValueError: There is no such band, or an image is smaller than what is to be cut out of it.
    """
    import keras

    part = plugins.models()[job.library_model]
    tensors = {name: keras.Input(shape, name=name) for name, shape in inputs.items()}
    image = _seen(tensors["image"], job.training, bands)
    features = _features(part, image, tensors.get("scalars"), {**part.parameters, **job.model_parameters})
    activation = part.constants.get("OUTPUT_ACTIVATION") or head.activation
    outputs = keras.layers.Dense(head.width, activation=activation, dtype="float32", name="head")(features)
    network = keras.Model(tensors, outputs, name=job.library_model)
    if job.training.l2:
        for weight in network.trainable_weights:
            if weight.name == "kernel":
                weight.regularizer = keras.regularizers.L2(job.training.l2)
    return network


def _seen(image, training: Training, bands: Sequence[str]):
    """Return the bands and the middle of an image (N, H, W, C) that a network is to see."""
    import keras
    from keras import ops

    if training.bands is not None:
        unknown = [name for name in training.bands if name not in bands]
        if unknown:
            raise ValueError(f"training.bands: no band {unknown[0]!r} found; expected some of {', '.join(bands)}")
        places = [list(bands).index(name) for name in training.bands]
        image = ops.concatenate([image[:, :, :, place : place + 1] for place in places], axis=-1)
    if training.crop is not None:
        height, width = image.shape[1:3]
        if training.crop > min(height, width):
            raise ValueError(f"training.crop: {training.crop} found; expected at most the side of {height} x {width}")
        over = [(side - training.crop) for side in (height, width)]
        image = keras.layers.Cropping2D([(each // 2, each - each // 2) for each in over], name="crop")(image)
    return image


def _features(part: plugins.PlugIn, image, scalars, parameters: dict[str, Any]):
    if not part.constants.get("MIXED"):
        return part.load().build(image, scalars, **parameters)
    from skybake.models._blocks import mixed

    units, dropout = parameters.pop("scalar_units"), parameters.pop("scalar_dropout")
    return mixed(part.load().build(image, None, **parameters), scalars, units, dropout)


def fit_heads(prepared: Prepared, job: NetworkJob) -> tuple[Together, list[dict[str, Any]]]:
    """Return the heads that suit the training labels, and the parameters of the loss for each label."""
    found = []
    for number, (scale, shift) in enumerate(prepared.units):
        targets = prepared.parts["train"].targets[:, number]
        found.append(
            heads.fit(
                job.library_loss,
                job.loss_parameters,
                targets[present(targets)],
                scale=scale,
                shift=shift,
                classes=prepared.classes,
            )
        )
    return Together(tuple(head for head, _ in found)), [parameters for _, parameters in found]


def build_loss(name: str, parameters: Sequence[Mapping[str, Any]], head: Together):
    """Return a loss as Keras knows it, with its parameters for each label."""
    from skybake import losses

    if len(parameters) == 1:
        return losses.get(name, **parameters[0])
    from skybake.losses._per_label import PerLabelLoss

    return PerLabelLoss(name, parameters, [one.width for one in head.each])


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
