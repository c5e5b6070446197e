"""A Gaussian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._numbers import log_variance_of, std_of, symbolic_std
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Gaussian:
    """Mean and log-variance of a Gaussian."""

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray) -> Gaussian:
        """Start at the mean and variance of the labels."""
        return cls(bias=(float(labels.mean()), log_variance_of(labels)))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean as the point estimate, and the standard deviation."""
        return Prediction(point=outputs[:, 0], std=std_of(outputs[:, 1]))

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        return {"point": outputs[:, 0], "std": symbolic_std(outputs[:, 1])}
