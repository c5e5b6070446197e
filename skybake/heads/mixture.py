"""A mixture of Gaussians."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._numbers import TINY, floats, softmax, std_of, symbolic_std
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Mixture:
    """Logits of the weights, means and log-variances of a mixture of Gaussians.

    Attributes:
        components: How many.
    """

    activation: ClassVar[None] = None
    components: int = 3
    bias: tuple[float, ...] = (0.0,) * 9
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Three outputs a component."""
        return 3 * self.components

    @classmethod
    def fit(cls, labels: np.ndarray, components: int) -> Mixture:
        """Start with equal weights, means at quantiles of the labels, and what variance is left within components."""
        means = np.quantile(labels, (np.arange(components) + 0.5) / components)
        within = max(labels.var() - means.var(), labels.var() / components**2, TINY)
        return cls(
            components=components,
            bias=floats([*np.zeros(components), *means, *np.full(components, np.log(within))]),
        )

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mixture, its mean and its standard deviation."""
        logits, means, log_variances = np.split(outputs, 3, axis=1)
        weights, stds = softmax(logits), std_of(log_variances)
        mean = (weights * means).sum(axis=1)
        variance = (weights * (stds**2 + (means - mean[:, None]) ** 2)).sum(axis=1)
        return Prediction(point=mean, std=np.sqrt(variance), weights=weights, means=means, stds=stds)

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        logits, means, log_variances = ops.split(outputs, 3, axis=1)
        weights, stds = ops.softmax(logits, axis=1), symbolic_std(log_variances)
        mean = ops.sum(weights * means, axis=1)
        variance = ops.sum(weights * (stds * stds + ops.square(means - mean[:, None])), axis=1)
        return {"point": mean, "std": ops.sqrt(variance), "weights": weights, "means": means, "stds": stds}

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the mean (n,)."""
        from keras import ops

        logits, means, _ = ops.split(outputs, 3, axis=1)
        return ops.sum(ops.softmax(logits, axis=1) * means, axis=1)
