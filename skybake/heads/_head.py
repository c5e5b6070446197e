"""What every head can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np

from skybake.results.predictions import Prediction


class Head(Protocol):
    """What every head can do.

    Attributes:
        width: Number of outputs.
        activation: Of the last layer; None for none.
        bias: (width,) initial bias, so that training starts at what the labels look like.
        loss_parameters: What the loss must know of the head beside what the config says of it.
    """

    @property
    def width(self) -> int: ...

    @property
    def activation(self) -> str | None: ...

    @property
    def bias(self) -> tuple[float, ...]: ...

    @property
    def loss_parameters(self) -> Mapping[str, Any]: ...

    @classmethod
    def fit(cls, labels: np.ndarray, *parameters: Any, **named: Any) -> Self:
        """Make the head for training labels (N,); which parameters it takes is its own business."""

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Turn raw outputs (N, width) into predictions."""
