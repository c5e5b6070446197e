"""Classes, by logits whose variance is predicted too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._classes import (
    ClassWeights,
    class_counts,
    classified,
    log_frequencies,
    symbolic_classified,
    weights_by_class,
)
from skybake.heads._noise import LOG_NOISE, noisy_logits, symbolic_noisy_logits
from skybake.heads._numbers import floats, softmax
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class LogitsVariance:
    """Logits of classes and the log-variances of their noise.

    Attributes:
        draws, seed: Of the noise over which probabilities are averaged, as in the loss.
    """

    activation: ClassVar[None] = None
    draws: int = 25
    seed: int = 0
    bias: tuple[float, ...] = (0.0,) * 4
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Two outputs a class."""
        return len(self.bias)

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        draws: int,
        seed: int,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> LogitsVariance:
        """Start at the frequencies of the classes and little noise; arguments and errors as of :meth:`Logits.fit`."""
        counts = class_counts(labels, classes)
        bias = [*log_frequencies(counts), *np.full(len(counts), LOG_NOISE)]
        return cls(draws, seed, floats(bias), weights_by_class(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean probabilities of the classes, and the most probable class as the point estimate."""
        return classified(np.mean([softmax(noisy) for noisy in noisy_logits(outputs, self.draws, self.seed)], axis=0))

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        noisy = symbolic_noisy_logits(outputs, self.draws, self.seed)
        return symbolic_classified(ops.mean(ops.softmax(noisy, axis=-1), axis=1))

    @property
    def explains(self) -> str:
        """What :meth:`explained` is."""
        return "logit of the predicted class"

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the logit (n,) of a class."""
        return outputs[:, kind]

    def most_probable(self, outputs: Any) -> Any:
        """Return the class (n,) of the largest mean probability under noise."""
        from keras import ops

        from skybake.losses._noise import log_mean_probabilities

        return ops.argmax(log_mean_probabilities(outputs, self.draws, self.seed), axis=-1)
