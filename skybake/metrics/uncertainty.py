"""What the parts of an uncertainty are, and whether errors follow them.

A mean of several networks, or of passes with dropout, divides its uncertainty (:func:`skybake.results.ensembles.parts`)
into what they differ by, epistemic, and what each says of itself, aleatoric: of numbers two standard deviations
(Depeweg et al. 2018, arXiv:1710.07283), of classes the mutual information (Houlsby et al. 2011, arXiv:1112.5745) and
the mean entropy. A correlation is Spearman's: 1 where the ranks of errors and of uncertainties are the same.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from skybake.metrics import metric


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of the ranks of two arrays (n,), ties at their mean; NaN where one is all the same."""
    given = np.stack([first, second])
    if not np.isfinite(given).all() or (np.ptp(given, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(rankdata(given, axis=1))[0, 1])


@metric(of="parts", head="Epistemic", said="mean standard deviation over networks or passes with dropout", order=140)
def epistemic(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return the mean of what networks differ by (n,), in units of the label."""
    return float(np.mean(epistemic))


@metric(of="parts", head="Aleatoric", said="mean standard deviation that each of them predicts", order=141)
def aleatoric(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return the mean of what each network says of itself (n,), in units of the label."""
    return float(np.mean(aleatoric))


@metric(of="parts", head="|error| with epistemic", said="rank correlation over objects", order=142)
def epistemic_spearman(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return how well sizes of errors (n,) follow what networks differ by."""
    return rank_correlation(error, epistemic)


@metric(of="parts", head="|error| with aleatoric", said="rank correlation over objects", order=143)
def aleatoric_spearman(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return how well sizes of errors (n,) follow what each network says of itself."""
    return rank_correlation(error, aleatoric)


@metric(
    of="parts_of_classes", head="Mutual information", said="of class and network, mean in nats: epistemic", order=240
)
def mutual_information(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return the mean mutual information of class and network (n,), in nats."""
    return float(np.mean(epistemic))


@metric(of="parts_of_classes", head="Mean entropy", said="of what each network predicts, in nats: aleatoric", order=241)
def mean_entropy(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return the mean of the networks' entropies (n,), in nats."""
    return float(np.mean(aleatoric))


@metric(of="parts_of_classes", head="Wrong with mutual information", said="rank correlation over objects", order=242)
def mutual_information_spearman(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return how well wrong classes, 1 of (n,), follow the mutual information."""
    return rank_correlation(error, epistemic)


@metric(of="parts_of_classes", head="Wrong with mean entropy", said="rank correlation over objects", order=243)
def mean_entropy_spearman(error: np.ndarray, epistemic: np.ndarray, aleatoric: np.ndarray) -> float:
    """Return how well wrong classes, 1 of (n,), follow the mean entropy."""
    return rank_correlation(error, aleatoric)
