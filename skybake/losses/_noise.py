"""Probabilities of classes under noise on the logits: outputs are logits and their log-variances."""

import math

from keras import ops

from skybake.losses._draws import draws as normal_draws
from skybake.losses._numbers import HUGE, LOG_VARIANCE, limited, log_softmax, log_sum_exp, working
from skybake.losses._rows import rows


def noisy(logits, log_variance, noise):
    """Return logits (batch, K) with noise (draws, K) or (draws, 1), (batch, draws, K)."""
    noise = ops.convert_to_tensor(noise, dtype=logits.dtype)
    spread = ops.exp(0.5 * limited(log_variance, LOG_VARIANCE))
    return logits[:, None, :] + spread[:, None, :] * noise[None, :, :]


def log_mean_probabilities(y_pred, draws, seed):
    """Return ln of the mean probability of each class under noise, (batch, K), of the outputs (batch, 2 K)."""
    logits, log_variance = ops.split(limited(working(rows(y_pred)), HUGE), 2, axis=-1)
    noise = normal_draws(draws, logits.shape[-1], seed)
    return log_sum_exp(log_softmax(noisy(logits, log_variance, noise), axis=-1), axis=1) - math.log(draws)


def log_mean_no_and_yes(logits, log_variance, draws, seed):
    """Return ln of the mean probabilities of no and of yes under noise, (batch, L) each."""
    moved = noisy(logits, log_variance, normal_draws(draws, 1, seed))
    log_no, log_yes = (log_sum_exp(-ops.softplus(sign * moved), axis=1) - math.log(draws) for sign in (1.0, -1.0))
    return log_no, log_yes
