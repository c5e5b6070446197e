"""Student's t."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._numbers import log_variance_of, std_of, symbolic_std
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class StudentT:
    """Location and log-scale² of Student's t.

    Attributes:
        dof: Degrees of freedom, above 2.
    """

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    dof: float = 5.0
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray, dof: float) -> StudentT:
        """Start at the mean and variance of the labels."""
        return cls(dof=float(dof), bias=(float(labels.mean()), log_variance_of(labels) + float(np.log(1 - 2 / dof))))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the location as the point estimate, and the standard deviation."""
        return Prediction(point=outputs[:, 0], std=std_of(outputs[:, 1]) / np.sqrt(1 - 2 / self.dof), dof=self.dof)

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        std = symbolic_std(outputs[:, 1]) / float(np.sqrt(1 - 2 / self.dof))
        return {"point": outputs[:, 0], "std": std, "dof": self.dof}
