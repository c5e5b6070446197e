"""Accuracy while a network trains: the share of labelled objects whose most probable class is theirs."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from skybake.losses._noise import log_mean_no_and_yes, log_mean_probabilities
from skybake.losses._numbers import working
from skybake.losses._rows import present, rows


def _most_probable(y_pred, parameters):
    return ops.argmax(y_pred, axis=-1)


def _most_probable_under_noise(y_pred, parameters):
    return ops.argmax(log_mean_probabilities(y_pred, parameters["draws"], parameters["seed"]), axis=-1)


def _yes(y_pred, parameters):
    return y_pred[:, 0] > (0.0 if parameters["from_logits"] else 0.5)


def _yes_under_noise(y_pred, parameters):
    log_no, log_yes = log_mean_no_and_yes(y_pred[:, :1], y_pred[:, 1:], parameters["draws"], parameters["seed"])
    return log_yes[:, 0] > log_no[:, 0]


CLASS: Mapping[str, Callable] = {  # name of the head -> the class that its prediction calls the most probable one
    "logits": _most_probable,
    "logits_variance": _most_probable_under_noise,
    "binary": _yes,
    "binary_variance": _yes_under_noise,
}


class Accuracy(keras.metrics.Metric):
    """The share of the objects seen since the last reset; NaN if none of them has a label.

    Args:
        head: Name of the head that makes the outputs.
        parameters: Of the loss: ``from_logits``, or ``draws`` and ``seed``, where it has them.
    """

    def __init__(self, head: str, parameters: Mapping[str, Any]):
        super().__init__(name="accuracy")
        self.head, self.parameters = head, dict(parameters)
        self.right = self.add_weight(shape=(), initializer="zeros", name="right")
        self.labelled = self.add_weight(shape=(), initializer="zeros", name="labelled")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the objects of a batch: class numbers (batch, 1), outputs (batch, width); weights are left out."""
        label = rows(y_true)[:, 0]
        known = present(label)
        found = CLASS[self.head](working(rows(y_pred)), self.parameters)
        right = ops.logical_and(known, ops.equal(ops.cast(found, label.dtype), label))
        self.right.assign_add(ops.sum(ops.cast(right, self.dtype)))
        self.labelled.assign_add(ops.sum(ops.cast(known, self.dtype)))

    def result(self):
        """Return the share."""
        return self.right / self.labelled
