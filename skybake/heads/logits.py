"""Classes, by their logits or probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.heads._classes import (
    ClassWeights,
    class_counts,
    classified,
    log_frequencies,
    symbolic_classified,
    weights_by_class,
)
from skybake.heads._numbers import floats, softmax
from skybake.results.predictions import Prediction


@dataclass(frozen=True)
class Logits:
    """Logits of classes that exclude each other, or their probabilities.

    Attributes:
        from_logits: Whether outputs are logits.
    """

    from_logits: bool = True
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """One output a class."""
        return len(self.bias)

    @property
    def activation(self) -> str | None:
        """Softmax where outputs are probabilities."""
        return None if self.from_logits else "softmax"

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        from_logits: bool = True,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> Logits:
        """Start at the frequencies of the classes.

        Args:
            labels: (N,) class numbers.
            from_logits: Whether outputs are logits.
            class_weights: Weights, or class (name or number) -> weight, 1 where none is given, or ``"balanced"``.
            classes: Their names; without any there are as many classes as the labels tell.

        Raises:
            ValueError: A label is no class number, a class to balance has no object, or weights do not fit the classes.
        """
        counts = class_counts(labels, classes)
        return cls(from_logits, floats(log_frequencies(counts)), weights_by_class(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of the classes, and the most probable class as the point estimate."""
        return classified(softmax(outputs) if self.from_logits else outputs)

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        return symbolic_classified(ops.softmax(outputs, axis=1) if self.from_logits else outputs)

    @property
    def explains(self) -> str:
        """What :meth:`explained` is."""
        return "logit of the predicted class" if self.from_logits else "log probability of the predicted class"

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the logit (n,) of a class, or the logarithm of its probability."""
        from keras import ops

        return outputs[:, kind] if self.from_logits else ops.log(ops.maximum(outputs[:, kind], 1e-30))

    def most_probable(self, outputs: Any) -> Any:
        """Return the class (n,) of the largest output."""
        from keras import ops

        return ops.argmax(outputs, axis=-1)
