"""Two classes, by one logit or probability."""

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
from skybake.heads._numbers import sigmoid
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Binary:
    """The logit of class 1 of two, or its probability.

    Attributes:
        from_logits: Whether the output is a logit.
    """

    width: ClassVar[int] = 1
    from_logits: bool = True
    bias: tuple[float, ...] = (0.0,)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def activation(self) -> str | None:
        """Sigmoid where the output is a probability."""
        return None if self.from_logits else "sigmoid"

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        from_logits: bool = True,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> Binary:
        """Start at the frequency of class 1; arguments and errors as of :meth:`Logits.fit`."""
        counts = two_classes(labels, classes)
        no, yes = log_frequencies(counts)
        return cls(from_logits, (float(yes - no),), weights_by_class(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of both classes, and the more probable one as the point estimate."""
        yes = sigmoid(outputs[:, 0]) if self.from_logits else outputs[:, 0]
        return classified(np.column_stack([1 - yes, yes]))

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        yes = ops.sigmoid(outputs) if self.from_logits else outputs
        return symbolic_classified(ops.concatenate([1 - yes, yes], axis=1))

    @property
    def explains(self) -> str:
        """What :meth:`explained` is."""
        return "logit of the predicted class"

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the logit (n,) of a class."""
        from keras import ops

        sign, yes = (1.0 if kind else -1.0), outputs[:, 0]
        if self.from_logits:
            return sign * yes
        yes = ops.clip(yes, 1e-7, 1 - 1e-7)
        return sign * (ops.log(yes) - ops.log(1 - yes))

    def most_probable(self, outputs: Any) -> Any:
        """Return whether each object (n,) is of class 1."""
        return outputs[:, 0] > (0.0 if self.from_logits else 0.5)
