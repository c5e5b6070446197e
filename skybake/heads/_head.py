"""What every head can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from skybake.predictions import Prediction


class Head(Protocol):
    """What every head can do.

    Attributes:
        width: Number of outputs.
        activation: Of the last layer; None for none.
        bias: (width,) initial bias, so that training starts at what the labels look like.
        loss_parameters: What the loss must know of the head beside what the config says of it.
    """

    width: int
    activation: str | None
    bias: tuple[float, ...]
    loss_parameters: Mapping[str, Any]

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Turn raw outputs (N, width) into predictions."""
