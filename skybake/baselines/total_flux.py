"""A polynomial of the logarithm of the flux in all bands, and of the input scalars where there are any.

The radius of the aperture is chosen by cross-validation within the training part.
"""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skybake.baselines._aperture import RADII, by_radius, fluxes, with_chosen_radius

TASKS = ("regression",)
LIMITS = {"degree": {"at_least": 1}}


def features(images, scalars):
    """Return asinh of the flux in central apertures, in image units, each with the scalars: (N, R (1 + S))."""
    return by_radius([np.arcsinh(fluxes(images, radius).sum(axis=1)) for radius in RADII], scalars.with_logarithms())


def build(task, *, degree=2):
    """Return the regressor."""
    polynomial = make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), LinearRegression())
    return with_chosen_radius(polynomial, "neg_root_mean_squared_error")
