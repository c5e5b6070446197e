"""One number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Point:
    """One number: the label itself."""

    width: ClassVar[int] = 1
    activation: ClassVar[None] = None
    bias: tuple[float, ...] = (0.0,)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray) -> Point:
        """Start at the mean label."""
        return cls(bias=(float(labels.mean()),))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the output as the point estimate."""
        return Prediction(point=outputs[:, 0])

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        return {"point": outputs[:, 0]}
