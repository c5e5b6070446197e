"""What every head can do; and what heads of classes do beside it.

Some methods work on a network's tensors, in ``keras.ops``, which they import themselves: numpy alone is where a head is
read. ``symbolic`` is ``prediction`` there. A head whose point is not its first output has ``explained``; one of classes
has ``most_probable`` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self, runtime_checkable

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

    def symbolic(self, outputs: Any) -> Mapping[str, Any]:
        """Return what ``prediction`` gives, by its name there, for a Keras tensor (N, width); in ``keras.ops``.

        What is the same for all objects (``dof``, ``levels``, ``edges``) comes as numbers. All that is done becomes
        part of ``predictor.keras`` (:mod:`skybake.training.predictor`).
        """


@runtime_checkable
class Explained(Protocol):
    """A head that says which number attributions explain."""

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the number (n,) of outputs (n, width): the point, in their units; or of the class ``kind``."""


@runtime_checkable
class OfClasses(Explained, Protocol):
    """A head of classes."""

    @property
    def explains(self) -> str:
        """What ``explained`` is, in words."""

    def most_probable(self, outputs: Any) -> Any:
        """Return the class (n,) that the prediction of outputs (n, width) calls the most probable one."""
