"""The limit of detection: how well a matched filter tells a source from noise.

In a stamp of independent Gaussian noise of one sigma, the sum of the pixels times the source's known, normalised shape
is the best statistic there is (Neyman & Pearson 1933, Phil. Trans. R. Soc. A 231, 289). In units of its noise it is
normal with mean S/N where there is a source, and with mean 0 where there is none. A classifier that must find out place
and shape by itself is below.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri


def auc(snr: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve at signal to noise ``snr``: Phi(S/N / sqrt 2).

    That of sources of several S/N is the mean of theirs.
    """
    return ndtr(np.asarray(snr, dtype=np.float64) / np.sqrt(2))


def completeness(snr: np.ndarray, false_positive_rate: float) -> np.ndarray:
    """Return the fraction of sources of signal to noise ``snr`` that are found: Phi(S/N - Phi^-1(1 - rate)).

    Args:
        snr: Any shape.
        false_positive_rate: Fraction of the noise stamps that are taken for sources, between 0 and 1.
    """
    return ndtr(np.asarray(snr, dtype=np.float64) + ndtri(false_positive_rate))
