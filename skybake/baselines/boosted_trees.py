"""Gradient-boosted trees on magnitudes and colours (the input scalars), or on fluxes where no scalar is a magnitude.

Each split considers a random ``feature_share`` of the features, drawn with the seed, as in random forests (Breiman
2001, Mach. Learn. 45, 5). Above 10,000 training objects the seed also chooses a tenth of them to decide when to stop.
"""

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from skybake.baselines._aperture import RADII, fluxes
from skybake.baselines._scalars import magnitudes_and_colours

TASKS = ("regression", "classification")
LIMITS = {
    "iterations": {"at_least": 1},
    "learning_rate": {"above": 0},
    "feature_share": {"above": 0, "at_most": 1},
}


def features(images, scalars):
    """Return the input scalars and the colours of the magnitudes among them: the catalogue alone.

    Where no scalar is a magnitude: asinh of the flux in central apertures of each band, in image units, and the
    scalars, (N, R C + S).
    """
    if scalars.has_magnitudes:
        return magnitudes_and_colours(scalars)
    apertures = [np.arcsinh(fluxes(images, radius)) for radius in RADII]
    return np.column_stack([*apertures, *scalars.with_logarithms()])


def build(task, *, seed, iterations=300, learning_rate=0.05, feature_share=0.5):
    """Return the regressor or classifier."""
    trees = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    return trees(max_iter=iterations, learning_rate=learning_rate, max_features=feature_share, random_state=seed)
