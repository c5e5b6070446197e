"""Begins networks with the weights of one that is trained already, and freezes layers; imports Keras when it reads one.

Layers are matched by name, so the network is the same model with the same parameters, of the same bands and image size.
What is done to images, scalars and labels is fitted anew, on the training part of the new dataset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from skybake import plugins
from skybake.files import read_json
from skybake.inputs import described
from skybake.results.run_folder import MODEL, RECORD
from skybake.training.job import NetworkJob
from skybake.training.runs import Data

HEAD = "head"  # name of the last layer
NAMED = ("dataset", "model", "loss", "seed")  # of the run, in the record of those that begin with it


@dataclass(frozen=True)
class Start:
    """A trained network that others begin with.

    Attributes:
        path: Its file.
        inputs: Input name -> shape without the batch.
        layers: Layer -> its weights, in Keras's order; of layers that have any.
        record: What ``run.json`` beside it says; empty where there is none.
    """

    path: Path
    inputs: Mapping[str, tuple[int, ...]]
    layers: Mapping[str, Sequence[np.ndarray]]
    record: Mapping[str, Any] = field(default_factory=dict)


def read_start(path: Path) -> Start:
    """Read a trained network.

    Raises:
        ValueError: Keras cannot read it.
    """
    import keras

    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its archive's readers do
        raise ValueError(
            f"training.start_from: {path}: Keras cannot read it ({type(error).__name__}: {error}); expected a network"
            " that skybake has trained"
        ) from error
    beside = path.parent / RECORD
    record = read_json(beside) if path.name == MODEL and beside.exists() else {}
    inputs = {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs}
    return Start(path, inputs, {layer.name: layer.get_weights() for layer in model.layers if layer.weights}, record)


def check_start(start: Start, job: NetworkJob, data: Data) -> None:
    """Find that a network is of other bands, image size or scalars than the dataset.

    Raises:
        ValueError: It is.
    """
    found, bands = start.record.get("bands"), list(data.dataset.bands)
    if found and list(found) != bands:
        raise ValueError(f"training.start_from: {start.path}: a network of the bands {found}; expected {bands}")
    size, images = tuple(data.dataset.image_shape), start.inputs.get("image")
    if images != size:
        raise ValueError(
            f"training.start_from: {start.path}: a network of images (height, width, bands) {images}; expected {size}"
        )
    scalars = start.inputs.get("scalars", (0,))
    names = start.record.get("inputs", job.inputs)
    derived = start.record.get("derived", {}) if start.record else job.derived
    theirs, ours = described(names, derived), described(job.inputs, job.derived)
    if scalars != (len(job.inputs),) or theirs != ours:
        said = theirs if start.record else scalars[0]
        raise ValueError(
            f"training.start_from: {start.path}: a network of the scalars {said}; expected {ours}."
            " Hint: inputs of the dataset"
        )


def begin(model, start: Start, job: NetworkJob, classes: Sequence[str]) -> dict[str, Any]:
    """Give a network the weights of a trained one, those of its head where that fits.

    Args:
        model: The network, composed.
        start: The trained one.
        job: Of the network.
        classes: Names of the classes; empty for a regression.

    Returns:
        What ``run.json`` says of it.

    Raises:
        ValueError: A layer other than the head does not fit, or one of them has layers that the other lacks.
    """
    here = {layer.name: layer for layer in model.layers if layer.weights}
    problems = [
        f"{name}: {_shapes(start.layers.get(name))} found, {_shapes(_weights(here.get(name)))} expected"
        for name in dict.fromkeys([*here, *start.layers])
        if name != HEAD and _shapes(start.layers.get(name)) != _shapes(_weights(here.get(name)))
    ]
    if problems:
        raise ValueError(
            f"training.start_from: {start.path}: its layers are not those of {job.library_model!r} with these"
            f" parameters: {'; '.join(problems)}"
        )
    left = _why_not_the_head(start, job, classes, here[HEAD].get_weights())
    for name, layer in here.items():
        if name != HEAD or not left:
            layer.set_weights(start.layers[name])
    known = {name: start.record[name] for name in NAMED if name in start.record}
    return {**known, "head": f"left at its start: {left}" if left else "taken"}


def _why_not_the_head(start: Start, job: NetworkJob, classes: Sequence[str], weights: Sequence[np.ndarray]) -> str:
    """Return why a head is left as it is; empty where it fits."""
    head = plugins.losses()[job.library_loss].constants["head"]
    before, named = start.record.get("head", head), start.record.get("classes") or classes
    if before != head:
        return f"{before!r} found, {head!r} expected"
    if list(named) != list(classes):
        return f"the classes {', '.join(named)} found, {', '.join(classes) or 'none'} expected"
    found, expected = _shapes(start.layers.get(HEAD)), _shapes(weights)
    return "" if found == expected else f"{found} found, {expected} expected"


def _weights(layer) -> Sequence[np.ndarray] | None:
    return None if layer is None else layer.get_weights()


def _shapes(weights: Sequence[np.ndarray] | None) -> str:
    return "no such layer" if weights is None else " and ".join(str(weight.shape) for weight in weights)


def freeze(model, patterns: Sequence[str]) -> list[str]:
    """Keep layers as they are while the rest is trained; batch normalisation also keeps its mean and variance.

    Args:
        model: Not compiled yet.
        patterns: Names of layers, or patterns of names as of files: ``conv*``.

    Returns:
        Names of the layers.

    Raises:
        ValueError: No layer with weights has such a name, or nothing is left to train.
    """
    names, frozen = [layer.name for layer in model.layers if layer.weights], []
    for pattern in patterns:
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            raise ValueError(f"training.freeze: no layer with weights is called {pattern!r}; known: {', '.join(names)}")
        frozen += found
    frozen = [name for name in names if name in frozen]
    for name in frozen:
        model.get_layer(name).trainable = False
    if not model.trainable_weights:
        raise ValueError(f"training.freeze: {list(patterns)} found, which leaves nothing to train: {', '.join(names)}")
    return frozen
