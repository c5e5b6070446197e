"""Accuracy while a network trains: the share of labelled objects whose most probable class is theirs."""

import keras
from keras import ops

from skybake.heads._head import OfClasses
from skybake.losses._numbers import working
from skybake.losses._rows import present, rows


class Accuracy(keras.metrics.Metric):
    """The share of the objects seen since the last reset; NaN if none of them has a label.

    Args:
        head: The fitted head of classes that makes the outputs.
    """

    def __init__(self, head: OfClasses):
        super().__init__(name="accuracy")
        self.head = head
        self.right = self.add_weight(shape=(), initializer="zeros", name="right")
        self.labelled = self.add_weight(shape=(), initializer="zeros", name="labelled")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the objects of a batch: class numbers (batch, 1), outputs (batch, width); weights are left out."""
        label = rows(y_true)[:, 0]
        known = present(label)
        found = self.head.most_probable(working(rows(y_pred)))
        right = ops.logical_and(known, ops.equal(ops.cast(found, label.dtype), label))
        self.right.assign_add(ops.sum(ops.cast(right, self.dtype)))
        self.labelled.assign_add(ops.sum(ops.cast(known, self.dtype)))

    def result(self):
        """Return the share."""
        return self.right / self.labelled
