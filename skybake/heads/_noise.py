"""Probabilities under noisy logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from skybake.heads._numbers import std_of, symbolic_std
from skybake.losses._draws import draws as normal_draws

LOG_NOISE = -4.0  # initial log-variance of logits: probabilities start at the frequencies all but undisturbed


def noisy_logits(outputs: np.ndarray, draws: int, seed: int):
    """Yield logits (N, K) with noise, one draw at a time."""
    logits, log_variances = np.split(outputs, 2, axis=1)
    spread = std_of(log_variances)
    for noise in normal_draws(draws, logits.shape[1], seed):
        yield logits + spread * noise


def symbolic_noisy_logits(outputs: Any, draws: int, seed: int) -> Any:
    """Return logits (N, draws, K) with noise, in ``keras.ops``."""
    from keras import ops

    logits, log_variances = ops.split(outputs, 2, axis=1)
    noise = normal_draws(draws, logits.shape[1], seed)
    spread = symbolic_std(log_variances)
    return ops.add(ops.multiply(spread[:, None, :], noise[None]), logits[:, None, :])
