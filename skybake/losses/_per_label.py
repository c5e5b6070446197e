"""The loss of a network that predicts several labels: the sum of those of its labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from skybake.losses._keras import PerObjectLoss


@keras.saving.register_keras_serializable(package="skybake")
class PerLabelLoss(PerObjectLoss):
    """The sum over labels of a loss that is called for each alone; a missing label adds nothing.

    Labels are (batch, L), outputs those of the first label, then those of the second, and so on.

    Args:
        name: Name of the loss.
        each: Parameters of the loss, of each label: its units differ.
        widths: Number of outputs of each label.
    """

    def __init__(
        self,
        name: str,
        each: Sequence[Mapping[str, Any]],
        widths: Sequence[int],
        reduction: str = "sum_over_batch_size",
        dtype: Any = None,
    ):
        for parameters in each:
            super().__init__(name, dict(parameters), reduction, dtype)  # refuses what is not allowed
        self.each, self.widths = [dict(parameters) for parameters in each], list(widths)

    def call(self, y_true, y_pred):
        """Return the loss of each object, (batch,)."""
        found, start = 0.0, 0
        for number, (parameters, width) in enumerate(zip(self.each, self.widths, strict=True)):
            columns = y_pred[:, start : start + width]
            found = found + self.function(y_true[:, number : number + 1], columns, **parameters)
            start += width
        return found

    def get_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` makes the loss of again."""
        return {"name": self.name, "each": self.each, "widths": self.widths, "reduction": self.reduction}
