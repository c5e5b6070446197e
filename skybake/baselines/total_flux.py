"""A polynomial of the logarithm of the flux in all bands, and of the input scalars where there are any."""

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skybake.baselines._aperture import fluxes

TASKS = ("regression",)
LIMITS = {"degree": {"at_least": 1}}
RADIUS = 0.2


def features(images, scalars):
    """Return asinh of the flux in a central aperture, in image units, then the scalars: (N, 1 + S)."""
    return np.column_stack([np.arcsinh(fluxes(images, RADIUS).sum(axis=1)), *scalars.values()])


def build(task, *, degree=2):
    """Return the regressor."""
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), LinearRegression())
