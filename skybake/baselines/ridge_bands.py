"""Ridge regression on the logarithms of the flux in each band, and on the input scalars if there are any."""

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skybake.baselines._aperture import fluxes

TASKS = ("regression",)
LIMITS = {"degree": {"at_least": 1}}
RADIUS = 0.2


def features(images, scalars):
    """Return asinh of the flux in a central aperture of each band, in image units, then the scalars: (N, C + S)."""
    return np.column_stack([np.arcsinh(fluxes(images, RADIUS)), *scalars.values()])


def build(task, *, degree=2):
    """Return the regressor; its penalty is chosen by leave-one-out on the training part."""
    return make_pipeline(
        StandardScaler(), PolynomialFeatures(degree, include_bias=False), RidgeCV(np.logspace(-3, 4, 29))
    )
