"""Two classes, by one logit whose variance is predicted too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from skybake.heads._classes import (
    ClassWeights,
    classified,
    log_frequencies,
    symbolic_classified,
    two_classes,
    weights_by_class,
)
from skybake.heads._noise import LOG_NOISE, noisy_logits, symbolic_noisy_logits
from skybake.heads._numbers import sigmoid
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class BinaryVariance:
    """The logit of class 1 of two and the log-variance of its noise.

    Attributes:
        draws, seed: Of the noise over which the probability is averaged, as in the loss.
    """

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    draws: int = 25
    seed: int = 0
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        draws: int,
        seed: int,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> BinaryVariance:
        """Start at the frequency of class 1 and little noise; arguments and errors as of :meth:`Logits.fit`."""
        counts = two_classes(labels, classes)
        no, yes = log_frequencies(counts)
        return cls(draws, seed, (float(yes - no), LOG_NOISE), weights_by_class(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean probabilities of both classes, and the more probable one as the point estimate."""
        yes = np.mean([sigmoid(noisy[:, 0]) for noisy in noisy_logits(outputs, self.draws, self.seed)], axis=0)
        return classified(np.column_stack([1 - yes, yes]))

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        yes = ops.mean(ops.sigmoid(symbolic_noisy_logits(outputs, self.draws, self.seed)), axis=1)
        return symbolic_classified(ops.concatenate([1 - yes, yes], axis=1))

    @property
    def explains(self) -> str:
        """What :meth:`explained` is."""
        return "logit of the predicted class"

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the logit (n,) of a class."""
        return (1.0 if kind else -1.0) * outputs[:, 0]

    def most_probable(self, outputs: Any) -> Any:
        """Return whether each object (n,) is of class 1, by the mean probabilities under noise."""
        from skybake.losses._noise import log_mean_no_and_yes

        log_no, log_yes = log_mean_no_and_yes(outputs[:, :1], outputs[:, 1:], self.draws, self.seed)
        return log_yes[:, 0] > log_no[:, 0]
