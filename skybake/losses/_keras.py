"""The one Keras class behind every loss."""

from typing import Any

import keras
from keras import backend, ops

from skybake import limits, losses, plugins
from skybake.losses._numbers import working
from skybake.losses._rows import present
from skybake.missing import MAGIC

HALF = ("float16", "bfloat16")


@keras.saving.register_keras_serializable(package="skybake")
class PerObjectLoss(keras.losses.Loss):
    """A skybake loss as a Keras loss: the mean over the batch of its value for each object, weighted if asked.

    It works in float32 (or float64) whatever the precision of labels and outputs.
    """

    def __init__(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ):
        wide = "float64" if keras.config.floatx() == "float64" else "float32"
        super().__init__(name=name, reduction=reduction, dtype=dtype or wide)
        self.function = losses.function(name)
        self.parameters = dict(parameters or {})
        part = plugins.losses()[name]
        unknown = set(self.parameters) - set(part.parameters)
        if unknown:
            allowed = ", ".join(part.parameters) or "none"
            raise ValueError(f"the loss {name!r} has no parameter {sorted(unknown)[0]!r}; allowed: {allowed}")
        limits.check(part.parameters, part.limits, self.parameters)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the reduced loss; half precision is widened here, before Keras would lose the magic number."""
        y_true = ops.convert_to_tensor(y_true)
        if backend.standardize_dtype(y_true.dtype) in HALF:
            y_true = ops.where(present(y_true), ops.cast(y_true, "float32"), MAGIC)
        y_pred = ops.convert_to_tensor(y_pred)
        if backend.standardize_dtype(y_pred.dtype) in HALF:
            y_pred = working(y_pred)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        """Return the loss of each object, (batch,)."""
        return self.function(y_true, y_pred, **self.parameters)

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the loss of again."""
        return {"name": self.name, "parameters": self.parameters, "reduction": self.reduction}
