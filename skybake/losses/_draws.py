"""Draws of logit noise, in numpy: the loss and the head must see the same ones, whatever the framework."""

import numpy as np


def draws(count: int, width: int, seed: int) -> np.ndarray:
    """Return standard normal draws (count, width), float32; each column has mean 0 and variance 1 exactly.

    Matching the first two moments takes out most of the error of few draws (Boyle, Broadie & Glasserman 1997, J. Econ.
    Dyn. Control 21, 1267). The same draws serve every object and every step: the loss of an object then depends on
    nothing but its label and outputs, and is the same in training, in validation and in another framework.
    """
    noise = np.random.default_rng(seed).standard_normal((count, width))
    noise -= noise.mean(axis=0)
    return (noise / noise.std(axis=0)).astype(np.float32)
