"""Probabilities under noisy logits."""

from __future__ import annotations

import numpy as np

from skybake.heads._numbers import std_of
from skybake.losses._draws import draws as normal_draws

LOG_NOISE = -4.0  # initial log-variance of logits: probabilities start at the frequencies all but undisturbed


def noisy_logits(outputs: np.ndarray, draws: int, seed: int):
    """Yield logits (N, K) with noise, one draw at a time."""
    logits, log_variances = np.split(outputs, 2, axis=1)
    spread = std_of(log_variances)
    for noise in normal_draws(draws, logits.shape[1], seed):
        yield logits + spread * noise
