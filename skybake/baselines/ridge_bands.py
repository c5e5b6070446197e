"""Ridge regression on the logarithms of the flux in each band, and on the input scalars if there are any.

The radius of the aperture is chosen by cross-validation within the training part.
"""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skybake.baselines._aperture import RADII, by_radius, fluxes, with_chosen_radius

TASKS = ("regression",)
LIMITS = {"degree": {"at_least": 1}}


def features(images, scalars):
    """Return asinh of the flux of each band in central apertures, in image units, each with the scalars.

    Returns:
        (N, R (C + S)), a block for each radius.
    """
    return by_radius([np.arcsinh(fluxes(images, radius)) for radius in RADII], scalars.with_logarithms())


def build(task, *, degree=2):
    """Return the regressor; its penalty is chosen by leave-one-out on the training part."""
    ridge = make_pipeline(
        StandardScaler(), PolynomialFeatures(degree, include_bias=False), RidgeCV(np.logspace(-3, 4, 29))
    )
    return with_chosen_radius(ridge, "neg_root_mean_squared_error")
