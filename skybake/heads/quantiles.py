"""Quantiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._numbers import floats
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of the label.

    Attributes:
        levels: Their levels, ascending, between 0 and 1.
    """

    activation: ClassVar[None] = None
    levels: tuple[float, ...] = (0.16, 0.5, 0.84)
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """One output a level."""
        return len(self.levels)

    @classmethod
    def fit(cls, labels: np.ndarray, levels: Sequence[float]) -> Quantiles:
        """Start at the quantiles of the labels.

        Raises:
            ValueError: The levels do not ascend between 0 and 1.
        """
        steps = np.diff([0.0, *levels, 1.0])
        if not len(levels) or not (steps > 0).all():
            raise ValueError(f"levels: {list(levels)} found; expected ascending numbers between 0 and 1")
        return cls(levels=floats(levels), bias=floats(np.quantile(labels, levels)))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the quantiles in ascending order, the median, and half the width of the central 68.27 %."""
        quantiles = np.sort(outputs, axis=1)
        low, median, high = (_interpolated(level, self.levels, quantiles) for level in (0.158655, 0.5, 0.841345))
        return Prediction(
            point=median,
            std=0.5 * (high - low) if len(self.levels) > 1 else None,
            quantiles=quantiles,
            levels=np.asarray(self.levels),
        )

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        quantiles = ops.sort(outputs, axis=1)
        low, median, high = (_interpolated(level, self.levels, quantiles) for level in (0.158655, 0.5, 0.841345))
        std = {"std": 0.5 * (high - low)} if len(self.levels) > 1 else {}
        return {"point": median, **std, "quantiles": quantiles, "levels": np.asarray(self.levels)}

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the median (n,)."""
        from keras import ops

        ordered = ops.sort(outputs, axis=1)
        place = np.interp(0.5, self.levels, np.arange(len(self.levels)))
        low = int(place)
        high = min(low + 1, len(self.levels) - 1)
        return ordered[:, low] + (place - low) * (ordered[:, high] - ordered[:, low])


def _interpolated(level: float, levels: Sequence[float], quantiles: Any) -> Any:
    """Return the quantile (N,) of a level between given ones, linearly; beyond them the nearest."""
    place = float(np.interp(level, levels, np.arange(len(levels))))
    low = int(place)
    high = min(low + 1, len(levels) - 1)
    return quantiles[:, low] + (place - low) * (quantiles[:, high] - quantiles[:, low])
