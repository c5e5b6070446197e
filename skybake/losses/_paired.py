"""Losses and metrics of notebooks by astroNN's names.

A network of two outputs, a prediction and its variance, has a loss for each. It is made with the other output, and of
numbers with the known errors of the labels, an input. Both are the same function: what is minimised, and told as
``loss``, is twice the loss that skybake has for one output of both. Known errors may also be numbers, 0 where none are
known; a missing error (-9999, NaN) counts as 0.

astroNN's page was written for TensorFlow 1, where such a loss closes over tensors of the graph. In Keras 3 a model's
tensors hold no values, and a loss sees its own output only. Here the model tells its losses the values of the tensors
that they were made with, so it is a ``PairedModel`` in place of ``keras.Model``; nothing else on the page changes:

    from skybake.losses import PairedModel, mse_lin_wrapper, mse_var_wrapper

    output = Dense(1, name="output")(features)
    variance_output = Dense(1, name="variance_output")(features)
    model = PairedModel(inputs=[image, label_errors], outputs=[output, variance_output])
    model_prediction = keras.Model(image, [output, variance_output])
    model.compile(
        optimizer="adam",
        loss={
            "output": mse_lin_wrapper(variance_output, label_errors),
            "variance_output": mse_var_wrapper(output, label_errors),
        },
    )
    model.fit([x, errors], {"output": y, "variance_output": y})

The other tensor must be an output or an input of the model. ``model_prediction`` is the one to save: it is plain Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from skybake.losses._classes import EPSILON, one_hot
from skybake.losses._keras import PerObjectLoss
from skybake.losses._numbers import working
from skybake.losses._rows import labels, mean_over_labels, outputs, rows

_values: dict[int, Any] = {}  # of the tensors of the model whose loss is computed, by their identity


@keras.saving.register_keras_serializable(package="skybake")
class PairedModel(keras.Model):
    """A functional model whose losses may be made with its outputs and inputs."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss of a batch, as Keras does."""
        with self._told(x, y_pred):
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    @contextmanager
    def _told(self, x: Any, y_pred: Any) -> Iterator[None]:
        """Tell losses what inputs and outputs are in this batch."""
        given = [x[tensor.name] for tensor in self.inputs] if isinstance(x, dict) else keras.tree.flatten(x)
        before = dict(_values)
        _values.update(zip(map(id, self.inputs), given, strict=True))
        _values.update(zip(map(id, self.outputs), keras.tree.flatten(y_pred), strict=True))
        try:
            yield
        finally:
            _values.clear()
            _values.update(before)


class _Paired(PerObjectLoss):
    """One loss of two outputs, as the loss of one of them."""

    def __init__(self, loss: str, of: str, joined: Callable, *others: Any, **parameters: Any):
        super().__init__(loss, parameters)
        self._of, self._joined, self._others = of, joined, others

    def call(self, y_true, y_pred):
        """Return the loss of each object, (batch,)."""
        return self.function(*self._joined(y_true, y_pred, *map(self._value, self._others)), **self.parameters)

    def _value(self, other: Any) -> Any:
        if not isinstance(other, keras.KerasTensor):
            return ops.convert_to_tensor(other, dtype=self.dtype)
        if id(other) not in _values:
            raise ValueError(
                f"{self._of}: the tensor {other.name!r} has no value; expected an output or input of the model that is"
                " trained, which is a skybake.losses.PairedModel(inputs=..., outputs=...) in place of keras.Model"
            )
        return working(_values[id(other)])


def _normal(y_true, point, log_variance, error):
    """Return labels with their errors (batch, 2 L), and outputs (batch, 2 L)."""
    y_true, error = rows(working(y_true)), working(error)
    error = ops.broadcast_to(rows(error) if len(error.shape) else error, ops.shape(y_true))
    return ops.concatenate([y_true, error], axis=-1), _beside(point, log_variance)


def _normal_swapped(y_true, log_variance, point, error):
    return _normal(y_true, point, log_variance, error)


def _noisy(y_true, logits, variance):
    """Return labels, and logits with the logarithms of their variances."""
    return y_true, _beside(logits, ops.log(ops.maximum(working(variance), EPSILON)))


def _noisy_swapped(y_true, variance, logits):
    return _noisy(y_true, logits, variance)


def _beside(first, second):
    return ops.concatenate([rows(working(first)), rows(working(second))], axis=-1)


def mse_lin_wrapper(var, labels_err):
    """Return the loss of the prediction: ``robust_mse``.

    Args:
        var: Output with the logarithm of the variance.
        labels_err: Known standard deviations of the labels: an input, or a number.
    """
    return _Paired("robust_mse", "mse_lin_wrapper", _normal, var, labels_err, label_errors=True)


def mse_var_wrapper(lin, labels_err):
    """Return the loss of the logarithm of the variance: ``robust_mse``.

    Args:
        lin: Output with the prediction.
        labels_err: Known standard deviations of the labels: an input, or a number.
    """
    return _Paired("robust_mse", "mse_var_wrapper", _normal_swapped, lin, labels_err, label_errors=True)


def bayesian_categorical_crossentropy_wrapper(logit_var):
    """Return the loss of the logits: ``robust_categorical_crossentropy``.

    Args:
        logit_var: Output with the variance of each logit, itself: a softplus keeps it positive, and below 1e-7 it
            counts as that.
    """
    of = "bayesian_categorical_crossentropy_wrapper"
    return _Paired("robust_categorical_crossentropy", of, _noisy, logit_var)


def bayesian_categorical_crossentropy_var_wrapper(logits):
    """Return the loss of the variance of the logits: ``robust_categorical_crossentropy``.

    Args:
        logits: Output with the logits.
    """
    of = "bayesian_categorical_crossentropy_var_wrapper"
    return _Paired("robust_categorical_crossentropy", of, _noisy_swapped, logits)


def bayesian_binary_crossentropy_wrapper(logit_var):
    """Return the loss of the logits of yes-or-no labels: ``robust_binary_crossentropy``.

    Args:
        logit_var: Output with the variance of each logit, as above.
    """
    return _Paired("robust_binary_crossentropy", "bayesian_binary_crossentropy_wrapper", _noisy, logit_var)


def bayesian_binary_crossentropy_var_wrapper(logits):
    """Return the loss of the variance of the logits of yes-or-no labels: ``robust_binary_crossentropy``.

    Args:
        logits: Output with the logits.
    """
    return _Paired("robust_binary_crossentropy", "bayesian_binary_crossentropy_var_wrapper", _noisy_swapped, logits)


def categorical_accuracy(y_true, y_pred):
    """Return whether the most probable class is the label, of each object, (batch,); a metric.

    An object without a label has the mean of the others in its batch, so that it changes no mean.

    Args:
        y_true: Class numbers (batch,) or (batch, 1), or memberships (batch, K).
        y_pred: Logits or probabilities (batch, K).
    """
    y_pred = rows(working(y_pred))
    members, known = one_hot(y_true, y_pred.shape[-1])
    right = ops.equal(ops.argmax(members, axis=-1), ops.argmax(y_pred, axis=-1))
    return _of_known(ops.cast(right, y_pred.dtype), ops.any(known, axis=-1))


def binary_accuracy(from_logits=False):
    """Return a metric: the share of an object's known yes-or-no labels that the prediction has right, (batch,).

    An object without a label has the mean of the others in its batch, so that it changes no mean.

    Args:
        from_logits: Whether outputs are logits; else they are probabilities.
    """

    def binary_accuracy(y_true, y_pred):
        values, known = labels(y_true)
        predicted = outputs(y_pred, values.shape[-1])
        right = ops.equal(predicted > (0.0 if from_logits else 0.5), values > 0.5)
        return _of_known(mean_over_labels(ops.cast(right, values.dtype), known), ops.any(known, axis=-1))

    return binary_accuracy


def _of_known(values, known):
    """Return values (batch,), and the mean of the known ones where one is not known."""
    weight = ops.cast(known, values.dtype)
    mean = ops.sum(weight * values) / ops.maximum(ops.sum(weight), 1.0)
    return ops.where(known, values, mean)
