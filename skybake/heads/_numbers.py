"""Arithmetic that several heads share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

TINY = 1e-12
LOG_VARIANCE = 80.0  # as the losses limit it


def floats(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def log_variance_of(labels: np.ndarray) -> float:
    return float(np.log(max(labels.var(), TINY)))


def std_of(log_variance: np.ndarray) -> np.ndarray:
    return np.exp(0.5 * np.clip(log_variance, -LOG_VARIANCE, LOG_VARIANCE))


def symbolic_std(log_variance: Any) -> Any:
    """Return what :func:`std_of` does, in ``keras.ops``."""
    from keras import ops

    return ops.exp(0.5 * ops.clip(log_variance, -LOG_VARIANCE, LOG_VARIANCE))


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -logits))
