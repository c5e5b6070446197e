"""The one Keras class behind every loss."""

from typing import Any

import keras

from skybake import discovery, losses


@keras.saving.register_keras_serializable(package="skybake")
class PerObjectLoss(keras.losses.Loss):
    """A skybake loss as a Keras loss: the mean over the batch of its value for each object."""

    def __init__(
        self,
        name: str,
        parameters: dict[str, Any] | None = None,
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.function = losses.function(name)
        self.parameters = dict(parameters or {})
        unknown = set(self.parameters) - set(discovery.losses()[name].parameters)
        if unknown:
            allowed = ", ".join(discovery.losses()[name].parameters) or "none"
            raise ValueError(f"the loss {name!r} has no parameter {sorted(unknown)[0]!r}; allowed: {allowed}")

    def call(self, y_true, y_pred):
        """Return the loss of each object, (batch,)."""
        return self.function(y_true, y_pred, **self.parameters)

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the loss of again."""
        return {"name": self.name, "parameters": self.parameters, "reduction": self.reduction}
